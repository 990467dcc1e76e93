"""Edits to carry out: instructions about pictures that the generator itself has drawn."""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ...claims import Claim
from ...critics.scoring.preservation import judge_with_source
from ...critique import Critique
from ...detections import Detection, ObjectKind
from ...edit import Edit
from ...editing.claims import edit_claims
from ...editing.instructions import PLACES, read_instruction
from ...editing.steps import edit_of
from ...prompts import claims_from_prompt
from ...rewards import critique_from_detections
from ...worlds.sampling import generate
from ...worlds.world import Checker, World
from .run import seed_of

EDIT_TYPES = ("recolor", "remove", "move beside", "move to")

GAP = 3
"""Pixels between two objects of a picture."""


@dataclass(frozen=True, eq=False)
class EditTask:
    """A source, (C, h, w) as latent, and an instruction of a type of ``EDIT_TYPES``; ``exact`` is the edit by the
    checker's list of the source.
    """

    edit_type: str
    seed: int
    latent: Tensor
    exact: Edit


def edit_tasks(world: World, split: str, number: int, seed: int) -> list[EditTask]:
    """Edits of the generator's own pictures of a split's prompts, of those that show what was asked for.

    The types of edits take turns, as far as a picture allows. What holds of the source already is no edit, and an
    object cannot be moved to where there is no room for it: both are left out.
    """
    prompts = [prompt.text for prompt in world.prompts.evaluation_prompts(split, number)]
    seeds = [seed_of(index, seed) for index in range(len(prompts))]
    latents = generate(world.sampler(prompts), seeds).cpu()
    images = world.decoder.decode(latents).cpu()
    tasks: list[EditTask] = []
    for prompt, picture_seed, latent, image in zip(prompts, seeds, latents, images):
        objects = world.checker.detect(image)
        is_right = world.checker.check(image, claims_from_prompt(prompt)).passed
        if not is_right or any(detection.noun not in world.nouns for detection in objects):
            continue
        turn = len(tasks) % len(EDIT_TYPES)
        tasks_of_picture = (
            _task(world, edit_type, picture_seed, latent, image, objects)
            for edit_type in (*EDIT_TYPES[turn:], *EDIT_TYPES[:turn])
        )
        tasks += list(itertools.islice(filter(None, tasks_of_picture), 1))
    return tasks


def instruction(world: World, edit_type: str, objects: Sequence[Detection], rng: random.Random) -> str | None:
    """An instruction for one object of a picture that is the only one of its kind; None without such an object."""
    kinds = [ObjectKind.of(detection) for detection in objects]
    unique = [detection for detection, kind in zip(objects, kinds) if kinds.count(kind) == 1]
    if not unique:
        return None
    target = rng.choice(unique)
    if edit_type == "recolor":
        colors = [color for color in world.colors_of(target.noun) if color != target.color]
        return f"make the {target.label} {rng.choice(colors)}" if colors else None
    if edit_type == "remove":
        return f"remove the {target.label}"
    if edit_type == "move to":
        return f"move the {target.label} {rng.choice(list(PLACES))}"
    references = [detection for detection in unique if detection is not target]
    direction = rng.choice(("to the left of", "to the right of", "above", "below"))
    return f"move the {target.label} {direction} the {rng.choice(references).label}" if references else None


def _task(
    world: World, edit_type: str, seed: int, latent: Tensor, image: Tensor, objects: Sequence[Detection]
) -> EditTask | None:
    text = instruction(world, edit_type, objects, random.Random(seed))
    if text is None:
        return None
    exact = edit_of(text, read_instruction(text), image, objects)
    holds_already = exact_critiques(world.checker, [image], [edit_claims(exact)])[0].passed
    if holds_already or (exact.adds_outside and not has_room(exact, world.side)):
        return None
    return EditTask(edit_type, seed, latent, exact)


def has_room(edit: Edit, side: int) -> bool:
    """Whether the one object that is moved fits somewhere in the picture, ``side`` pixels wide and high, beside all
    that stay, with its claims true.
    """
    (target,), claims = edit.touched, [claim for claim in edit_claims(edit) if claim.edit is None]
    for y, x in itertools.product(
        range(0, side - math.ceil(target.height), 2), range(0, side - math.ceil(target.width), 2)
    ):
        moved = replace(target, x=float(x), y=float(y))
        free = all(
            moved.x >= staying.x + staying.width + GAP
            or staying.x >= moved.x + moved.width + GAP
            or moved.y >= staying.y + staying.height + GAP
            or staying.y >= moved.y + moved.height + GAP
            for staying in edit.staying
        )
        if free and critique_from_detections(claims, (*edit.staying, moved), side).passed:
            return True
    return False


def exact_critiques(checker: Checker, images: Sequence[Tensor], claims: Sequence[Sequence[Claim]]) -> list[Critique]:
    """The checker's critiques of images (H, W, 3), what must stay included."""
    stacked = torch.stack(list(images))
    return judge_with_source(stacked, claims, lambda plain_claims: checker.judge(stacked, plain_claims))
