"""The strategies of the loop: each proposes what to do next with a picture, and says what it costs before it runs."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ..detections import Detection
from ..rewards import decidable
from .cutouts import rim
from .faults import Faults, faults_of
from .fills import BY_MODEL, Fill, fill_with_all, fill_without
from .grid import Grid
from .hole_filling import fill
from .plan import Plan, Situation
from .rearrange import Rearranged, pieces_of, rearranged, seam
from .regions import region_grid, region_of
from .state import LoopState

ASPECT_NOISE_LEVEL = {"count": 0.9, "position": 0.9, "color": 0.8}
"""Noise level to renoise a whole picture to, by the earliest-decided aspect that failed."""

REGION_NOISE_LEVEL = 0.9
"""Noise level to renoise a region to: from 1 it becomes another place, beside the objects that stay, where the prompt
names none; from 0.8 the old objects come back.
"""

REGION_NOISE_LEVEL_OF_EDITS = 1.0
"""The same where a source is edited: its ground is all around, and what is there must not come back."""

REARRANGE_GROWTH = 0.02
"""How far boxes are grown before objects are moved: less than before they are redrawn, to leave room."""

REARRANGE_NOISE_LEVEL = 0.5
"""Noise level to renoise rearranged objects to: enough to join them with what is around, too little to lose them."""

SEAM_NOISE_LEVEL = 0.5
"""Noise level that what is around a redrawn part is renoised to, where objects have masks."""

HOLE_NOISE_LEVELS = (0.8, 0.5)
"""Noise levels that an emptied place is drawn from: the higher one gives it the texture of what is around, the lower
one is for where the object came back.
"""


@dataclass(frozen=True)
class Resample:
    """A fresh draw from new noise, in the artist's own wording."""

    name: str = "resample"

    def plan(self, situation: Situation) -> Plan | None:
        """Always possible."""
        return _fresh(self.name, situation)


@dataclass(frozen=True)
class Rewrite:
    """A fresh draw from another wording of the prompt, which the critic writes for what failed.

    The claims stay those of the artist's own wording.
    """

    name: str = "rewrite"

    def plan(self, situation: Situation) -> Plan | None:
        """None if nobody can find another wording, or only ones that were tried before."""
        prompt = situation.rewrite and situation.rewrite(situation.state.best.critique)
        if not prompt:
            return None
        return _fresh(self.name, situation, prompt)


@dataclass(frozen=True)
class Correct:
    """The whole picture renoised to a middle level and sampled on from there, with head and corrector if there are any.

    ``noise_level`` is the level to renoise to; None: the corrector's own if it acts once, else by what failed.
    """

    noise_level: float | None = None
    name: str = "correct"

    def plan(self, situation: Situation) -> Plan | None:
        """Always possible without a corrector that acts once.

        Such a corrector can add nothing to a picture that it was asked about before, and one that only moves the noise
        can add nothing to any picture.
        """
        best = situation.state.best
        if situation.single_step_level >= 1 or situation.single_step_level and self._was_asked(situation.state):
            return None
        failed = best.critique.failed_aspects or tuple(ASPECT_NOISE_LEVEL)
        noise_level = (
            self.noise_level
            or situation.single_step_level
            or max(ASPECT_NOISE_LEVEL.get(aspect, 0.8) for aspect in failed)
        )
        nfe = situation.nfe(noise_level) + situation.prediction_nfe(noise_level)
        return Plan(
            self.name,
            noise_level,
            situation.seed,
            nfe,
            f"{' and '.join(failed)}, all of it",
            prompt=best.prompt,
            correction="renoise",
        )

    def _was_asked(self, state: LoopState) -> bool:
        """Whether the best picture comes from this strategy, or was tried with it."""
        return any(round_.strategy == self.name for round_ in state.rounds[state.rounds.index(state.best) :])


