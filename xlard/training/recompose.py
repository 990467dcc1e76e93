"""More pictures than were drawn: objects of a latent are left out, moved and copied, with the rewards that follow.

Two pictures of a prompt that differ in one object teach a head more than two that differ in everything, and a model
seldom draws such pairs. The critic's boxes say which cells show which object, so one latent gives many.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache

import torch
from torch import Tensor

from ..claims import Claim
from ..critique import Critique
from ..detections import Detection
from ..loop.grid import Grid
from ..loop.ground import standing
from ..loop.hole_filling import fill
from ..loop.rearrange import pieces_of
from ..loop.strategies import REARRANGE_GROWTH
from ..prompts import claims_from_prompt
from ..rewards import critique_from_detections, decidable
from .records import Records, reward_rows

_LEFT_OUT, _MOVED, _COPIED = 0.25, 0.25, 0.4
"""How often an object that touches no other is left out, and otherwise moved; how often a picture gets a copy of
one.
"""

_PLACES = 16
"""Places that are tried along each side of a latent."""

_SAME_REWARD = 1e-3


@lru_cache(maxsize=10_000)
def _claims(prompt: str) -> tuple[Claim, ...]:
    return tuple(claims_from_prompt(prompt))


def critique_by_boxes(prompt: str, objects: Sequence[Detection], side: float) -> Critique:
    """The critique by a prompt that follows from the objects a critic sees; ``side`` is the picture's longer side in
    pixels.
    """
    return critique_from_detections(_claims(prompt), objects, side)


def recomposed(records: Records, share: float, rng: random.Random) -> Records:
    """The records, each with a picture of its own, a ``share`` of them with other objects and the rewards that follow.

    A record stays as it is if boxes alone do not give the critic's rewards, or the critic saw nothing.
    """
    rows = [
        row
        for row, objects in enumerate(records.seen)
        if objects and rng.random() < share and _decided(records, row, objects)
    ]
    alone = replace(
        records,
        latents=records.latents.clone(),
        rewards=records.rewards.clone(),
        passed=records.passed.clone(),
        repair_index=records.repair_index.clone(),
        objects=list(records.seen),
        pictures=torch.arange(len(records)),
        finals=records.targets,
    )
    if not rows:
        return alone
    grid = _grid(records)
    movable = [standing(alone.objects[row], grid.image_size) for row in rows]
    holes = torch.stack([grid.cells(objects) for objects in movable])
    for row, objects, empty in zip(rows, movable, fill(records.latents[rows], holes)):
        ground = [detection for detection in alone.objects[row] if detection not in objects]
        alone.latents[row], shown = _recompose(alone.latents[row], empty, objects, grid, rng)
        alone.objects[row] = [*ground, *shown]
        critique = critique_by_boxes(records.prompts[row], alone.objects[row], records.side)
        alone.rewards[row] = reward_rows([critique], records.aspects)[0]
        alone.passed[row], alone.repair_index[row] = critique.passed, -1
    return alone


def _decided(records: Records, row: int, objects: Sequence[Detection]) -> bool:
    if not all(map(decidable, _claims(records.prompts[row]))):
        return False
    by_boxes = reward_rows([critique_by_boxes(records.prompts[row], objects, records.side)], records.aspects)[0]
    return bool(records.confidence[row] > 0) and torch.allclose(by_boxes, records.rewards[row], atol=_SAME_REWARD)


def _grid(records: Records) -> Grid:
    height, width = records.latents.shape[-2:]
    scale = records.side / max(height, width)
    return Grid((height, width), (round(height * scale), round(width * scale)), REARRANGE_GROWTH)


def _recompose(
    latent: Tensor, empty: Tensor, objects: Sequence[Detection], grid: Grid, rng: random.Random
) -> tuple[Tensor, list[Detection]]:
    """A latent (C, h, w) with other objects, and these objects; ``empty`` is the latent without any."""
    free_standing = [
        detection
        for index, detection in enumerate(objects)
        if not (grid.cells([detection]) & grid.cells([*objects[:index], *objects[index + 1 :]])).any()
    ]
    left_out = [detection for detection in free_standing if rng.random() < _LEFT_OUT]
    placed = [detection for detection in free_standing if detection not in left_out and rng.random() < _MOVED]
    shown = [detection for detection in objects if detection not in left_out and detection not in placed]
    cleared = grid.cells([*left_out, *placed]) & ~grid.cells(shown)
    if free_standing and rng.random() < _COPIED:
        placed.append(rng.choice(free_standing))
    pieces = pieces_of(latent, placed, grid)
    latent = torch.where(cleared, empty, latent)
    for piece in pieces:
        places = grid.places(piece.object, shown, _PLACES)
        if places:
            place = rng.choice(places)
            rows, columns = place.cells
            latent[:, rows, columns] = piece.patch
            shown.append(place.object)
    return latent, shown
