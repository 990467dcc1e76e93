"""Prompts as symbols: tags and weights are removed, quoted text is set apart, words are looked up in the lexicon."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from ..english import COLOR_NOUNS, COLORS, INVARIANT_NOUNS, NUMBERS, plural, singular
from .emojis import EMOJI
from .lexicon import FUNCTION_WORDS, LEXICON, LONGEST, Quantity, Symbol, Word
from .names import name_spans
from .numbers import UNCOUNTED, uncounted, without_large
from .tagger import load_tagger
from .tagging import MOST_WORDS_OF_A_COMPOUND, compound_at, finite_verb, is_noun, word_symbol
from .vocabulary import ATTRIBUTES, BODY_PARTS, COMPOUNDS, MEDIA
from .words import SURE, letters, listed, noun_kind, verb_of

_WORD = r"[^\W_]+(?:['\u2019-][^\W_]+)*"
# No alternative may look far ahead of where it can fail, or long texts take quadratic time.
_TOKEN = re.compile(
    # Tags and weights: <lora:x:0.8>, embedding:x, score_9_up, __wildcard__, --ar 16:9, :1.3).
    r"<[^<>]{0,200}>|\bembedding:\S+|\b(?:score|rating|source)_\w+|__\w{1,100}?__|(?<!\S)--\w+(?:[ ]+[\d.:]+)?"
    r"|:\s{0,9}[-+]?\d{1,9}(?:\.\d{1,9})?(?=\s{0,9}[)\]])"
    r'|"(?P<double>[^"\n]{1,1000})"|[\u201c\u201e](?P<curly>[^\u201c\u201d\u201e\n]{1,1000})[\u201d\u201c]'
    r"|\u00ab(?P<angle>[^\u00ab\u00bb\n]{1,1000})\u00bb"
    r"|\u2018(?P<single>(?:[^\u2018\u2019\n]|\u2019(?=\w)){1,100})\u2019"
    r"|(?<!\w)'(?P<plain>(?:[^'\n]|'(?=\w)){1,100})'(?!\w)"
    r"|\b(?i:says|saying|reads|letters?|words?|texts?)[ :]{1,9}"
    r"(?P<capitals>[A-Z][A-Z0-9!?'-]{1,40}(?:[ ][A-Z0-9!?'-]{1,40}){0,9})(?!\w)"
    # What is said without quotation marks goes on to the end of the clause.
    r"|\b(?i:says|that reads|which reads)[ :]{1,9}"
    r"(?P<said>[\w](?:[^\n.,;:\"()\[\]{}\u201c\u201d\u2018]|[.,:](?=\d)){0,80})"
    r"|(?P<stop>\bBREAK\b|\bAND\b|[.!?](?=\W|\Z)|\n[ \t\r]*\n)|(?P<line>\n)"
    # "Cat::2 dog" has a weight.
    r"|(?P<comma>::\s{0,3}[-+]?\d{0,9}(?:\.\d{1,9})?(?![\w.])|[,;:/|\u2022\u00b7\u2013\u2014]|(?<=\s)-(?=\s))"
    r"|(?P<and>&|(?<=[ ])\+(?=[ ]))|(?P<bracket>[()\[\]{}])"
    # Numbers of models, apertures, sizes and versions, then 2girls and 6+boys.
    r"|#\d+"
    r"|\d+(?:[.,:/]\d+)+|[$\u20ac\u00a3\u00a5][ ]?\d[\d.,]*"
    r"|(?P<counted>(?<!\w)\d{1,3})(?P<more>\+?)[ ]?(?=(?!dpi|fps|mph|koma|bit|iso|deg)[a-zA-Z]{3})"
    rf"|(?P<word>{_WORD})"
    rf"|{EMOJI}"
)
_FIGURE = re.compile(rf"[#$\u20ac\u00a3\u00a5]?\d|{EMOJI}")
"""How what is left out and says something begins."""
_SEPARATORS = {"comma": ",", "stop": ".", "line": "\n", "bracket": "("}
_KINDS = {token: kind for kind, token in _SEPARATORS.items()}
_AFTER_SAID = re.compile(
    r"\s(?:on|in|above|below|under|over|next to|beside|behind|with|and)\s(?=(?:a|an|the|two|his|her|its)\s)"
)
"""Where words that are said end."""

_BEFORE_QUALITIES = frozenset({"a", "an", "the", "very", "two", "three"})
_BEFORE_NAMES = frozenset({"of", "by", "called", "named", "like", "style", "from"})
_PREFIXES = frozenset({"ex", "non", "semi", "anti", "pre", "ultra"})
_TREATED = frozenset(
    """capped covered lined plated tinted painted carved drawn powered worn bleached stained soaked trimmed
    encrusted studded infested clad coated swept lit""".split()
)
"""``Snow capped hills``: what comes before is no thing of its own."""
_OF_HAIR = frozenset("short long dark light medium curly straight wavy messy".split())
_MADE_LIKE = frozenset({"shaped", "themed", "sized"})
_COLORED = frozenset({"colored", "coloured"})
_HYPHENATED = frozenset(
    {"high tech", "low tech", "sci fi", "low poly", "high fantasy", "high end", "hard surface"}
    | {"full grown", "fully grown", "half eaten", "full length", "full size", "life size", "open air", "dimly lit"}
)
_SUBJECTS = frozenset({"he", "she", "it", "they"})
_FIRST_WORDS = frozenset(words[0] for words in LEXICON)
_JOINING = frozenset(
    words[0] for words, symbol in LEXICON.items() if symbol.kind in ("link", "direction", "by") and symbol.form != "ing"
)
"""First words of prepositions."""

_ARTICLE = re.compile(r" of an? ")
_SMALL = frozenset(word for word, number in NUMBERS.items() if number > 1 and " " not in word)
_UNREAD = ('"', UNCOUNTED, "(")
_NAME = "@"
"""Before a token that is a name of several words."""

_NEVER_NOUNS = FUNCTION_WORDS | COLORS - COLOR_NOUNS


def _tokens(prompt: str) -> list[str]:
    """Words in lower case, separators, and quoted text with a quotation mark before it."""
    tokens: list[str] = []
    prompt = prompt.replace("\\", "")
    names, named = name_spans(prompt), 0
    for match in _TOKEN.finditer(prompt):
        kind = match.lastgroup
        if kind is None or match.start() < named:
            continue
        if match.start() in names:
            named = names[match.start()]
            tokens.append(_NAME + prompt[match.start() : named].lower())
            continue
        text = match[kind]
        if kind == "word":
            for word in re.findall(_WORD, text.lower()):
                parts = word.replace("\u2019", "'").split("-")
                colored = len(parts) > 2 and all(part in COLORS or part == "and" for part in parts)
                tokens += parts if colored else ["-".join(parts)]
        elif kind == "more":
            tokens += [*(("at", "least") if text else ()), match["counted"]]
        elif kind == "capitals":
            tokens += ["says", '"' + text]
        elif kind == "said":
            said, *rest = _AFTER_SAID.split(text, maxsplit=1)
            tokens += ["says", '"' + " ".join(said.split())]
            tokens += _tokens(text[len(said) :]) if rest else []
        elif kind == "and":
            tokens.append("and")
        elif kind in _SEPARATORS:
            tokens.append(_SEPARATORS[kind])
        elif tokens and tokens[-1] in _BEFORE_QUALITIES and re.fullmatch("[a-z-]+", text) and _goes_on(match):
            # "An 'evil' cat" quotes a word, and no text.
            tokens.append(text)
        else:
            tokens.append('"' + ("" if tokens and tokens[-1] in _BEFORE_NAMES else " ".join(text.split())))
    return tokens


def unread_figures(prompt: str) -> list[str]:
    """Emojis, prices, ratios and numbers with a # in front of them, of which no token is made."""
    found = (match[0] for match in _TOKEN.finditer(prompt.replace("\\", "")) if match.lastgroup is None)
    return [text for text in found if _FIGURE.match(text)]


