"""The vocabulary of the grammar: shades, directions, relations, and closed lists of verbs, adjectives and nouns."""

from __future__ import annotations

from ..english import word_pairs

SHADES = frozenset(
    """dark light bright pale deep vivid pastel neon soft hot baby sky navy royal forest lime olive
    emerald pitch jet ice blood cherry wine electric""".split()
)
"""Words that say which red it is; the grammar leaves them out."""

DIRECTION_SPELLINGS = {
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
"""Spellings of the four directions that boxes decide, with the spelling in claims."""


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
"""Spellings of relations that boxes cannot decide, with the spelling in claims."""


TRANSITIVE = word_pairs("""ride riding, hold holding, wear wearing, eat eating, carry carrying, chase chasing,
    hug hugging, kiss kissing, feed feeding, pet petting, touch touching, push pushing, pull pulling, catch catching,
    throw throwing, kick kicking, drink drinking, read reading, play playing, watch watching, hunt hunting,
    cook cooking, climb climbing, drive driving, bite biting, lick licking, follow following, cut cutting,
    greet greeting, grab grabbing, lift lifting, use using, pour pouring, wash washing, brush brushing,
    cross crossing, sniff sniffing, guard guarding, fight fighting, embrace embracing, balance balancing""")
"""Verbs that join two things, with their form in claims."""

INTRANSITIVE = word_pairs(
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
"""Verbs for what one thing does, with their form in claims."""

PLACED = frozenset(
    """parked perched seated mounted stacked scattered dressed wrapped placed located positioned situated
    centered""".split()
)
"""Participles that are used like the verbs above."""

SILENT_VERBS = frozenset(
    """standing sitting lying hanging resting placed located positioned situated centered""".split()
)
"""Verbs that add nothing to a direction: a cat that sits left of a dog is left of it."""

MATERIALS = frozenset(
    """metal steel iron glass plastic rubber leather fabric cotton wool silk velvet denim paper
    cardboard stone marble brick concrete ceramic porcelain clay crystal bronze copper brass wicker bamboo straw
    square round oval miniature antique plaid tabby elderly""".split()
)
"""Words that are adjectives before a noun, and nouns where none follows."""

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
    indoors upright sideways different various unique main real certain own specific shaded rendered quadratic defined
    processed processing traced tracing focused random outer overall average mid neo after led viewed printed far
    close way apart further next
    taken posing aesthetic""".split()
)
"""Words that become no claim: praise, quality tags, adverbs."""

NOISE_NOUNS = frozenset(
    """quality resolution detail focus lighting style background backdrop composition photography
    atmosphere mood aesthetic vibe color colour tone shading contrast angle perspective bokeh lens grain exposure
    deviantart pixiv wallpaper anime manga cgi viewer foreground distance night day daytime nighttime sunset sunrise
    dawn dusk noon midnight morning evening afternoon winter summer autumn weather hour time year smile expression
    gaze pose film architecture horseback""".split()
)
"""Last words of phrases that name no object: quality, light, style, times of day."""

MEDIA = frozenset(
    """photo photograph picture image drawing painting illustration portrait render rendering sketch
    watercolor watercolour artwork art shot close-up closeup view scene depiction screenshot still cartoon snapshot
    selfie poster print design vector pic""".split()
)
"""Words for the picture itself, as in ``a photo of``."""

MEANS = frozenset(
    "camera lens pen ink pencil brush airbrush crayon charcoal oil acrylic gouache pastel paint studio".split()
)
"""Words for what a picture is made with, and where: bare, they name no thing."""

WRITINGS = frozenset("text word letter lettering phrase name message title slogan inscription caption writing".split())
"""Words before quoted text that name the text and no object."""

BODY_PARTS = frozenset(
    """hair eye beard mustache moustache ear tail wing face skin leg arm hand fur horn mane paw fin nose
    mouth feather stripe spot freckle makeup tattoo""".split()
)
"""Parts of a body: the words after them describe their owner."""

PEOPLE = frozenset("girl boy man woman person child kid lady guy".split())
"""People: an action without a subject is theirs."""

CLOTHES = frozenset(
    """hat coat dress suit shirt jacket uniform costume robe armor cloak cape mask helmet hood kimono gown sweater
    hoodie
    tuxedo apron scarf skirt wheelchair stroller saddle collar vest cap bikini swimsuit t-shirt sunglasses
    eyeglasses tie bowtie necktie shoe sneaker boot sandal glove sock jeans pants trousers shorts legging stocking
    headphones crown tiara necklace belt goggles""".split()
)
"""What is worn: a man in a hat; and what he does is not said of the hat."""

PLACES = frozenset(
    """street road alley lane path sidewalk house building room kitchen bedroom bathroom office classroom hallway
    corridor garden yard park bridge shop store cafe restaurant bar tower castle temple church school station stage
    town city village""".split()
)
"""Where things happen: what a tag after them says that somebody does, they do not do."""

PARTS_OF_SCENES = frozenset("tree plant flower bush leaf star cloud wave bird building".split())
"""What a forest, the sky and the sea have many of: one is named, and there are more."""
