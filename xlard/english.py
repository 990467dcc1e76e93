"""Words of prompts: numbers, colours, directions, closed lists of adjectives and verbs, and the plurals of nouns."""

from __future__ import annotations

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
    "no": 0,
    "without": 0,
    "zero": 0,
}

# The demo critic's vocabulary is built of these in this order, so larger numbers are written in digits.
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

SHADES = frozenset(
    """dark light bright pale deep vivid pastel neon soft hot baby sky navy royal forest lime olive
    emerald ice blood cherry wine electric""".split()
)
"""Words that say which red it is; they are left out."""

COLOR_NOUNS = frozenset({"orange", "violet"})
"""Colours that are things too."""

RELATIONS = {
    words: direction
    for direction, spellings in {
        "left of": (
            "left of, to the left of, on the left of, at the left of, on the left side of, to the left side of, "
            "on the left hand side of, on the left-hand side of"
        ),
        "right of": (
            "right of, to the right of, on the right of, at the right of, on the right side of, to the right side of, "
            "on the right hand side of, on the right-hand side of"
        ),
        "above": "above, on top of, on the top of, atop, over",
        "below": "below, under, beneath, underneath, on the bottom of",
    }.items()
    for words in spellings.split(", ")
}
"""Spellings of the four directions that boxes decide."""


def _phrases(text: str) -> list[str]:
    return [" ".join(words.split()) for words in text.split(",")]


LINKS = {
    words: words
    for words in _phrases("""behind, in front of, next to, beside, near, close to, between, inside,
    within, in, on, around, among, against, across, across from, along, through, at, toward, facing, opposite,
    outside, past, beyond, off, in the middle of, in the center of, on the edge of, on the back of, at the foot of,
    at the end of, far from, away from, overlooking, surrounded by, covered in, covered with, filled with, full of,
    topped with, decorated with, attached to, tied to, playing with, dancing with, fighting with, talking to,
    talking with, listening to, pointing to""")
} | {
    "inside of": "inside",
    "outside of": "outside",
    "into": "in",
    "onto": "on",
    "upon": "on",
    "amongst": "among",
    "besides": "beside",
    "alongside": "beside",
    "by the side of": "beside",
    "at the side of": "beside",
    "on the side of": "beside",
    "on side of": "beside",
    "adjacent to": "next to",
    "nearby": "near",
    "towards": "toward",
    "in back of": "behind",
    "at the edge of": "on the edge of",
    "in the centre of": "in the center of",
    "at the center of": "in the center of",
    "covered by": "covered in",
    "plays with": "playing with",
    "play with": "playing with",
}
"""Relations that boxes cannot decide, and how their claims spell them."""


def _pairs(text: str) -> dict[str, str]:
    return dict(pair.split() for pair in text.split(","))


TRANSITIVE = _pairs("""ride riding, hold holding, wear wearing, eat eating, carry carrying, chase chasing,
    hug hugging, kiss kissing, feed feeding, pet petting, touch touching, push pushing, pull pulling, catch catching,
    throw throwing, kick kicking, drink drinking, read reading, play playing, watch watching, hunt hunting,
    cook cooking, climb climbing, drive driving, bite biting, lick licking, follow following, cut cutting,
    greet greeting, grab grabbing, lift lifting, use using, pour pouring, wash washing, brush brushing,
    cross crossing, sniff sniffing, guard guarding, fight fighting, embrace embracing, balance balancing""")
"""Verbs that join two things, with the form that their claims take."""

