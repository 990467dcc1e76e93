"""Nouns, prompts and strategies that make them, for tests of claims and of the prompt parser."""

from __future__ import annotations

from functools import cache

from hypothesis import strategies as st

from xlard.claims import Claim
from xlard.english import COLORS, MASS_NOUNS, plural
from xlard.prompts import claims_from_prompt
from xlard.prompts.lexicon import LEXICON
from xlard.prompts.vocabulary import ATTRIBUTES, MEDIA, OPINIONS
from xlard.worlds.prompts import Prompt
from xlard.worlds.shapes.prompts import PROMPTS

COCO = """person;bicycle;car;motorcycle;airplane;bus;train;truck;boat;traffic light;fire hydrant;stop sign;
parking meter;bench;bird;cat;dog;horse;sheep;cow;elephant;bear;zebra;giraffe;backpack;umbrella;handbag;tie;
suitcase;frisbee;snowboard;sports ball;kite;baseball bat;baseball glove;skateboard;surfboard;tennis racket;bottle;
wine glass;cup;fork;knife;spoon;bowl;banana;apple;sandwich;orange;broccoli;carrot;hot dog;pizza;donut;cake;chair;
couch;potted plant;bed;dining table;toilet;tv;laptop;computer mouse;tv remote;computer keyboard;cell phone;
microwave;oven;toaster;sink;refrigerator;book;clock;vase;scissors;teddy bear;hair drier;
toothbrush""".replace("\n", "").split(";")
REGULAR = """person bicycle car motorcycle airplane bus train truck boat bench bird cat dog horse cow elephant bear
zebra giraffe backpack umbrella handbag tie suitcase frisbee snowboard kite skateboard surfboard bottle cup fork
knife spoon bowl banana apple sandwich orange carrot pizza donut cake chair couch bed toilet tv laptop mouse
keyboard microwave oven toaster sink refrigerator book clock vase toothbrush house rose nose case purse base cheese
goose blouse nurse hose tortoise spouse lighthouse pause cruise noise prize maze size breeze bronze octopus virus
cactus walrus circus campus hippopotamus platypus box fox axe lynx mailbox church witch beach watch match peach
ostrich branch torch coach dish brush bush eyelash glass dress cross boss princess mattress lens gas canvas iris
atlas quiz waltz potato tomato hero mango volcano tornado mosquito photo piano radio video zoo kangaroo flamingo
avocado taco rhino hippo tattoo shoe toe canoe horseshoe wolf wife shelf scarf calf half loaf thief elf hoof roof
chef cliff glove dove olive wave cave sleeve stove valve chief safe cookie movie zombie brownie hoodie pie butterfly
lily jelly berry cherry strawberry fairy baby puppy pony city lady monkey donkey key boy toy day turkey valley man
woman child fireman snowman mermaid fisherman human shaman talisman foot tooth louse ox taxi ski bikini kiwi
zucchini menu emu guru sofa camera panda koala tiger robot astronaut dragon knight castle bridge tree flower
mountain river lake cloud star moon rocket ship sword shield helmet crown hat coat jacket shirt t-shirt skirt boot
sock ring necklace bag basket barrel jar jug mug plate tray pan lamp lantern candle mirror window door wall fence
gate stair ladder rope anchor wheel tire engine bike wagon tractor balloon ball doll drum guitar violin trumpet harp
bell pen pencil notebook map globe telescope penguin owl eagle parrot swan duck hen crow pigeon bat rat rabbit
squirrel hedgehog otter beaver badger lion leopard rhinoceros crocodile lizard snake turtle frog shark whale dolphin
seal crab lobster snail slug worm ant bee wasp spider beetle grape lemon melon pineapple pear plum coconut nut
walnut onion cabbage cucumber pepper pumpkin mushroom egg burger pretzel bagel croissant muffin pancake noodle
sausage steak""".split()
COMPOUND = (
    "traffic light",
    "fire hydrant",
    "stop sign",
    "sports ball",
    "baseball bat",
    "wine glass",
    "hot dog",
    "potted plant",
    "dining table",
    "cell phone",
    "teddy bear",
    "hair drier",
    "cup of tea",
    "bowl of soup",
    "slice of pizza",
)
UNCHANGED = (
    "sheep",
    "deer",
    "fish",
    "goldfish",
    "moose",
    "bison",
    "salmon",
    "aircraft",
    "spacecraft",
    "series",
    "species",
    "dice",
    "scissors",
    "pants",
    "jeans",
    "sunglasses",
    "eyeglasses",
    "goggles",
    "binoculars",
    "headphones",
)

nouns = st.sampled_from([*REGULAR, *COMPOUND, *UNCHANGED])
colors = st.sampled_from(sorted(COLORS - {"grey"}))

# Everything that the grammar knows, with what surrounds it in artists' prompts.
_VOCABULARY = [
    *(" ".join(words) for words in LEXICON),
    *sorted(ATTRIBUTES | COLORS | MASS_NOUNS | MEDIA | OPINIONS),
    *COCO,
    *(plural(noun) for noun in COCO),
    *",,,....\n:;()[]{}'\"&+-/|\\<>",
    "(red hat:1.3)",
    "<lora:x:0.8>",
    "BREAK",
    "2girls",
    "6+boys",
    '"OPEN"',
    "'x y'",
    "1.5",
    "16:9",
    "4k",
    "glasses",
    "men's",
    "reds",
    "ones",
    "left",
    "right",
    "top",
    "next",
]
messy_prompts = st.lists(st.sampled_from(_VOCABULARY), max_size=14).map(" ".join)


@cache
def shapes_claims() -> dict[Prompt, list[Claim]]:
    """The claims of all prompts of the shapes world."""
    return {prompt: claims_from_prompt(prompt.text) for prompt in PROMPTS.all}