def bare_numbers(symbols: Sequence[Symbol]) -> list[str]:
    """The numbers after which nothing comes that they could count."""
    numbers, counts = [], False
    for symbol in reversed(symbols):
        if symbol.source.isdecimal() or symbol.source in _SMALL:
            numbers += [] if symbol.kind == "quantity" and counts else [symbol.source]
        if symbol.kind not in ("line", "noise"):
            counts = symbol.kind not in ("comma", "stop", "and")
    return numbers[::-1]


def _goes_on(match: re.Match[str]) -> bool:
    return (
        match.string[match.end() : match.end() + 1] == " " and match.string[match.end() + 1 : match.end() + 2].isalpha()
    )


def _is_content(token: str) -> bool:
    """Whether a token can continue a noun phrase."""
    return (
        token not in _KINDS
        and token[0] not in ('"', UNCOUNTED)
        and token not in FUNCTION_WORDS
        and not token.isdecimal()
    )


def symbols(prompt: str, literal: bool = False) -> list[Symbol]:
    """The prompt as symbols, one for the longest known sequence of words at each place; never fails, takes linear time.

    ``literal`` is for texts of claims: numbers of more than three digits are counts, not years or sizes, a place in
    the picture is ``on the left``, not ``on left``, and words have no parts of speech.
    """
    tokens = _tokens(prompt)
    if literal:
        tokens = [word for token in tokens if token != "(" for word in _plain(token)]
    else:
        tokens = uncounted(without_large(tokens, _SMALL, NUMBERS), _SMALL)
        tokens = _joined(tokens)
    tags = None if literal else load_tagger().tags(["," if token[0] in _UNREAD else token for token in tokens])
    result: list[Symbol] = []
    index = 0
    while index < len(tokens):
        length, symbol = _symbol_at(tokens, index, tags)
        result.append(symbol)
        index += length
    return result