INTRANSITIVE = _pairs(
    """stand standing, sit sitting, lie lying, kneel kneeling, crouch crouching, lean leaning,
    rest resting, sleep sleeping, run running, walk walking, jump jumping, leap leaping, swim swimming, fly flying,
    float floating, hang hanging, dance dancing, sing singing, smile smiling, laugh laughing, cry crying, wave waving,
    crawl crawling, hover hovering, talk talking, look looking, stare staring, perch perching, bark barking,
    roar roaring, grin grinning, yawn yawning, skate skating, surf surfing, ski skiing, swing swinging, fall falling,
    bloom blooming, burn burning, glow glowing, melt melting, grow growing, shine shining, graze grazing,
    drift drifting, spin spinning, bounce bouncing, shout shouting, peek peeking, gallop galloping, pose posing,
    hide hiding, dive diving, sail sailing, nap napping, stretch stretching, howl howling, move moving, point
    pointing"""
)
"""Verbs that say what one thing does."""

PLACED = frozenset(
    """parked perched seated mounted stacked scattered dressed wrapped placed located positioned situated
    centered""".split()
)
"""Participles that are used like the verbs above."""

SILENT = frozenset("""standing sitting lying hanging resting placed located positioned situated centered""".split())
"""Verbs that add nothing to a direction: what sits left of a dog is left of it."""

MATERIALS = frozenset(
    """metal steel iron glass plastic rubber leather fabric cotton wool silk velvet denim paper
    cardboard stone marble brick concrete ceramic porcelain clay crystal bronze copper brass wicker bamboo straw
    square round oval miniature antique plaid tabby elderly""".split()
)
"""Words before a noun that are nouns themselves where none follows."""

ATTRIBUTES = MATERIALS | frozenset(
    """
    big large huge giant gigantic enormous massive small little tiny tall short long wide narrow thick thin fat slim
    skinny
    oversized
    rectangular triangular circular spherical cubic cylindrical conical curved flat pointed pointy curly wavy straight
    twisted bent crooked
    wooden metallic woolen golden
    fluffy furry hairy smooth rough shiny glossy matte soft hard fuzzy scaly spiky spotted striped checkered patterned
    floral wrinkled cracked rusty dusty muddy sandy mossy bumpy feathered woven knitted embroidered transparent
    translucent
    wet dry open closed broken empty full old new young ancient modern vintage dirty clean lit frozen melted sliced
    peeled
    cooked ripe rotten fresh folded burnt torn damaged abandoned
    bald blonde blond bearded muscular barefoot naked asleep awake sleepy angry happy sad scared surprised
    snowy rainy cloudy foggy sunny stormy dark bright heavy sharp steep deep shallow colorful colourful multicolored
    """.split()
)
"""Adjectives that become claims of their own when a noun follows."""

COMPOUNDS = frozenset(
    _phrases("""golden retriever, golden gate, iron man, paper clip, paper towel, paper plane,
    straw hat, full moon, rubber duck, big ben, brass band, young adult, running shoe, sleeping bag, swimming pool,
    diving board, drinking glass, washing machine, walking stick, cutting board, climbing wall, playing card,
    reading lamp, riding boot, falling star, shooting star, hanging lamp, sailing boat, sailing ship, playing field,
    standing desk, great dane, steam engine""")
)
"""Nouns that begin with a word that is an adjective elsewhere."""

OPINIONS = frozenset(
    """beautiful cute pretty lovely gorgeous stunning amazing awesome epic nice cool elegant
    majestic adorable charming handsome wonderful magnificent breathtaking incredible fantastic perfect good best
    great lone single solo only very extremely highly really quite slightly super ultra incredibly hyper mega detailed
    intricate realistic photorealistic hyperrealistic cinematic professional stylized masterpiece award-winning
    ultra-detailed high-quality high-resolution high-res hd uhd hdr 4k 8k 16k 2k 3d 2d cgi raw nsfw sfw absurdres
    highres lowres dramatic volumetric ambient vibrant trending artstation plain blurry blurred typical famous other
    same directly just together quickly slowly happily quietly calmly gently peacefully gracefully fast alone outdoors
    indoors upright sideways""".split()
)
"""Words that no critic is asked about: praise, quality tags, adverbs."""

