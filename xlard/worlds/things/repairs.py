"""Pairs of scenes that differ by one minimal repair, and the instruction that asks for it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ...claims import Claim
from ...critique import Verdict, critique_of
from ...detections import Detection
from ...loop.edit_instruction import instruction_of
from ...prompts import claims_from_prompt
from .judging import verdict, whole_place
from .prompts import vocabulary
from .scenes import OVERLAP, Scene, Thing, draw_box, draw_boxes, scene_of, shared_area
from .vocabulary import COLORS, MAX_OBJECTS, SIDE

UNCHANGED = "unchanged"
"""The kind of a pair of which nothing has to change."""

_TRIES = 40

_WORDS = """remove make move add replace with one of the more another colour every keep everything else as it is they
are this stays so true show exactly place left right top bottom middle to ; , :"""
"""Words of instructions that prompts do not have."""


@dataclass(frozen=True)
class Repair:
    """A scene, the one that a repair of some ``kind`` makes of it, and the instruction for that."""

    kind: str
    before: Scene
    after: Scene
    instruction: str


def edit_vocabulary() -> list[str]:
    """Every word of the world's prompts and of instructions."""
    return sorted({*vocabulary(), *_WORDS.split()})


def draw_repair(prompt: str, rng: np.random.Generator, kind: str | None = None) -> Repair | None:
    """A repair of a ``kind`` after which every claim of a prompt holds; of any kind where none is given.

    None where the prompt has no such repair: where nothing of it has a colour, nothing can be recoloured. Raises
    ValueError for an unknown kind and for a prompt that the world cannot draw.
    """
    kinds = list(_DAMAGES)
    chosen = kinds[rng.integers(len(kinds))] if kind is None else kind
    if chosen not in _DAMAGES:
        raise ValueError(f"There is no repair '{chosen}': {', '.join(_DAMAGES)}.")
    claims = claims_from_prompt(prompt)
    for _ in range(_TRIES):
        after = scene_of(prompt, rng)
        before = _DAMAGES[chosen](after, rng)
        if before is None:
            continue
        instruction = instruction_for(before, claims)
        if bool(instruction.startswith("keep ")) == (chosen == UNCHANGED):
            return Repair(chosen, before, after, instruction)
    return None


def damaged(scene: Scene, rng: np.random.Generator) -> Scene:
    """A scene with one thing other than it was; the scene itself where what was drawn cannot be done to it."""
    damages = [*list(_DAMAGES.values())[:-1], _strewn]
    return damages[rng.integers(len(damages))](scene, rng) or scene


def instruction_for(scene: Scene, claims: list[Claim]) -> str:
    """The instruction that the loop writes for a scene, seen as it is, and claims."""
    # Its place is ground, and no object.
    return instruction_of(critique_of(verdicts_on(scene, claims), list(map(detection_of, scene.things)))).text


def verdicts_on(scene: Scene, claims: Sequence[Claim]) -> list[Verdict]:
    """Whether claims hold of a scene, seen as it is."""
    seen = [*map(detection_of, scene.things), whole_place(scene.place)]
    return [verdict(claim, seen) for claim in claims]


def detection_of(thing: Thing) -> Detection:
    """An object as a critic sees it, in pixels."""
    left, top, width, height = (SIDE * side for side in thing.box)
    return Detection(left, top, width, height, thing.name, thing.color)


def _without(scene: Scene, index: int) -> Scene:
    return replace(scene, things=(*scene.things[:index], *scene.things[index + 1 :]))


def _with(scene: Scene, index: int, thing: Thing) -> Scene:
    return replace(scene, things=(*scene.things[:index], thing, *scene.things[index + 1 :]))


def _index(scene: Scene, rng: np.random.Generator) -> int:
    return int(rng.integers(len(scene.things)))


