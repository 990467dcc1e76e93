"""The lexicon: the words that join, count, place and negate the objects of a prompt, by their parts of speech."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..english import NUMBERS, plural
from .vocabulary import DIRECTION_SPELLINGS, INTRANSITIVE, LINKS, PLACED, TRANSITIVE


@dataclass(frozen=True)
class Quantity:
    """``a``, ``three``, ``some``: a number (None: the words after it tell) and whether it is exact.

    ``kind`` is ``one`` for articles and numbers, ``vague`` for quantities that a mass noun can have, ``pair`` and
    ``dozen``.
    """

    number: int | None
    exact: bool = True
    kind: str = "one"


@dataclass(frozen=True)
class Symbol:
    """One word or several with their part of speech.

    ``text`` is the word if it may belong to a noun. ``form`` of a verb is ``ing`` for ``riding``, ``third`` for
    ``rides``, ``base`` for ``ride``, ``ed`` for ``trapped``; of a place it is ``short`` if its article is left out.
    ``source`` is what stands in the prompt; ``tag`` is the tagger's, of words that can be verbs and nouns.
    """

    kind: str
    value: Any = None
    text: str = ""
    form: str = ""
    source: str = ""
    tag: str = ""


class Word(str):
    """A word of a noun phrase with its ``tag``: ``N`` noun, ``A`` adjective, ``F`` name, ``?`` unknown, empty: not
    said."""

    tag: str

    def __new__(cls, text: str, tag: str = "") -> Word:
        word = super().__new__(cls, text)
        word.tag = tag
        return word


_PLAIN = {
    "is": "is, are, was, were",
    "and": "and, plus, as well as, along with, together with, accompanied by",
    "with": (
        "with, has, have, had, having, has on, have on, had on, having on, featuring, including, includes, "
        "include, features, boasts, containing, "
        "contains, "
        "equipped with"
    ),
    "without": "without, with no, but no, and no, devoid of, free of, lacking, empty of, absence of",
    "no": "no, zero, neither, there is no, there are no",
    "not": "not, isn't, aren't, never",
    "whose": "whose",
    "or": "or, nor",
    "of": "of",
    "by": "by",
    "each": "each",
    "at_least": "at least, more than, no fewer than",
    "pronoun": "it, him, them, he, she, they, itself, himself, herself, themselves",
    "like": (
        "like, as, than, resembling, such as, dressed as, dressed up as, instead of, style of, looks like, look like, "
        "looking like, shaped like, in the shape of, in the form of, in the guise of, disguised as, in the costume of, "
        "modeled after, modelled after, in the likeness of"
    ),
    "material": (
        "made of, made out of, made from, made entirely of, made entirely out of, made with, built of, built from, "
        "carved from, carved out of, constructed from, constructed of, crafted from, "
        "sculpted from, sculpted out of, built out of, woven from, formed from, cut from"
    ),
    "shows": (
        """consists of, consisting of, comprising, comprises, composed of, made up of, showing, depicting, portraying,
        shows, depicts, displays, illustrates, captures, capturing"""
    ),
    "while": "while, when, whereas, where",
    "says": (
        "says, saying, that says, that reads, labeled, labelled, titled, captioned, written on it, it says, it reads"
    ),
    "drop": (
        """in the style of, in style of, inspired by, art by, painted by, drawn by, illustrated by, directed by,
        designed by, photographed by, created by, made by, reminiscent of, signed by,
        written by, the movie, the film, the show, the series, painted with, drawn with, done in,
        rendered with, artwork by, style by, called, named, known
        as,
        i am not, i'm not, is used to, are used to, being used to, used to, used for, used as,
        a cross between, cross between, a mix between, a hybrid of, a hybrid between, a fusion of, a blend between,
        no one, no-one, nobody, noone, none, nothing, neither of, neither one of, all but, all except, doesn't,
        does not,
        didn't, did not, won't, shouldn't, should not, mustn't, must not, cannot, can't,
        in the manner of, after the style of, rendered in, one of them, one of which, some of them, some of which"""
    ),
    "refuse": "don't, do not, avoid, avoiding any, exclude, omit, remove, erase, delete, get rid of",
    "part": """one of, only one of, just one of, another of, either of, any of, most of, half of, part of, the rest of,
        the first of, the second of, the third of, the last of, the first one of, the last one of, all but one of,
        all but two of, all but three of, all except one of, some of the, many of the, several of the, a few of the,
        few of the, nearly all of, almost all of, not all of""",
    "at_most": (
        "at most, up to, no more than, not more than, fewer than, less than, as many as, a maximum of, maximum of, "
        "hardly any, barely any, scarcely any"
    ),
    "filler": (
        """that, which, who, there, here, being, be, been, as well, to, from, for, out, i, we, you,
        me, us, exactly, this is, it's, there's, shown, seen, visible, can be seen, is seen, are seen, is visible,
        are visible, appears, appear, appears to be, seems, seem, seems to be, might, may, could, will, would, should,
        show, create, generate, draw, imagine, please, want, then, so, but, up,
        down, back, per, what, how, during, if, because, since, until, also, too, each other, holding
        hands,
        even, via"""
    ),
    "noise": (
        """best quality, high quality, top quality, highly detailed, ultra detailed, extremely detailed, sharp focus,
        soft focus, depth of field, trending on artstation, unreal engine, octane render, oil on
        canvas, on canvas, on horseback,
        looking at
        viewer,
        looking at the viewer, golden hour, pen and ink, a frame of, on the phone, at the camera, to the camera, for
        the camera, at a camera, to a camera, for a camera,
        toward the camera, towards the camera, into the camera, in the camera, from the camera, film grain, rule of
        thirds, award winning, ray tracing, full body, upper
        body,
        wide angle, negative space, muted tones, century, nearly, almost, about, around about, approximately, roughly,
        we see, i see, you see, we can see, i can see, you can see, one can see, as we can see, 
        it looks like, it seems like, this looks like, we can observe, i can observe, we can, i can, you can,
        it can, they can, you can also see,
        from above, from below, from behind, from the side, from side, seen from above, in the style"""
    ),
}
"""Spellings of the kinds whose symbols have no value."""

_QUANTITIES = {
    """the, this, these, those, my, your, our, his, her, their, its, any, every, the first, the second, the third,
    the fourth, the last""": (Quantity(None)),
    "another": Quantity(1, kind="another"),
    "a single, exactly one, only one, a lone": Quantity(1),
    "both": Quantity(2, kind="both"),
    "all, all the, all of them": Quantity(None, kind="all"),
    "pair of, a pair of, one pair of, couple of, a couple of, the pair of, the couple of, pairs of": Quantity(
        2, kind="pair"
    ),
    "a duo of, duo of, the duo of": Quantity(2),
    "a trio of, trio of, the trio of, a triplet of": Quantity(3),
    "a quartet of, quartet of": Quantity(4),
    "half a dozen": Quantity(6),
    "dozen, a dozen, a dozen of, one dozen, dozen of": Quantity(12, kind="dozen"),
    """some, several, many, multiple, various, numerous, countless, few, a few, lots of, plenty of, dozens of,
    hundreds of, thousands of, tons of, loads of, a variety of, an array of,
    an assortment of, a handful of, a number of, a bit of, a little, a lot of, a multitude of, an abundance of""": (
        Quantity(2, False, "vague")
    ),
}
_GROUPS = """set selection assortment array series group crowd herd flock pack bunch pile stack row line collection
    set variety swarm team number lot
    cluster""".split()
_FRAMES = "picture image photo frame scene painting canvas screen".split()


def _entries() -> dict[str, Symbol]:
    entries: dict[str, Symbol] = {}

    def add(kind: str, spellings: str, value: Any = None, form: str = "") -> None:
        for words in spellings.split(","):
            entries[" ".join(words.split())] = Symbol(kind, value, form=form)

    for kind, spellings in _PLAIN.items():
        add(kind, spellings)
    for word, number in NUMBERS.items():
        if number:
            add("quantity", word, Quantity(number))
    for spellings, quantity in _QUANTITIES.items():
        add("quantity", spellings, quantity)
    for group in _GROUPS:
        for start in ("a", "the", "a large", "a small", "a huge", "a whole"):
            add("quantity", f"{start} {group} of", Quantity(2, False, "vague"))
        add("quantity", f"{group}s of, {group} of", Quantity(2, False, "vague"))
    add("each_of", "each of the, each of, every one of the, all of the")
    add("both_the", "both the, both a, both an")
    add("quantity", "all of the", Quantity(None))
    for scene in ("image", "picture", "photo", "photograph", "scene", "painting", "drawing", "illustration"):
        for start in ("this", "the"):
            add("noise", f"in {start} {scene}, {start} {scene} is of")
    for words, direction in DIRECTION_SPELLINGS.items():
        add("direction", words, direction)
    for words, link in LINKS.items():
        add("link", words, link)
        if words in ("next to", "behind", "in front of", "beside", "in the middle of", "near", "inside", "against"):
            add("link", f"right {words}, just {words}, directly {words}", link)
    for pronoun in ("its", "his", "her", "their"):
        for side in ("left", "right"):
            for start in ("to", "on"):
                add("beside", f"{start} {pronoun} {side}, {start} {pronoun} {side} side", f"{side} of")
    for place in _places():
        # A claim says "on the left" for "to the left".
        wording = place.replace("to the", "on the", 1)
        if place not in ("in the left", "in the right"):
            add("place", place.replace(" the ", " ", 1), wording, "" if " the " not in place else "short")
        add("place", place, wording)
        for frame in _FRAMES:
            add("place", f"{place} of the {frame}", wording)
    for verbs, kind in ((TRANSITIVE, "verb"), (INTRANSITIVE, "action")):
        for base, participle in verbs.items():
            # The third person of a verb is formed like the plural of a noun.
            for word, form in ((base, "base"), (plural(base), "third"), (participle, "ing")):
                entries[word] = Symbol(kind, participle, word, form)
    for participle in PLACED:
        entries[participle] = Symbol("action", participle, participle, "ing")
    return entries


def _places() -> list[str]:
    """Places in the picture."""
    starts = ("on the", "to the", "at the", "on the far", "in the")
    sides = [f"{start} {side}" for side in ("left", "right") for start in starts]
    sides += [f"{side} side" for side in sides] + [f"{side} hand side" for side in sides]
    spots = [
        f"{start} the {spot}"
        for start in ("at", "in", "on")
        for spot in ("top", "bottom", "center", "centre", "middle", "front", "back")
    ]
    rows = ("top", "upper", "bottom", "lower")
    corners = [f"in the {row} {column} corner" for row in rows for column in ("left", "right")]
    depths = [f"in the {depth}" for depth in ("background", "foreground", "distance", "middle ground", "corner", "air")]
    looks = ["looking at the camera", "facing the camera", "facing the viewer", "looking away"]
    return [*sides, *spots, *corners, *depths, *looks]


LEXICON = {tuple(words.split()): symbol for words, symbol in _entries().items()}
"""Symbols by their words."""

LONGEST = max(map(len, LEXICON))
"""The number of words of the longest entry."""

FUNCTION_WORDS = frozenset(
    words[0] for words, symbol in LEXICON.items() if len(words) == 1 and symbol.form not in ("base", "third")
)
"""Words of the grammar that are never nouns, as ``watch`` can be."""