NOISE_NOUNS = frozenset(
    """quality resolution detail focus lighting style background backdrop composition photography
    atmosphere mood aesthetic vibe color colour tone shading contrast angle perspective bokeh lens grain exposure
    deviantart pixiv wallpaper anime manga cgi viewer foreground distance night day daytime nighttime sunset sunrise
    dawn dusk noon midnight morning evening afternoon winter summer autumn weather hour time year smile expression
    gaze pose film""".split()
)
"""Last words of phrases that name no object: quality, light, style, times of day."""

MEDIA = frozenset(
    """photo photograph picture image drawing painting illustration portrait render rendering sketch
    watercolor watercolour artwork art shot close-up closeup view scene depiction screenshot still cartoon snapshot
    selfie poster print design vector""".split()
)
"""What a picture calls itself, as in ``a photo of``."""

WRITINGS = frozenset("text word letter lettering phrase name message title slogan inscription caption writing".split())
"""What stands before quoted text and is no object beside it."""

PARTS = frozenset(
    """hair eye beard mustache moustache ear tail wing face skin leg arm hand fur horn mane paw fin nose
    mouth feather stripe spot freckle makeup tattoo""".split()
)
"""Parts of a body: what follows them is said of their owner."""

PEOPLE = frozenset("girl boy man woman person child kid lady guy".split())
"""Who does what is said without a subject."""

MASS = frozenset(
    """grass water sand snow rain ice fire smoke fog mist dust mud dirt hair fur skin sky sunlight
    moonlight light foliage greenery moss ivy lava steam foam food bread rice pasta spaghetti meat butter milk coffee
    tea wine beer juice honey chocolate sugar salt soup furniture jewelry clothing armor armour wood metal gold silver
    traffic scenery vegetation wheat hay straw cotton graffiti confetti ocean sea ground air lightning nature makeup
    seaweed coral bamboo broccoli corn garlic popcorn cutlery silverware luggage equipment fabric leather paper text
    rubble debris""".split()
)
"""Nouns that are not counted."""

_IRREGULAR = _pairs("""people person, men man, women woman, children child, grandchildren grandchild, mice mouse,
    dormice dormouse, geese goose, feet foot, teeth tooth, oxen ox, lice louse, wolves wolf, knives knife,
    leaves leaf, wives wife, shelves shelf, bookshelves bookshelf, scarves scarf, calves calf, halves half,
    loaves loaf, thieves thief, elves elf, hooves hoof, housewives housewife, penknives penknife, werewolves werewolf,
    buses bus, gases gas, lenses lens, canvases canvas, atlases atlas, irises iris, quizzes quiz, topazes topaz,
    axes axe, pickaxes pickaxe, mustaches mustache, moustaches moustache, headaches headache, avalanches avalanche,
    quiches quiche, caches cache, brioches brioche, cacti cactus, fungi fungus, octopi octopus,
    rhinoceroses rhinoceros, thermoses thermos, taxis taxi, skis ski, bikinis bikini, kiwis kiwi, zucchinis zucchini,
    safaris safari, menus menu, emus emu, gnus gnu, tutus tutu, gurus guru, haikus haiku, fuses fuse, muses muse,
    ruses ruse, excuses excuse, recluses recluse, trapezes trapeze""")
_ALSO = frozenset({"cacti", "fungi", "octopi"})
_PLURALS = {one: many for many, one in _IRREGULAR.items() if many not in _ALSO}

PAIRED = frozenset(
    """scissors eyeglasses sunglasses pants jeans trousers shorts tights leggings binoculars
    headphones pliers tweezers pajamas pyjamas overalls goggles clothes tongs shears briefs""".split()
)
"""Nouns that are always plural: one of them is a pair."""

SAME = PAIRED | frozenset(
    """sheep deer moose bison salmon trout squid shrimp aircraft spacecraft hovercraft series
    species offspring swine koi dice samurai cattle police""".split()
)
"""Nouns whose plural is the same."""