@dataclass(frozen=True)
class Region:
    """Only what is wrong redrawn; what is right stays to the last bit. Needs the critic's boxes.

    Masked renoising as in RePaint (arXiv 2201.09865), without its jumps. Where there is a fill model, it redraws. Else
    it is drawn with the full prompt; but with ``empties``, where objects only have to go, the region is emptied first,
    and drawn from a prompt for the place if parts can have prompts of their own: the full one brings objects back.
    """

    noise_level: float | None = None
    empties: bool = True
    name: str = "region"

    def plan(self, situation: Situation) -> Plan | None:
        """None if the critic gives no boxes to go by, or if the whole picture would be redrawn."""
        best, painted = situation.state.best, situation.state.painted
        faults = _faults(situation)
        region, reason, removed = self._region(situation), _reason(faults), faults.only_removed
        if region is None and painted is not None and painted.fix_here is not None:
            region, reason, removed = situation.area, "where it is painted", ()
        if region is None:
            return None
        if situation.fill_nfe is not None:
            return self._filled(situation, region, reason, removed)
        emptied = fill(best.latent, region) if self.empties and removed else None
        place = None if emptied is None else self._place(situation, region, removed)
        seam = self._seam(situation, region)
        own_level = REGION_NOISE_LEVEL_OF_EDITS if situation.state.from_source else REGION_NOISE_LEVEL
        level = self.noise_level or own_level
        return Plan(
            self.name,
            level,
            situation.seed,
            situation.nfe(level),
            reason,
            region if seam is None else region | seam,
            emptied,
            best.prompt,
            levels=None if seam is None else region * level + seam * SEAM_NOISE_LEVEL,
            fill=place,
        )

    def _place(self, situation: Situation, region: Tensor, removed: Sequence[Detection]) -> Fill | None:
        """What is drawn where objects are ``removed``, and no others missing; None where the full prompt is drawn."""
        if situation.crop_terms is None or situation.state.edit is not None:
            return None
        terms = situation.crop_terms()
        # A sampler of parts knows no noise mask.
        if terms is None or not terms.takes_prompts or terms.area is not None:
            return None
        return fill_without(removed, region, situation.state, by_model=False)

    def _filled(self, situation: Situation, region: Tensor, reason: str, removed: Sequence[Detection]) -> Plan | None:
        """A plan by which a fill model redraws a region from which objects are ``removed``, and no others missing."""
        cells, state = _drawable(region, situation), situation.state
        if situation.fill_nfe is None or not cells.any():
            return None
        hole = fill_without(removed, cells, state) if removed else fill_with_all(cells, state)
        return Plan(
            self.name,
            1.0,
            situation.seed,
            situation.fill_nfe(),
            f"{reason}, {BY_MODEL}",
            cells,
            prompt=state.best.prompt,
            fill=hole,
        )

    def _region(self, situation: Situation) -> Tensor | None:
        rng, critique = random.Random(situation.seed), situation.state.best.foreground
        faults = faults_of(critique, rng, situation.held)
        if not faults.located or not critique.detections:
            return None
        grid = region_grid(situation.size, situation.image_size)
        return region_of(faults, grid, rng, situation.held, situation.area)

    def _seam(self, situation: Situation, region: Tensor) -> Tensor | None:
        """The cells (h, w) around a region that no object takes; None where objects are boxes, whose rim is loose, and
        where the sampler draws all from one noise level.
        """
        objects = situation.state.best.foreground.detections
        if not situation.mixed_levels or not any(detection.mask is not None for detection in objects):
            return None
        return rim(region) & ~region_grid(situation.size, situation.image_size).cells(objects)