def _plain(token: str) -> list[str]:
    """The words of a name; any other token as it is."""
    return token[1:].split() if token[0] == _NAME else [token]


def _joined(tokens: list[str]) -> list[str]:
    """``Blue eyed`` as ``blue-eyed``, and ``blue colored`` as ``blue``."""
    result: list[str] = []
    for token, after in zip(tokens, [*tokens[1:], "."]):
        before = result[-1] if result else "."
        described = before in COLORS or "a" in letters(before)
        named = token in _MADE_LIKE and after not in ("like", "as") and letters(before)[:1] in tuple("tpbms")
        named = named or (token in _TREATED and is_noun(after) and after not in FUNCTION_WORDS and is_noun(before))
        if before in _PREFIXES or f"{before} {token}" in _HYPHENATED or (named and before not in FUNCTION_WORDS):
            result[-1] += f"-{token}"
            continue
        if before in COLORS and (token in _COLORED or (token in ("color", "colour") and is_noun(after))):
            continue
        if token == "haired" and len(result) > 1 and described and result[-2] in _OF_HAIR:
            result[-2:] = [f"{result[-2]}-{before}-haired"]
            continue
        if described and before not in FUNCTION_WORDS and _is_part(token):
            result[-1] += f"-{token}"
        else:
            result.append(token)
    return result


def _is_part(token: str) -> bool:
    """Whether a word says which parts a body has: ``haired``, ``eyed``, ``skinned``."""
    if not token.endswith("ed") or token in ATTRIBUTES:
        return False
    return any(listed(stem)[:1] == "b" or stem in BODY_PARTS for stem in (token[:-2], token[:-1], token[:-3]))


def _symbol_at(tokens: list[str], index: int, tags: list[str] | None) -> tuple[int, Symbol]:
    """The symbol at a place, and how many tokens it takes. Without ``tags`` the text is a claim's."""
    token = tokens[index]
    if token in _KINDS:
        return 1, Symbol(_KINDS[token])
    if token[0] == '"':
        return 1, Symbol("quote", token[1:], source=token + '"')
    if token[0] == _NAME:
        return 1, Symbol("word", text=Word(token[1:], "F"), source=token[1:])
    if token[0] == UNCOUNTED:
        return 1, Symbol("noise", source=token[1:])
    if token.isdecimal():
        number = int(token) if len(token) <= (3 if tags else 4000) else None
        if number == 0:
            return 1, Symbol("no" if tags is None or _plural_at(tokens, index + 1) else "noise", source=token)
        return 1, Symbol("quantity", Quantity(number), source=token) if number else Symbol("noise", source=token)
    if tags:
        length, text = compound_at(_plain_words(tokens, index))
        if length and not (index and _acts_on_plural(tokens, index)):
            return length, Symbol("word", text=Word(text, "N"), source=text)
    length, symbol = _longest(tokens, index, tags is None) if token in _FIRST_WORDS else (0, Symbol("word"))
    if not length:
        after = tokens[index + 1] if index + 1 < len(tokens) else "."
        before = tokens[index - 1] if index else ""
        if (
            tags
            and before in _SUBJECTS
            and (index == 1 or tokens[index - 2] in _KINDS)
            and (verb := finite_verb(token))
        ):
            return 1, verb
        return 1, word_symbol(token, tags[index], after, before) if tags else _literal_symbol(tokens, index, after)
    if token == "her" and tags and _ends_here(tokens, index + 1, tags):
        return 1, Symbol("pronoun", source=token)
    if token == "zero" and length == 1 and tags and not _plural_at(tokens, index + 1):
        return 1, Symbol("noise", source=token)
    if tags and length == 1 and symbol.kind in ("verb", "action"):
        symbol = replace(symbol, tag=tags[index])
        symbol = replace(symbol, text=Word(symbol.text, "A" if symbol.form == "ing" else "N"))
    return length, replace(symbol, source=" ".join(tokens[index : index + length]))


