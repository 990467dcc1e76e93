"""What WordNet's senses do not tell of words in prompts."""

from __future__ import annotations

CLASSES = {
    "s": """sky sea ocean forest jungle woods rainforest woodland outdoors landscape cityscape seascape skyline
        universe galaxy
        nebula cosmos wilderness countryside underwater""".split(),
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
        desert beach park street road city town village""".split(),
    "m": """blood sunlight moonlight starlight smoke food snow rain fog mist steam lightning fire""".split(),
    "p": """person girlfriend boyfriend toddler teen cosplayer streamer barista biker hiker mom dad grandma
        grandpa dude babe bodybuilder rapper dj ninja samurai geisha hobbit model character passerby surfer skater
        skateboarder snowboarder skier astronaut""".split(),
    "b": """hair eye beard ear tail wing face arm hand leg foot finger""".split(),
    "x": """range footage video clip reel neon dslr slr polaroid daguerreotype cgi gif jpeg png hdr ultra render
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
)
"""Compounds of today that WordNet does not have."""

NOT_COMPOUNDS = frozenset({"black sheep", "white bear", "red carpet"})
"""Compounds of WordNet that prompts mean word by word."""
