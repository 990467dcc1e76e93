"""One small object redrawn at the size that the model likes: cropped with context, enlarged, redrawn, stitched in.

A small object gets few cells of the picture's latent. Enlarged, it gets as many as a whole picture, and around it
nothing passes the VAE. Artists do so by hand, with nodes that crop and stitch.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from ..claims import Claim
from ..critique import Critique
from ..detections import Detection, ObjectKind
from ..protocols import CropTerms
from ..rewards import decidable, judge_by_boxes, repairable
from .crops import FEATHER, Crop, shown_in, soft_edged
from .faults import faults_of
from .grid import Grid
from .object_prompts import prompt_for_object, prompt_for_place
from .plan import Plan, Situation
from .regions import REGION_GROWTH
from .strategies import HOLE_NOISE_LEVELS

CONTEXT = 1.5
"""How many times as high and wide as an object, with its margin, the part around it is."""

LARGEST = 0.75
"""Share of the picture's height and width above which enlarging a part would not be worth it."""

MOST_ENLARGED = 8
"""How many times a part is enlarged at most: pixels of a smaller one say too little."""

OBJECT_NOISE_LEVELS = (1.0,)
"""Noise levels that another object is drawn from: from lower ones the old one comes back."""

COLOR_NOISE_LEVELS = (0.8, 0.9)
"""Noise levels that the same object is drawn from in another colour, one for each try."""

CLAIM_NOISE_LEVELS = (0.6, 0.8)
"""Noise levels that an object is drawn from where something that no box shows is wrong with it."""

TRIES = 2
"""How many rounds begin from the same picture."""

_GRID = 8
"""Cells that sides of latents are multiples of, where those of the picture are: models halve latents several times."""


@dataclass(frozen=True, eq=False)
class Repair:
    """What is to become of one object: one of another ``kind``, or nothing.

    ``said`` is a statement that has to hold of it. ``failing`` claims would then fail by the critic's boxes, ``lost``
    is what their scores would lack in all.
    """

    object: Detection
    kind: ObjectKind | None
    noise_levels: tuple[float, ...]
    failing: int
    lost: float
    said: str = ""

    @property
    def text(self) -> str:
        """It in a few words."""
        if self.kind is None:
            return f"{self.object.label} erased"
        return f"{self.object.label}: {self.said}" if self.said else f"{self.object.label} to {_label(self.kind)}"


@dataclass(frozen=True)
class Detail:
    """A small object that is wrong, redrawn enlarged in its own pixels; all others stay to the last bit.

    ``noise_level`` is the level to renoise to, None: by the kind of fault.
    """

    noise_level: float | None = None
    name: str = "detail"

    def plan(self, situation: Situation) -> Plan | None:
        """None where no object is wrong, or none of those is small; and where parts cannot be drawn."""
        tries = situation.tries(self.name)
        if situation.crop_terms is None or tries >= TRIES:
            return None
        repairs = repairs_of(situation)
        terms = situation.crop_terms() if repairs else None
        if terms is None:
            return None
        state, best = situation.state, situation.state.best
        for repair in repairs:
            crop = crop_of(repair, situation, terms)
            if crop is not None and crop.opacity.any():
                level = self.noise_level or repair.noise_levels[min(tries, len(repair.noise_levels) - 1)]
                if terms.takes_prompts and state.edit is None:
                    crop = _with_prompts(crop, repair, state.prompt, state.claims)
                return Plan(
                    self.name,
                    level,
                    situation.seed,
                    crop.nfe(situation.nfe(level), situation.size),
                    repair.text,
                    crop.touched(situation.size),
                    prompt=best.prompt,
                    failing=repair.failing,
                    crop=crop,
                )
        return None


def repairs_of(situation: Situation) -> list[Repair]:
    """What could become of single objects, so that fewer claims fail or these fail by less; the best ones first."""
    critique, rng = situation.state.best.foreground, random.Random(situation.seed)
    undecided = [v for v in critique.verdicts if not decidable(v.claim) and not v.passed]
    side = max(situation.image_size)
    before = _judged(critique, critique.detections, side)
    repairs = []
    for repair in _possible(critique, rng, situation.held):
        if repair.said:
            after = before[0] + len(undecided) - 1, before[1]
        else:
            failing, lost = _judged(critique, _after(repair, critique.detections), side)
            after = failing + len(undecided), lost
        if after < (before[0] + len(undecided), before[1]):
            repairs.append(replace(repair, failing=after[0], lost=after[1]))
    rng.shuffle(repairs)
    return sorted(repairs, key=lambda repair: (repair.failing, repair.lost))


