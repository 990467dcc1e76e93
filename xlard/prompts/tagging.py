"""The words of a prompt that the lexicon does not hold: nouns, adjectives, verbs, adverbs, names or unknown."""

from __future__ import annotations

from ..english import COLORS, NUMBERS, singular
from .lexicon import Symbol, Word
from .tagger import FIXED
from .verbs import participle
from .vocabulary import ATTRIBUTES, BODY_PARTS, MEDIA, NOISE_NOUNS, OPINIONS, SHADES, WRITINGS
from .words import NOUNS, SURE, is_compound, letters, listed, noun_kind, verb_of

_CLOSED = ATTRIBUTES | OPINIONS | COLORS | SHADES | NOISE_NOUNS | MEDIA | WRITINGS | BODY_PARTS
_ADJECTIVE_ENDINGS = ("ish", "ous", "ful", "less", "like", "esque", "ible", "able", "ian", "ical", "-eyed", "-style")
_MORE_COLORS = frozenset(
    """crimson scarlet amber ivory lavender indigo azure burgundy charcoal khaki mauve ochre aqua chartreuse fuchsia
    lilac peach mustard copper bronze sepia auburn ginger vermilion cerulean sapphire jade ruby coral blond
    multicolored multi-colored rainbow-colored iridescent""".split()
)
"""Colours that boxes do not have: attributes, where a noun follows."""

_SIDES = frozenset({"left", "right"})
"""Adjectives that are no attributes: a left shoe is a shoe of another kind."""

_SOMEBODY = frozenset({"someone", "somebody", "anyone", "anybody"})
_DETERMINERS = frozenset("a an the his her their its another two three some several".split())
_ACTORS = ("t", "p")
_ENDS = frozenset({".", ",", "and", "\n", "("})

MOST_WORDS_OF_A_COMPOUND = 3


def compound_at(words: list[str]) -> tuple[int, str]:
    """How many of the first of these words are one noun of the list, and that noun as written; 0 for none."""
    for length in range(min(MOST_WORDS_OF_A_COMPOUND, len(words)), 1, -1):
        text = " ".join(words[:length])
        if (is_compound(text) or is_compound(singular(text))) and singular(words[length - 1]) not in MEDIA:
            return length, text
    return 0, ""


def is_noun(word: str) -> bool:
    """Whether a word can be a noun, in the singular or plural."""
    return any(letter in NOUNS or letter == "N" for letter in letters(word))


def word_symbol(word: str, tag: str, after: str, before: str = "") -> Symbol:
    """The symbol of a word that the lexicon does not hold, by its tag and the words ``before`` and ``after`` it."""
    if word == "half" and is_noun(after):
        # "Half lion": what there is none of, as a whole.
        return Symbol("like", source=word)
    if word in SHADES and after not in COLORS and set(letters(word)[:2]) & SURE and word not in ATTRIBUTES:
        return _word(word, "N")
    if word in _CLOSED or singular(word) in _CLOSED:
        verb = verb_of(word) if word not in ATTRIBUTES | OPINIONS | COLORS else None
        acts = verb is not None and verb[1] == "ing" and (after in _DETERMINERS or after[0] == '"')
        acts = acts or (tag in "VG" and word not in NOISE_NOUNS | MEDIA | WRITINGS)
        return _verb(word, verb) if verb and acts else Symbol("word", text=Word(word), source=word)
    if word in _MORE_COLORS:
        return _word(word, "A" if is_noun(after) or after == "and" else "N")
    if word in _SIDES:
        return _word(word, "")
    kinds = letters(word)
    verb = verb_of(word)
    if word in _SOMEBODY:
        return Symbol("word", text=Word("person", "N"), source=word)
    if verb and verb[1] == "ing" and "t" in kinds and after in _ENDS:
        return _word(word, "N")
    if verb and verb[1] == "ing" and (after in _DETERMINERS or (is_noun(after) and noun_kind(before) in _ACTORS)):
        return _verb(word, verb)
    counted = after in _DETERMINERS or after == "the" or after.isdecimal() or NUMBERS.get(after, 0) > 1
    if verb and verb[1] == "third" and counted and noun_kind(before) in _ACTORS and singular(before) == before:
        # "A robot waters five tulips": no second noun stands before a number.
        return _verb(word, verb)
    if tag in ("V", "G", "D") and verb and not (verb[1] == "base" and tag != "V"):
        return _verb(word, verb)
    if tag == "R" and ("r" in kinds or word.endswith("ly")):
        return Symbol("noise", source=word)
    if tag == "A" and any(letter in "aGD" for letter in kinds):
        return _word(word, "A")
    if tag == "N" and kinds[:1] in ("a", "G") and is_noun(after):
        return _word(word, "A")
    if verb and verb[1] == "ing" and tag == "N" and "x" in kinds and (after in FIXED or not is_noun(after)):
        # "A man smoking a pipe": an act, though a noun names it too.
        return _verb(word, verb)
    if tag == "F" and (not kinds or "f" in kinds):
        return _word(word, "F")
    if is_noun(word):
        named = kinds[0] == "f" and before not in _DETERMINERS and before != "the"
        return _word(word, "F" if named else "N")
    if "a" in kinds:
        return _word(word, "A")
    if "r" in kinds:
        return Symbol("noise", source=word)
    if verb:
        return _verb(word, verb)
    return _unlisted(word, after)


def _word(word: str, tag: str) -> Symbol:
    return Symbol("word", text=Word(word, tag), source=word)


def finite_verb(word: str) -> Symbol | None:
    """The symbol of a verb that is no participle, after its subject; None for other words."""
    verb = verb_of(word)
    return _verb(word, verb) if verb and verb[1] in ("third", "base", "past") else None


def _verb(word: str, verb: tuple[str, str]) -> Symbol:
    base, form = verb
    value = word if form == "ed" else participle(base)
    return Symbol("act", value, Word(word, "A" if form in ("ing", "ed") else "N"), form, word)


def _unlisted(word: str, after: str) -> Symbol:
    """A word that is in no list: by its ending, or the last of its parts."""
    first, hyphen, last = word.rpartition("-")
    if hyphen:
        if is_compound(word.replace("-", " ")) or is_compound(singular(word.replace("-", " "))):
            return _word(word, "N")
        kinds = letters(last)
        if last.endswith("ed") or (kinds and kinds[0] in "aGD"):
            return _word(word, "A")
        if is_noun(last):
            return _word(word, "A" if is_noun(after) and listed(after)[:1] != "v" else "N")
        return _word(word, "A" if "a" in kinds or is_noun(after) else "?")
    if word.endswith("ly"):
        return Symbol("noise", source=word)
    if word.endswith(_ADJECTIVE_ENDINGS) and len(word) > 5:
        return _word(word, "A")
    return _word(word, "?")
