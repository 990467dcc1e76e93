"""English numbers, colours, and the singulars and plurals of nouns."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

NUMBERS = {
    "a": 1,
    "an": 1,
    "one": 1,
    "two": 2,
    "three": 3,
    "four": 4,
    "five": 5,
    "six": 6,
    "seven": 7,
    "eight": 8,
    "nine": 9,
    "ten": 10,
    "eleven": 11,
    "twelve": 12,
    "thirteen": 13,
    "fourteen": 14,
    "fifteen": 15,
    "sixteen": 16,
    "seventeen": 17,
    "eighteen": 18,
    "nineteen": 19,
    "twenty": 20,
    "thirty": 30,
    "forty": 40,
    "fifty": 50,
    "sixty": 60,
    "seventy": 70,
    "eighty": 80,
    "ninety": 90,
    "no": 0,
    "without": 0,
    "zero": 0,
}

_TENS = "twenty thirty forty fifty sixty seventy eighty ninety".split()
_UNITS = "one two three four five six seven eight nine".split()
NUMBERS |= {f"{ten}{join}{one}": NUMBERS[ten] + NUMBERS[one] for ten in _TENS for one in _UNITS for join in "- "}

# The shapes world's critic has these words as vocabulary, in this order: larger numbers are written in digits.
NUMBER_WORDS = {
    1: "one",
    2: "two",
    3: "three",
    4: "four",
    5: "five",
    6: "six",
    7: "seven",
    8: "eight",
    9: "nine",
    10: "ten",
    0: "no",
}

COLORS = frozenset(
    """red green blue yellow purple cyan orange pink brown black white gray grey beige gold magenta
    maroon navy silver tan teal turquoise violet""".split()
)

COLOR_NOUNS = frozenset({"orange", "violet"})
"""Colours that are also names of things."""


def word_pairs(text: str) -> dict[str, str]:
    """A dictionary from ``key value, key value``."""
    return dict(pair.split() for pair in text.split(","))


_IRREGULAR = word_pairs("""people person, men man, women woman, children child, grandchildren grandchild, mice mouse,
    dormice dormouse, geese goose, feet foot, teeth tooth, oxen ox, lice louse, wolves wolf, knives knife,
    leaves leaf, wives wife, shelves shelf, bookshelves bookshelf, scarves scarf, calves calf, halves half,
    loaves loaf, thieves thief, elves elf, hooves hoof, housewives housewife, penknives penknife, werewolves werewolf,
    buses bus, gases gas, lenses lens, canvases canvas, atlases atlas, irises iris, quizzes quiz, topazes topaz,
    axes axe, pickaxes pickaxe, mustaches mustache, moustaches moustache, headaches headache, avalanches avalanche,
    quiches quiche, caches cache, brioches brioche, cacti cactus, fungi fungus, octopi octopus,
    rhinoceroses rhinoceros, thermoses thermos, taxis taxi, skis ski, bikinis bikini, kiwis kiwi, zucchinis zucchini,
    safaris safari, menus menu, emus emu, gnus gnu, tutus tutu, gurus guru, haikus haiku, fuses fuse, muses muse,
    ruses ruse, excuses excuse, recluses recluse, trapezes trapeze, broccolis broccoli, passersby passerby,
    hangers-on hanger-on, runners-up runner-up, mothers-in-law mother-in-law, fathers-in-law father-in-law,
    alumni alumnus, nuclei nucleus, stimuli stimulus, radii radius, foci focus, bacilli bacillus, magi magus,
    hippopotami hippopotamus, syllabi syllabus, termini terminus, crises crisis, oases oasis, theses thesis,
    hypotheses hypothesis, parentheses parenthesis, neuroses neurosis, metamorphoses metamorphosis,
    phenomena phenomenon, criteria criterion, automata automaton, bacteria bacterium, strata stratum, errata erratum,
    aquaria aquarium, terraria terrarium, stadia stadium, podia podium, millennia millennium, sanatoria sanatorium,
    indices index, matrices matrix, vertices vertex, appendices appendix, vortices vortex, codices codex,
    chateaux chateau, plateaux plateau, tableaux tableau, bureaux bureau, gateaux gateau, beaux beau,
    cherubim cherub, seraphim seraph, dwarves dwarf, wharves wharf, selves self, sheaves sheaf, turves turf,
    midwives midwife, jackknives jackknife, brethren brother, pence penny, corpora corpus,
    waltzes waltz, blitzes blitz, klutzes klutz, spaghettis spaghetti, graffitis graffiti, alibis alibi, rabbis rabbi,
    sushis sushi, hibachis hibachi, martinis martini, paparazzi paparazzo, virtuosi virtuoso, libretti libretto""")
_SECOND_PLURALS = frozenset(
    """cacti fungi octopi hippopotami syllabi termini aquaria terraria stadia podia millennia sanatoria indices
    appendices vortices plateaux tableaux bureaux gateaux beaux dwarves wharves brethren pence corpora automata
    magi turves radii foci matrices errata libretti virtuosi paparazzi cherubim seraphim""".split()
)
"""Plurals that are read, and not written."""

_PLURALS = {noun: plural for plural, noun in _IRREGULAR.items() if plural not in _SECOND_PLURALS}

PAIR_NOUNS = frozenset(
    """scissors eyeglasses sunglasses pants jeans trousers shorts tights leggings binoculars
    headphones pliers tweezers pajamas pyjamas overalls goggles clothes tongs shears briefs""".split()
)
"""Nouns that are always plural: one of them is a pair."""

MASS_NOUNS = frozenset(
    """grass water sand snow rain ice fire smoke fog mist dust mud dirt hair fur skin sky sunlight
    moonlight light foliage greenery moss ivy lava steam foam food bread rice pasta spaghetti meat butter milk coffee
    tea wine beer juice honey chocolate sugar salt soup furniture jewelry clothing armor armour wood metal gold silver
    traffic scenery vegetation wheat hay straw cotton graffiti confetti ocean sea ground air lightning nature makeup
    seaweed coral bamboo broccoli corn garlic popcorn cutlery silverware luggage equipment fabric leather paper text
    rubble debris eyeliner eyeshadow lipstick mascara blush polish lace fishnet money cash footwear canvas
    underwear hosiery""".split()
)
"""Nouns that are not counted."""

INVARIANT_NOUNS = PAIR_NOUNS | frozenset(
    """sheep deer moose bison salmon trout squid shrimp aircraft spacecraft hovercraft series
    species offspring swine koi dice samurai cattle police woods""".split()
)
"""Nouns whose plural is the same."""

_SINGULAR_IN_S = frozenset(
    """gas lens canvas atlas christmas bias alias chess tennis news chaos cosmos rhinoceros thermos
    asbestos kudos mars paris texas pancreas swiss yes as mathematics physics gymnastics""".split()
)
_PLURAL_IN_OES = frozenset(
    {
        "potato",
        "tomato",
        "hero",
        "echo",
        "mango",
        "volcano",
        "tornado",
        "mosquito",
        "buffalo",
        "torpedo",
        "cargo",
        "superhero",
        "domino",
    }
)
_IE_NOUNS = frozenset(
    """cookie movie zombie brownie hoodie selfie smoothie genie pixie birdie prairie veggie doggie
    collie budgie rookie hippie cutie calorie goalie pinkie magpie pie tie lie necktie eerie walkie-talkie
    sortie""".split()
)
_SINGULAR_IN_AE = frozenset("reggae sundae brae vitae tae maenae".split())
_PLURAL_IN_AE = frozenset("larva pupa alga vertebra nebula".split())
_SINGULAR_IN_MEN = frozenset("omen specimen ramen abdomen semen stamen acumen yemen regimen".split())
_REGULAR_IN_MAN = frozenset("human german roman ottoman shaman talisman caiman norman pacman superhuman".split())


def _singular_word(word: str) -> str:
    if word in _IRREGULAR:
        return _IRREGULAR[word]
    # Possessives and words of one letter have no plural that can be told from them.
    if word in INVARIANT_NOUNS or word in _SINGULAR_IN_S or "'" in word or len(word) < 3:
        return word
    if word.endswith("men") and len(word) > 3 and word not in _SINGULAR_IN_MEN:
        return word[:-2] + "an"
    if word.endswith("ae") and len(word) > 4 and word not in _SINGULAR_IN_AE:
        return word[:-1]
    if word.endswith("oes") and word[:-2] in _PLURAL_IN_OES:
        return word[:-2]
    if word.endswith("ies") and len(word) > 4 and word[:-1] not in _IE_NOUNS:
        return word[:-3] + "y"
    if word.endswith(("ches", "shes", "xes", "sses", "zzes", "tzes")) and len(word) > 4:
        return word[:-2]
    if word.endswith("uses") and not word.endswith(("ouses", "auses")) and len(word) > 5:
        return word[:-2]
    if word.endswith("s") and not word.endswith(("ss", "us", "is")):
        return word[:-1]
    return word


def _plural_word(word: str) -> str:
    if word in _PLURALS:
        return _PLURALS[word]
    if word in INVARIANT_NOUNS or word.endswith("fish"):
        return word
    if word in _PLURAL_IN_AE:
        return word + "e"
    if word.endswith("man") and word not in _REGULAR_IN_MAN:
        return word[:-2] + "en"
    if word in _PLURAL_IN_OES or word.endswith(("ch", "sh", "x", "s", "z")):
        return word + "es"
    if word.endswith("y") and word[-2:-1] not in tuple("aeiou"):
        return word[:-1] + "ies"
    return word + "s"


def _inflected(noun: str, inflect: Callable[[str], str]) -> str:
    """A noun with its head changed, which is the last word: of ``cup of tea`` the cup."""
    head, of, complement = noun.partition(" of ")
    modifiers, space, last = head.rpartition(" ")
    return modifiers + space + inflect(last) + of + complement


@lru_cache(maxsize=16384)
def singular(noun: str) -> str:
    """The singular of an English noun, by rule and short lists of irregular ones; a singular is returned unchanged."""
    result = _inflected(noun, _singular_word)
    # The result may be a plural itself, as the "men" of "mens".
    return result if result == noun else singular(result)


def plural(noun: str) -> str:
    """The plural of an English noun in the singular, from which ``singular`` makes the noun again."""

    def plural_word(word: str) -> str:
        return next((form for form in (_plural_word(word), word + "s") if singular(form) == word), word)

    return _inflected(noun, plural_word)


def normal_color(color: str) -> str:
    """The one spelling of a colour word."""
    return "gray" if color == "grey" else color


def parse_label(label: str) -> tuple[str | None, str]:
    """Split ``red circles`` into its colour (or None) and its singular noun."""
    words = label.lower().split()
    while words and (words[0] in NUMBERS or words[0] == "the"):
        words = words[1:]
    head, of, complement = " ".join(words).partition(" of ")
    colors = [word for word in head.split() if word in COLORS]
    nouns = [word for word in head.split() if word not in COLORS]
    if not nouns and colors and colors[-1] in COLOR_NOUNS:
        nouns = [colors.pop()]
    # In the plural alone, glasses are one thing to wear.
    noun = "eyeglasses" if nouns == ["glasses"] and not of else singular(" ".join(nouns) + of + complement)
    return (normal_color(colors[0]) if colors else None), noun