@dataclass(frozen=True)
class Rearrange:
    """Objects erased, copied and moved in the latent by the critic's masks or boxes.

    What was touched is sampled on from a middle noise level; what was behind an object with a mask is drawn from noise,
    where the sampler can start a part of the picture from another level. Where there is a fill model, it redraws all
    places where objects were. Missing objects are copied from the picture itself, or from an earlier attempt at it.
    """

    noise_level: float = REARRANGE_NOISE_LEVEL
    name: str = "rearrange"

    def plan(self, situation: Situation) -> Plan | None:
        """None if no arrangement of what is there would make more claims hold."""
        # Around things that have to stay where they are there may be no room for grown boxes.
        growths = (REARRANGE_GROWTH, 0.0) if situation.held else (REARRANGE_GROWTH,)
        arrangement = next(filter(None, (self._rearranged(situation, growth) for growth in growths)), None)
        if arrangement is None:
            return None
        best, region, levels, level = situation.state.best, arrangement.touched, None, self.noise_level
        hole = self._fill(situation, arrangement)
        if hole is not None:
            region = _drawable(region | hole.cells, situation)
        elif situation.mixed_levels and arrangement.holes.any():
            tries = situation.tries(self.name)
            level = max(HOLE_NOISE_LEVELS[min(tries, len(HOLE_NOISE_LEVELS) - 1)], self.noise_level)
            region = region | seam(arrangement)
            levels = torch.where(arrangement.holes, level, self.noise_level) * region
        undecided = sum(not v.passed for v in best.critique.verdicts if not decidable(v.claim))
        plan = Plan(
            self.name,
            level,
            situation.seed,
            situation.nfe(level),
            _reason(_faults(situation)),
            region,
            arrangement.latent,
            best.prompt,
            levels=levels,
            failing=arrangement.failing + undecided,
            fill=hole,
        )
        if hole is None or situation.fill_nfe is None:
            return plan
        nfe, reason = situation.fill_nfe(), f"{plan.reason}, {BY_MODEL}"
        if plan.only_fills:
            return replace(plan, noise_level=1.0, nfe=nfe, reason=reason)
        return replace(plan, nfe=plan.nfe + nfe, reason=reason)

    def _fill(self, situation: Situation, arrangement: Rearranged) -> Fill | None:
        """What a fill model redraws: places where objects were, with their edges; None without such a model."""
        if situation.fill_nfe is None:
            return None
        erased, size, image_size = arrangement.erased, situation.size, situation.image_size
        others = [seen for seen in situation.state.best.foreground.detections if not any(seen is one for one in erased)]
        edges = region_grid(size, image_size).cells(erased) & ~Grid(size, image_size, REARRANGE_GROWTH).cells(others)
        shown = arrangement.touched & ~arrangement.emptied
        cells = _drawable((arrangement.emptied | edges) & ~shown, situation)
        return fill_without(erased, cells, situation.state) if cells.any() else None

    def _rearranged(self, situation: Situation, growth: float) -> Rearranged | None:
        grid, best = Grid(situation.size, situation.image_size, growth), situation.state.best
        donors = [
            piece
            for round_ in situation.state.rounds
            if round_ is not best
            for piece in pieces_of(round_.latent, round_.foreground.detections, grid)
        ]
        return rearranged(
            best.latent,
            best.foreground,
            grid,
            random.Random(situation.seed),
            donors,
            situation.held,
            situation.painted_area,
        )


def _fresh(name: str, situation: Situation, prompt: str = "") -> Plan:
    corrected = situation.corrects_draws
    wording, correcting = " in other words" if prompt else "", ", corrected on its way" if corrected else ""
    return Plan(
        name,
        1.0,
        situation.seed,
        situation.nfe(1.0) + (situation.draw_nfe if corrected else situation.candidates_nfe),
        f"a fresh draw{wording}{correcting}",
        prompt=prompt,
        correction="draw" if corrected else "none",
    )


def _drawable(cells: Tensor, situation: Situation) -> Tensor:
    """Those of some cells (h, w) that the artist's latent and masks let change."""
    drawn = cells if situation.drawn_area is None else cells & (situation.drawn_area.cpu() > 0)
    return drawn if situation.area is None else drawn & situation.area


def _faults(situation: Situation) -> Faults:
    return faults_of(situation.state.best.foreground, random.Random(situation.seed), situation.held)


def _reason(faults: Faults) -> str:
    counts = {"wrong": faults.wrong, "missing": faults.missing, "misplaced": faults.relations}
    return ", ".join(f"{len(objects)} {name}" for name, objects in counts.items() if objects)