def crop_of(repair: Repair, situation: Situation, terms: CropTerms) -> Crop | None:
    """The part of the picture around an object that is redrawn; None where it is too large to be enlarged.

    What other objects take more of stays.
    """
    (height, width), cells = situation.image_size, situation.size
    if height % cells[0] or width % cells[1]:
        # The body of a graph may enlarge the picture on its way from the latent.
        return None
    margin, found = REGION_GROWTH * max(height, width), repair.object
    grown = max((found.height + 2 * margin) / height, (found.width + 2 * margin) / width)
    share = max(CONTEXT * grown, 1 / MOST_ENLARGED)
    if share > LARGEST:
        return None
    size = math.ceil(share * height), math.ceil(share * width)
    x, y = found.center
    top, left = _begun(y, size[0], height), _begun(x, size[1], width)
    place = slice(top, top + size[0]), slice(left, left + size[1])
    enlarged_cells = _cells_of(situation)
    grid, close = Grid(enlarged_cells, size, margin / max(size)), Grid(enlarged_cells, size, 0.0)
    shown = shown_in(found, place)
    shares, opened = grid.shares(shown), grid.cells([shown])
    for other in situation.state.best.foreground.detections:
        if other is not found:
            neighbour = shown_in(other, place)
            taken = close.cells([neighbour])
            # Of two boxes nobody knows which is in front.
            opened &= ~taken | ((shares > close.shares(neighbour)) if found.mask is not None else False)
    opacity = soft_edged(opened, size, round(FEATHER * max(height, width)))
    cell = height // cells[0], width // cells[1]
    crop = Crop(top, left, opacity, enlarged_cells, cell, (height, width), emptied=repair.kind is None)
    return crop if terms.area is None else crop.within(terms.area)


def _possible(critique: Critique, rng: random.Random, held: Sequence[Detection]) -> Iterator[Repair]:
    """Each wrong object as what is missing, erased, and as it has to be where a claim beyond boxes fails."""
    faults = faults_of(critique, rng, held)
    for wrong in faults.wrong:
        if any(wrong is fixed for fixed in held):
            continue
        for verdict in critique.verdicts:
            if verdict.passed is False and not decidable(verdict.claim) and wrong in verdict.evidence:
                yield Repair(wrong, ObjectKind.of(wrong), CLAIM_NOISE_LEVELS, 0, 0.0, verdict.claim.text)
        for kind in dict.fromkeys(faults.missing):
            same = replace(kind, color=None).fits(wrong)
            yield Repair(wrong, kind, COLOR_NOISE_LEVELS if same else OBJECT_NOISE_LEVELS, 0, 0.0)
        yield Repair(wrong, None, HOLE_NOISE_LEVELS, 0, 0.0)


def _after(repair: Repair, objects: Sequence[Detection]) -> list[Detection]:
    """The objects of a picture after a repair."""
    others = [detection for detection in objects if detection is not repair.object]
    if repair.kind is None:
        return others
    return [*others, replace(repair.object, noun=repair.kind.noun, color=repair.kind.color)]


def _judged(critique: Critique, objects: Sequence[Detection], side: int) -> tuple[int, float]:
    """How many of the claims that boxes decide would fail with other objects, and what their scores lack in all."""
    verdicts = [judge_by_boxes(v.claim, objects, side) for v in critique.verdicts if repairable(v.claim)]
    return sum(not verdict.passed for verdict in verdicts), sum(1 - (verdict.score or 0.0) for verdict in verdicts)


def _with_prompts(crop: Crop, repair: Repair, prompt: str, claims: Sequence[Claim]) -> Crop:
    """A part with a prompt for what is to be seen of it: the object, or the place without it."""
    if repair.kind is None:
        erased = ObjectKind.of(repair.object)
        return replace(crop, prompt=prompt_for_place(erased, prompt, claims), avoid=_label(erased))
    return replace(crop, prompt=prompt_for_object(repair.kind, prompt, claims, repair.said))


def _cells_of(situation: Situation) -> tuple[int, int]:
    """Height and width in cells of the latent at which a part is redrawn."""
    if not situation.crop_side:
        return situation.size
    step = math.gcd(_GRID, *situation.size)
    scale = situation.crop_side / max(situation.image_size)
    height, width = (max(step, step * round(scale * cells / step)) for cells in situation.size)
    return height, width


def _begun(middle: float, length: int, whole: int) -> int:
    """Where a part of some length with a middle begins, inside of the whole."""
    return min(max(round(middle - length / 2), 0), whole - length)


def _label(kind: ObjectKind) -> str:
    return f"{kind.color} {kind.noun}" if kind.color else kind.noun