def _acts_on_plural(tokens: list[str], index: int) -> bool:
    """Whether somebody acts on several things here: ``men in a room playing cards``, but ``leather riding boots``."""
    after = tokens[index + 1] if index + 1 < len(tokens) else "."
    symbol = LEXICON.get((tokens[index],))
    acts = symbol is not None and symbol.kind == "verb" and symbol.form == "ing" and singular(after) != after
    return acts and noun_kind(tokens[index - 1]) in ("t", "p", "s")


def _literal_symbol(tokens: list[str], index: int, after: str) -> Symbol:
    """A word of a claim's text: a verb if it can join two things, as in ``monk sweeping floor``."""
    token, is_last = tokens[index], index + 1 == len(tokens)
    verb = verb_of(token) if index and not is_last else None
    counted = tokens[0] in NUMBERS or tokens[0] == "the" or tokens[0].isdecimal() or tokens[:2] == ["at", "least"]
    if verb is None or counted or verb[1] not in ("ing", "ed") or compound_at(_plain_words(tokens, index))[0]:
        return Symbol("word", text=token)
    joins = after in _JOINING
    after_noun = noun_kind(tokens[index - 1]) in SURE
    if not after_noun or (joins and token in MEDIA) or (verb[1] == "ed" and not joins):
        return Symbol("word", text=token)
    return Symbol("action" if joins else "verb", token, token, "ing")


def _ends_here(tokens: list[str], index: int, tags: list[str]) -> bool:
    """Whether nothing that could be owned stands here: ``next to her stands a dog``."""
    if index >= len(tokens) or tokens[index] in _KINDS or tokens[index] in ("and", "is"):
        return True
    symbol = LEXICON.get((tokens[index],))
    return symbol is not None and symbol.form == "third" and tags[index] == "V"


def _plural_at(tokens: list[str], index: int) -> bool:
    """Whether a plural stands here, perhaps after an adjective: zero of something must be something."""
    words = _plain_words(tokens, index)
    return any("N" in letters(word) or singular(word) in INVARIANT_NOUNS for word in words[:2])


def _plain_words(tokens: list[str], index: int) -> list[str]:
    """The words from here on that are no separators, quotes or numbers; at most as many as a compound has."""
    words: list[str] = []
    for token in tokens[index : index + MOST_WORDS_OF_A_COMPOUND]:
        if token in _KINDS or not token[0].isalpha():
            break
        words.append(token)
    return words


def _longest(tokens: list[str], index: int, literal: bool) -> tuple[int, Symbol]:
    """The longest entry of the lexicon at a place and its number of tokens; 0 if there is none."""
    for length in range(min(LONGEST, len(tokens) - index), 0, -1):
        symbol = LEXICON.get(tuple(tokens[index : index + length]))
        if symbol is None or (literal and (symbol.form == "short" or symbol.kind == "drop")):
            continue
        after = tokens[index + length] if index + length < len(tokens) else "."
        if symbol.kind == "place" and after == "of":
            return length + 1, Symbol("link", f"{symbol.value} of")
        # "On the left shoe" is no place in the picture, and a "running shoe" does not run.
        # In a claim's text, "person riding boot" is a relation.
        acts = literal and index > 0 and noun_kind(tokens[index - 1]) in SURE
        acts = acts or (not literal and index > 0 and _acts_on_plural(tokens, index))
        named = length == 1 and not acts and f"{tokens[index]} {singular(after)}" in COMPOUNDS
        if not (named or (symbol.kind == "place" and _is_content(after))):
            return length, symbol
    return 0, Symbol("word")


def reads_back(noun: str) -> bool:
    """Whether a noun and its plural are read as that noun, and not as a colour or as words of the grammar."""
    if singular(noun) != noun:
        return False
    for form in (_ARTICLE.sub(" of ", noun), _ARTICLE.sub(" of ", plural(noun))):
        last = form.partition(" of ")[0].rpartition(" ")[2]
        if last in _NEVER_NOUNS or last.isdecimal():
            return False
        if not all(symbol.text or symbol.kind == "of" for symbol in symbols(form, literal=True)):
            return False
    return True