_SINGULAR = frozenset(
    """gas lens canvas atlas christmas bias alias chess tennis news chaos cosmos rhinoceros thermos
    asbestos kudos mars paris texas pancreas swiss yes as mathematics physics gymnastics""".split()
)
_WITH_OES = frozenset(
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
_WITH_IES = frozenset(
    """cookie movie zombie brownie hoodie selfie smoothie genie pixie birdie prairie veggie doggie
    collie budgie rookie hippie cutie calorie goalie pinkie magpie pie tie lie necktie eerie walkie-talkie
    sortie""".split()
)
_NOT_MEN = frozenset("omen specimen ramen abdomen semen stamen acumen yemen regimen".split())
_NOT_MAN = frozenset("human german roman ottoman shaman talisman caiman norman pacman superhuman".split())


def _one(word: str) -> str:
    if word in _IRREGULAR:
        return _IRREGULAR[word]
    # Possessives and words of one letter have no plural that could be told from them.
    if word in SAME or word in _SINGULAR or "'" in word or len(word) < 3:
        return word
    if word.endswith("men") and len(word) > 3 and word not in _NOT_MEN:
        return word[:-2] + "an"
    if word.endswith("oes") and word[:-2] in _WITH_OES:
        return word[:-2]
    if word.endswith("ies") and len(word) > 4 and word[:-1] not in _WITH_IES:
        return word[:-3] + "y"
    if word.endswith(("ches", "shes", "xes", "sses", "zzes", "tzes")) and len(word) > 4:
        return word[:-2]
    if word.endswith("uses") and not word.endswith(("ouses", "auses")) and len(word) > 5:
        return word[:-2]
    if word.endswith("s") and not word.endswith(("ss", "us", "is")):
        return word[:-1]
    return word


def _many(word: str) -> str:
    if word in _PLURALS:
        return _PLURALS[word]
    if word in SAME or word.endswith("fish"):
        return word
    if word.endswith("man") and word not in _NOT_MAN:
        return word[:-2] + "en"
    if word in _WITH_OES or word.endswith(("ch", "sh", "x", "s", "z")):
        return word + "es"
    if word.endswith("y") and word[-2:-1] not in tuple("aeiou"):
        return word[:-1] + "ies"
    return word + "s"


def _inflected(noun: str, inflect) -> str:
    """A noun with its last word changed; in ``cup of tea`` that is the cup."""
    thing, of, rest = noun.partition(" of ")
    head, space, last = thing.rpartition(" ")
    return head + space + inflect(last) + of + rest


def singular(noun: str) -> str:
    """The singular of an English noun, by rule and short lists of irregular ones; a singular stays what it is."""
    one = _inflected(noun, _one)
    # What is left may be a plural itself, as the "men" of "mens".
    return one if one == noun else singular(one)


def plural(noun: str) -> str:
    """The plural of an English noun in the singular, such that ``singular`` gives the noun back."""

    def many(word: str) -> str:
        return next((each for each in (_many(word), word + "s") if singular(each) == word), word)

    return _inflected(noun, many)


def normal_color(color: str) -> str:
    """The one spelling of a colour word."""
    return "gray" if color == "grey" else color


def parse_label(label: str) -> tuple[str | None, str]:
    """Split ``red circles`` into its colour (or None) and its singular noun."""
    words = label.lower().split()
    while words and (words[0] in NUMBERS or words[0] == "the"):
        words = words[1:]
    thing, of, rest = " ".join(words).partition(" of ")
    colors = [word for word in thing.split() if word in COLORS]
    kept = [word for word in thing.split() if word not in COLORS]
    if not kept and colors and colors[-1] in COLOR_NOUNS:
        kept = [colors.pop()]
    # The box of glasses in the plural is one thing to wear.
    noun = "eyeglasses" if kept == ["glasses"] and not of else singular(" ".join(kept) + of + rest)
    return (normal_color(colors[0]) if colors else None), noun
