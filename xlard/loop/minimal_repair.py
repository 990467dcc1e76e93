"""The canonical minimal repair of a picture: a latent in which its claims hold, and what was right is where it was.

It follows from the picture and the prompt alone, with nothing drawn at random, so that a corrector can learn it: of
many possible repairs a regression learns the mean.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from ..critics.detector.pixel_colors import object_pixels
from ..critique import Critique
from ..detections import Detection, ObjectKind, matching
from ..rewards import judge_by_boxes, repairable
from .faults import Faults, faults_of
from .grid import Grid, Place
from .rearrange import Piece, Rearranged, Scene, variants
from .repainting import RGB, repainted

_MOST_MOVES = 4
"""Objects or pairs that change their places in one repair."""

Encode = Callable[[Tensor], Tensor]
"""From an image (H, W, 3) in [0, 1] to its latent (C, h, w)."""

_Move = list[tuple[Piece, Place]]


def minimal_repair(
    latent: Tensor,
    image: Tensor,
    critique: Critique,
    grid: Grid,
    donors: Sequence[Piece] = (),
    encode: Encode | None = None,
) -> Rearranged | None:
    """A latent (C, h, w) of an image (H, W, 3) with the least changes after which all claims that boxes decide hold.

    Objects of a wrong colour are repainted where they stand, by what encoding makes of the difference. The surplus
    objects of which the critic is least sure are erased. What is missing is copied, from the picture or else from the
    first of the ``donors``, to the free place that is farthest from all others. Of a failed relation the two swap
    places, or else the smaller one moves the least that helps. None where this does not do it: a colour or an object is
    not to be had, or there is no room.
    """
    claims = [verdict.claim for verdict in critique.verdicts if repairable(verdict.claim)]
    recoloured = _recoloured(latent, image, faults_of(critique, None), grid, encode)
    latent, objects, painted = recoloured or (latent, (), torch.zeros(grid.size, dtype=torch.bool))
    color_of = dict(objects)
    detections = tuple(replace(seen, color=color_of.get(id(seen), seen.color)) for seen in critique.detections)
    verdicts = tuple(
        judge_by_boxes(verdict.claim, detections, grid.side) if verdict.claim in claims else verdict
        for verdict in critique.verdicts
    )
    critique = replace(critique, detections=detections, verdicts=verdicts)
    faults = faults_of(critique, None)
    scene = Scene(latent, critique, grid, random.Random(0))
    for detection in faults.wrong:
        scene.erase(detection)
    for kind in faults.missing:
        if not _added(scene, kind, faults.right, donors, grid):
            return None
    for _ in range(_MOST_MOVES):
        if not scene.failing(scene.objects):
            break
        move = _move(scene, critique)
        if move is None:
            return None
        for piece, _place in move:
            scene.erase(piece.object)
        for piece, place in move:
            scene.put(piece, place)
    if scene.failing(scene.objects) or not (scene.touched | painted).any():
        return None
    touched = scene.touched | painted
    return Rearranged(scene.latent, touched, scene.holes, 0, scene.emptied, tuple(scene.erased))


def _recoloured(
    latent: Tensor, image: Tensor, faults: Faults, grid: Grid, encode: Encode | None
) -> tuple[Tensor, tuple[tuple[int, str], ...], Tensor] | None:
    """The latent with objects of a wrong colour painted in a missing one, their ids and colours, and their cells."""
    pairs, wrong = list[tuple[Detection, str]](), list(faults.wrong)
    for kind in faults.missing if encode is not None else ():
        uncolored = replace(kind, color=None)
        chosen = next((seen for seen in wrong if uncolored.fits(seen)), None)
        if chosen is not None and kind.color in RGB:
            wrong = [seen for seen in wrong if seen is not chosen]
            pairs.append((chosen, kind.color))
    if not pairs or encode is None:
        return None
    after = image
    for detection, color in pairs:
        after = repainted(after, object_pixels(detection, image), color)
    cells = grid.cells([detection for detection, _ in pairs])
    moved = latent + (encode(after) - encode(image)).to(latent)
    return torch.where(cells, moved, latent), tuple((id(seen), color) for seen, color in pairs), cells


def _added(scene: Scene, kind: ObjectKind, right: Sequence[Detection], donors: Sequence[Piece], grid: Grid) -> bool:
    """Put one more object of a kind on the free place farthest from all others; False if there is none, or no room."""
    own = [piece for seen in right for piece in scene.pieces if piece.object is seen and kind.fits(seen)]
    for source in own or [piece for piece in donors if kind.fits(piece.object)]:
        for piece in variants(source, grid):
            objects = scene.objects

            def order(place: Place) -> tuple[int, float]:
                return scene.failing([*objects, place.object]), -_room(place.object, objects, grid)

            best = min(scene.places(piece.object, objects), key=order, default=None)
            if best is not None:
                scene.put(piece, best)
                return True
    return False


def _room(detection: Detection, others: Sequence[Detection], grid: Grid) -> float:
    """How far an object's middle is from the nearest other one's; without others, how near it is to the middle."""
    if others:
        return min(math.dist(detection.center, other.center) for other in others)
    height, width = grid.image_size
    return -math.dist(detection.center, (width / 2, height / 2))


def _move(scene: Scene, critique: Critique) -> _Move | None:
    """The move after which fewer claims fail: of the first relation that fails, and the swap before all others."""
    before = scene.failing(scene.objects)
    for verdict in critique.verdicts:
        claim = verdict.claim
        if claim.type != "position" or not repairable(claim):
            continue
        if judge_by_boxes(claim, scene.objects, scene.side).passed:
            continue
        firsts, seconds = (
            [piece for piece in scene.pieces if matching([piece.object], noun, color)]
            for noun, color in ((claim.noun, claim.color), (claim.other or "", claim.other_color))
        )
        moves = [_swap(scene, firsts[0], seconds[0])] if len(firsts) == len(seconds) == 1 else []
        for piece in sorted([*firsts, *seconds], key=lambda piece: piece.object.width * piece.object.height):
            moves.append(_least_move(scene, piece))
        for move in filter(None, moves):
            if _failing_after(scene, move) < before:
                return move
    return None


def _swap(scene: Scene, first: Piece, second: Piece) -> _Move | None:
    others = [piece.object for piece in scene.pieces if piece not in (first, second)]
    there = _nearest(scene.places(first.object, others), second.object)
    if there is None:
        return None
    here = _nearest(scene.places(second.object, [*others, there.object]), first.object)
    return None if here is None else [(first, there), (second, here)]


def _least_move(scene: Scene, piece: Piece) -> _Move | None:
    others = [other.object for other in scene.pieces if other is not piece]

    def order(place: Place) -> tuple[int, float]:
        return scene.failing([*others, place.object]), math.dist(place.object.center, piece.object.center)

    best = min(scene.places(piece.object, others), key=order, default=None)
    return None if best is None else [(piece, best)]


def _failing_after(scene: Scene, move: _Move) -> int:
    moved = [piece for piece, _ in move]
    staying = [piece.object for piece in scene.pieces if piece not in moved]
    return scene.failing([*staying, *(place.object for _, place in move)])


def _nearest(places: Sequence[Place], target: Detection) -> Place | None:
    return min(places, key=lambda place: math.dist(place.object.center, target.center), default=None)
