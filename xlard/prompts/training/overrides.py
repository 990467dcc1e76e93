"""What WordNet's senses do not tell of words in prompts."""

from __future__ import annotations

CLASSES = {
    "s": """sky sea ocean forest jungle woods rainforest woodland outdoors landscape cityscape seascape skyline
        galaxy
        nebula wilderness countryside""".split(),
    "t": """sun moon earth wave cloud rainbow flame kite crane bow bat lighthouse harbor harbour island planet robot
        drone
        unicorn dragon monster alien android cyborg mech mermaid dinosaur angel demon ghost skeleton zombie vampire
        witch
        wizard elf fairy goblin orc gnome troll emoji logo circle square triangle rectangle oval
        star heart diamond hexagon
        pentagon octagon sphere cube cone cylinder pyramid cross arrow dot stripe polygon sign letter poster map
        painting
        portrait card ticket label billboard banner note newspaper coin gift treasure bill statue sculpture figurine
        board cable stem stamp snowflake silhouette pillar column textbook signpost treehouse spiderweb skatepark hotdog
        hieroglyph spotlight mirrorball pitbull labradoodle husky corgi poodle waterlily soccerball backsplash
        firescreen
        billboard mailbox chainmail plushie plush mascot bobblehead funko minion pokemon creature beast animal plant
        icon symbol tornado slice piece chunk loaf smartphone headphone headset
        earphone earbud sneaker skyscraper lightsaber mecha hoverboard tablet webcam minivan suv rv atv limo sofa
        loveseat
        ottoman backpack tote crewneck tracksuit onesie jumpsuit choker kimono yukata katana shuriken torii pagoda
        gazebo bungalow loft spaceship rover airship zeppelin hovercar jetpack exosuit pauldron gauntlet corset bustier
        legging stocking pantyhose earring barrette scrunchie hairband hairpin hairclip necktie bowtie bandana snorkel
        paddleboard wakeboard windsurfer scuba paraglider hang-glider segway scooter moped stage ruin explosion splash
        bubble spaceship spacecraft starship castle
        desert beach park street road city town village
        orb hood vessel van tiger romper tunic frill shrimp whale scorpion monitor""".split(),
    "m": """wool silk velvet steel denim porcelain brass oil cinnamon ginger cocaine mustard ketchup mayonnaise cream
        icing frosting syrup
        cement fluid dinner lunch breakfast supper blood sunlight moonlight starlight smoke food snow rain fog mist
        steam lightning fire""".split(),
    "p": """female male human emperor person girlfriend boyfriend toddler teen cosplayer streamer barista biker hiker
        mom dad grandma
        grandpa dude babe bodybuilder rapper dj ninja samurai geisha hobbit model character passerby surfer skater
        skateboarder snowboarder skier astronaut""".split(),
    "b": """hair eye beard ear tail wing face arm hand leg foot finger pupil claw fang antler torso beak""".split(),
    "f": """hearthstone trump musk reeves pollock raphael maya freeman berg turner smith wright dakota roma berlin
        japan murphy ridley obama biden putin batman superman spider-man ironman spiderman hulk jesus christ joker
        sandman avenger madhouse jay""".split(),
    "x": """underwater direction mutation product system story soul mix work filter layer control chiaroscuro airbrush
        symbolist realist minimalist romantic mystic designer expressionism impressionism pop graphic facial crisp
        caustic acrylic collage modeling organic fructose engraving botanical flash ornamental stencil backlighting
        autofocus semi bit modern monochrome classic cozy drive hire mod grotesque optic upper pale spare headshot
        comic interface cyberspace leak processing tarot blender interstate society etching lithograph woodcut wifi
        original simulacrum covering fencing font home cut universe cosmos wash
        chess poker paisley setup pinhole
        range footage video clip reel neon dslr slr polaroid daguerreotype cgi gif jpeg png hdr ultra render
        rendering raytracing photorealism
        realism
        masterpiece symmetry bokeh octane unreal engine editorial magazine vogue award winner wallpaper hd uhd
        resolution
        site surface object thing material side entrance environment fantasy technology future palette space tone
        darkness century style art artwork
        view scene background backdrop foreground atmosphere lighting detail shot angle depth lens focus film still
        horror cyberpunk steampunk picture photo image photograph portrait close-up closeup waist front back top
        bottom middle center centre edge corner left right distance cover area way position use game trick variety lot
        bunch pile pair air day night time
        display design pattern place world region location land interior exterior part detail point line curve form
        shape figure body hour love idea concept number type kind sort thing something anything everything nothing
        surroundings surrounding setting arrangement composition color colour shadow light reflection""".split(),
}  # fmt: skip
"""Classes that are set by hand: see ``xlard.prompts.words``."""

COMPOUND_NAMES = frozenset(
    {"crop top", "halter top", "tank top", "sports bra", "flip flop", "pencil skirt", "neon sign", "phone case"}
    | {"shopping mall", "shopping cart", "shopping bag", "wedding dress", "wedding ring", "tarot card", "comic book"}
    | {"magnifying glass", "polaroid camera", "paint bucket", "paint can"}
)
"""Compounds of today that WordNet does not have."""

NAMES = frozenset(
    " ".join(name.split())
    for name in """art station, deviant art, studio ghibli, star wars, star trek, star citizen, dungeons and dragons,
    magic the
    gathering, league of legends, world of warcraft, final fantasy, blade runner, dark souls, elden ring, guilty
    gear, mass effect, harry potter, game of thrones, breaking bad, dragon ball, clash royale, dead redemption,
    grand theft auto, death stranding, stranger things, space odyssey, will smith, mad max, hollow knight, silent
    hill, resident evil, path of exile, attack on titan, legend of zelda, new york, new england, new zealand, new
    orleans, los angeles, las vegas, san francisco, hong kong, times square, palette knife, brush stroke, photo
    shoot, movie still, god rays, god ray, third eye, bone structure, ink wash, dark knight, planet earth""".split(",")
)
"""Titles, studios, cities and styles whose words name things elsewhere: as a whole, they name none."""

NOT_COMPOUNDS = frozenset({"black sheep", "white bear", "red carpet"})
"""Compounds of WordNet that prompts mean word by word."""
