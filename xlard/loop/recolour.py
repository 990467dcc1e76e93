"""Objects of a wrong colour, recoloured where they stand: shape and place stay."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ..critics.detector.pixel_colors import object_pixels
from ..detections import Detection
from ..rewards import decidable, judge_by_boxes, repairable
from .faults import Faults, faults_of
from .grid import Grid
from .plan import Plan, Situation
from .repainting import RGB, repainted

RECOLOUR_NOISE_LEVELS = (0.3, 0.5, 0.7)
"""Noise levels to renoise a recoloured object to, from the gentlest on: the next one where the critic still sees the
wrong colour.
"""

RECOLOUR_GROWTH = 0.02
"""How far masks and boxes are grown: the edge of an object has its colour, too."""

_PAIRINGS = 6
"""How many ways are tried to share out the missing colours among several objects."""


@dataclass(frozen=True)
class Recolour:
    """Only objects of a wrong colour renoised, from a latent whose picture has them in the right one.

    The object's pixels are painted, light and shade kept, and the latent moves by what encoding makes of the
    difference. It starts from the lowest of ``noise_levels``, and from the next one after each round in which the
    colours did not turn.
    """

    noise_levels: tuple[float, ...] = RECOLOUR_NOISE_LEVELS
    name: str = "recolour"

    def plan(self, situation: Situation) -> Plan | None:
        """None where anything but a colour is wrong, nothing encodes pictures, or all noise levels were tried."""
        best, tries = situation.state.best, situation.tries(self.name)
        if situation.encode is None or tries >= len(self.noise_levels):
            return None
        repaints = self._repaints(situation)
        if not repaints:
            return None
        image = best.image
        for detection, color in repaints:
            image = repainted(image, object_pixels(detection, best.image), color)
        before, after = situation.encode(best.image), situation.encode(image)
        if before.shape != best.latent.shape:
            # The body of a graph may enlarge the picture on its way from the latent.
            return None
        grid = Grid(situation.size, situation.image_size, RECOLOUR_GROWTH)
        region = _region(grid, [detection for detection, _ in repaints], best.foreground.detections)
        level = self.noise_levels[tries]
        names = ", ".join(f"{detection.label} to {color}" for detection, color in repaints)
        undecided = sum(not v.passed for v in best.critique.verdicts if not decidable(v.claim))
        return Plan(
            self.name,
            level,
            situation.seed,
            situation.nfe(level),
            names,
            region,
            torch.where(region, best.latent + after - before, best.latent),
            best.prompt,
            failing=undecided,
        )

    def _repaints(self, situation: Situation) -> list[tuple[Detection, str]]:
        """Which objects get which colour, so that all claims about objects hold; none if that does not do it."""
        critique, rng = situation.state.best.foreground, random.Random(situation.seed)
        claims = [verdict.claim for verdict in critique.verdicts if repairable(verdict.claim)]
        for _ in range(_PAIRINGS):
            repaints = _paired(faults_of(critique, rng, situation.held), situation.held, rng)
            if repaints is None:
                return []
            color_of = {id(detection): color for detection, color in repaints}
            objects = [replace(d, color=color_of.get(id(d), d.color)) for d in critique.detections]
            if all(judge_by_boxes(claim, objects, max(situation.image_size)).passed for claim in claims):
                return repaints
        return []


def _paired(faults: Faults, held: Sequence[Detection], rng: random.Random) -> list[tuple[Detection, str]] | None:
    """Each missing kind with an object of its noun that has another colour; None where something is left over."""
    wrong = [detection for detection in faults.wrong if not any(detection is fixed for fixed in held)]
    rng.shuffle(wrong)
    pairs = []
    for kind in faults.missing:
        uncolored = replace(kind, color=None)
        chosen = next((detection for detection in wrong if uncolored.fits(detection)), None)
        if chosen is None or kind.color not in RGB:
            return None
        wrong = [detection for detection in wrong if detection is not chosen]
        pairs.append((chosen, kind.color))
    return pairs if pairs and len(pairs) == len(faults.wrong) else None


def _region(grid: Grid, recoloured: Sequence[Detection], objects: Sequence[Detection]) -> Tensor:
    """The cells (h, w) of what is recoloured that are not more those of another object."""
    region = grid.cells(recoloured)
    shares = torch.stack([grid.shares(detection) for detection in recoloured]).amax(dim=0)
    for neighbour in objects:
        if not any(neighbour is detection for detection in recoloured):
            region &= (shares > grid.shares(neighbour)) | ~grid.cells([neighbour])
    return region
