"""Forms of English verbs: which verb a word may be a form of, and its participle in -ing."""

from __future__ import annotations

from functools import lru_cache

from ..english import word_pairs

_IRREGULAR = word_pairs(
    """arisen arise, ate eat, eaten eat, beaten beat, began begin, begun begin, bent bend, bitten bite, bit bite,
    blew blow, blown blow, bought buy, bound bind, broke break, broken break, brought bring, built build, burnt burn,
    came come, carven carve, caught catch, chose choose, chosen choose, clung cling, crept creep, cut cut, dealt deal,
    did do, done do, drank drink, drawn draw, drew draw, driven drive, drove drive, dug dig, fallen fall, fed feed,
    fell fall, felt feel, fled flee, flew fly, flown fly, flung fling, forgotten forget, fought fight, found find,
    froze freeze, frozen freeze, gave give, given give, got get, grew grow, ground grind, grown grow, heard hear,
    held hold, hid hide, hidden hide, hit hit, hung hang, kept keep, knelt kneel, knew know, known know, laid lay,
    lain lie, leapt leap, led lead, left leave, lent lend, let let, lit light, lost lose, lying lie, made make,
    met meet, mown mow, paid pay, proven prove, put put, ran run, rang ring, read read, ridden ride, risen rise,
    rode ride, rose rise, sang sing, sank sink, sat sit, saw see, seen see, sent send, set set, sewn sew, shaken shake,
    shod shoe, shone shine, shook shake, shorn shear, shot shoot, shown show, shrunk shrink, shut shut, sitting sit,
    slept sleep, slid slide, slung sling, snuck sneak, sold sell, sown sow, spent spend, split split, spoke speak,
    spread spread, sprung spring, spun spin, stole steal, stolen steal, stood stand, strewn strew, struck strike,
    strung string, stuck stick, stung sting, sung sing, sunk sink, swam swim, swept sweep, swollen swell, swore swear,
    swum swim, swung swing, taken take, taught teach, thrown throw, threw throw, told tell, took take, tore tear,
    torn tear, tying tie, dying die, vying vie, went go, wept weep, woke wake, won win, wore wear, worn wear,
    wound wind, woven weave, wove weave, written write, wrote write"""
)
_PAST_ONLY = frozenset(
    """ate began bit blew broke came chose did drank drew drove fell flew froze gave got grew hid knew ran rang rode
    rose sang sank sat saw shook slept snuck spoke stole stood swam swore threw took tore went woke wore wove wrote
    knelt leapt crept wept""".split()
)
"""Pasts that are no participles."""

_STRESSED_LATE = frozenset("begin forget permit refer prefer admit commit occur regret submit upset".split())
_KEEPS_E = ("ee", "oe", "ye")


def participle(verb: str) -> str:
    """A verb's participle in -ing: ``bobbing``, ``illuminating``, ``lying``."""
    if verb.endswith("ie"):
        return verb[:-2] + "ying"
    if verb.endswith("e") and not verb.endswith(_KEEPS_E) and len(verb) > 2:
        return verb[:-1] + "ing"
    if _doubles(verb):
        return verb + verb[-1] + "ing"
    return verb + "ing"


def _doubles(verb: str) -> bool:
    """Whether the last consonant is doubled: ``bob``, ``begin``; not ``open``, ``play``, ``read``."""
    if len(verb) < 3 or verb[-1] in "aeiouwxyh" or verb[-2] not in "aeiou":
        return False
    if verb[-3] in "aeiou" and verb[-3:-1] != "ui":
        return False
    one_syllable = sum(before not in "aeiouy" and letter in "aeiouy" for before, letter in zip(" " + verb, verb)) == 1
    return one_syllable or verb in _STRESSED_LATE


@lru_cache(maxsize=4096)
def bases(word: str) -> tuple[tuple[str, str], ...]:
    """The verbs that a word can be a form of, with the form: ``ing``, ``ed``, ``third`` or ``base``."""
    found = [(word, "base")]
    if word in _IRREGULAR:
        base = _IRREGULAR[word]
        return ((base, "ing" if word.endswith("ing") else "past" if word in _PAST_ONLY else "ed"),)
    for ending, form in (("ing", "ing"), ("ed", "ed")):
        if word.endswith(ending) and len(word) > len(ending) + 2:
            stem = word[: -len(ending)]
            # "Scaring" is of "scare": of "scar" it would have two consonants.
            found += [(stem + "e", form)] if _doubles(stem) else [(stem, form), (stem + "e", form)]
            if stem[-1] == stem[-2]:
                found.append((stem[:-1], form))
            if stem[-1] == "i" and ending == "ed":
                found.append((stem[:-1] + "y", form))
            if stem[-1] == "y" and ending == "ing":
                found.append((stem[:-1] + "ie", form))
    if word.endswith("s") and not word.endswith("ss") and len(word) > 3:
        found.append((word[:-1], "third"))
        if word.endswith("es"):
            found.append((word[:-2], "third"))
        if word.endswith("ies"):
            found.append((word[:-3] + "y", "third"))
    return tuple(found)