def _free_box(name: str, scene: Scene, rng: np.random.Generator) -> tuple[float, float, float, float] | None:
    """A box for another object of a class where no other stands; None where there is no room."""
    for _ in range(_TRIES):
        box = draw_box(name, len(scene.things) + 1, rng)
        if all(shared_area(box, thing.box) <= OVERLAP for thing in scene.things):
            return box
    return None


def _one_too_few(scene: Scene, rng: np.random.Generator) -> Scene | None:
    return _without(scene, _index(scene, rng)) if len(scene.things) > 1 else None


def _one_too_many(scene: Scene, rng: np.random.Generator) -> Scene | None:
    like = scene.things[_index(scene, rng)]
    box = _free_box(like.name, scene, rng) if len(scene.things) < MAX_OBJECTS else None
    return None if box is None else replace(scene, things=(*scene.things, replace(like, box=box)))


def _another_color(scene: Scene, rng: np.random.Generator) -> Scene | None:
    index = _index(scene, rng)
    thing = scene.things[index]
    others = [color for color in COLORS if color != thing.color]
    if thing.color is None:
        return None
    return _with(scene, index, replace(thing, color=others[rng.integers(len(others))]))


def _swapped(scene: Scene, rng: np.random.Generator) -> Scene | None:
    if len(scene.things) < 2:
        return None
    first, second = rng.choice(len(scene.things), 2, replace=False)
    a, b = scene.things[first], scene.things[second]
    return _with(_with(scene, first, centered(a, b)), second, centered(b, a))


def _elsewhere(scene: Scene, rng: np.random.Generator) -> Scene | None:
    index = _index(scene, rng)
    rest = _without(scene, index)
    thing = scene.things[index]
    for _ in range(_TRIES):
        left, top, _, _ = draw_box(thing.name, len(scene.things), rng)
        box = (min(left, 1 - thing.box[2]), min(top, 1 - thing.box[3]), *thing.box[2:])
        if all(shared_area(box, other.box) <= OVERLAP for other in rest.things):
            return _with(scene, index, replace(thing, box=box))
    return None


def _strewn(scene: Scene, rng: np.random.Generator) -> Scene:
    """The same objects, each anywhere."""
    boxes = draw_boxes([thing.name for thing in scene.things], rng)
    return replace(scene, things=tuple(replace(thing, box=box) for thing, box in zip(scene.things, boxes)))


def _another_class(scene: Scene, rng: np.random.Generator) -> Scene | None:
    """One object of a class that stands there already, which makes it one too many of that one."""
    index = _index(scene, rng)
    thing = scene.things[index]
    others = [other for other in scene.things if other.name != thing.name]
    if not others:
        return None
    like = others[rng.integers(len(others))]
    _, _, width, height = draw_box(like.name, len(scene.things), rng)
    fitted = replace(like, box=(*thing.box[:2], width, height))
    return _with(scene, index, centered(fitted, thing))


def _same(scene: Scene, rng: np.random.Generator) -> Scene:
    return scene


def centered(thing: Thing, at: Thing, margin: float = 0.0) -> Thing:
    """A thing with its middle where another one's is, or as near as it can be ``margin`` away from the edges."""
    (left, top, width, height), (_, _, own_width, own_height) = at.box, thing.box
    x, y = left + (width - own_width) / 2, top + (height - own_height) / 2
    left, top = (min(max(side, margin), 1 - margin - size) for side, size in ((x, own_width), (y, own_height)))
    return replace(thing, box=(left, top, own_width, own_height))


_DAMAGES: dict[str, Callable[[Scene, np.random.Generator], Scene | None]] = {
    "add": _one_too_few,
    "erase": _one_too_many,
    "recolour": _another_color,
    "swap": _swapped,
    "move": _elsewhere,
    "replace": _another_class,
    UNCHANGED: _same,
}
"""By the kind of repair, what damages a right scene so that it is the repair."""

KINDS = tuple(_DAMAGES)
"""The kinds of repairs."""
