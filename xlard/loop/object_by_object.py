"""Object by object: what a picture lacks is drawn alone, judged alone, and then put where the claims want it.

Process-driven generation (plan, draft, reflect, refine) introduces objects step by step and judges only what has been
introduced. A generator draws one object right more often than several at once, so each step here is a picture of one
object. By the critic's boxes these are then put together on an empty ground, with what is right of the best picture so
far, and the whole is judged on all claims again.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from ..claims import Claim
from ..detections import ObjectKind
from ..prompts import claims_from_prompt
from ..rewards import critique_from_detections, repairable
from .faults import faults_of
from .grid import Grid
from .hole_filling import fill
from .object_prompts import prompt_for_one
from .plan import Plan, Situation
from .rearrange import pieces_of, rearranged, scaled
from .strategies import REARRANGE_GROWTH, REARRANGE_NOISE_LEVEL

PROCESSES = ("all at once", "object by object")
"""How a loop draws: each round for the whole prompt, or missing objects are introduced one by one."""

TRIES = 2
"""How often an object is drawn alone until the critic sees one."""

COMPOSITIONS = 3
"""How often the objects are put together, each time in another arrangement."""

_SHARES = (1.0, 0.8, 0.6, 0.4)
"""To what shares of their size objects are shrunk, one after the other, until they have room beside each other."""


@dataclass(frozen=True)
class Stage:
    """One step: a kind of object, the prompt that asks for one of it and for no more, and the claims of that prompt."""

    kind: ObjectKind
    prompt: str
    claims: tuple[Claim, ...]


def stages_of(prompt: str, claims: Sequence[Claim]) -> list[Stage]:
    """What claims ask for, one kind of object after the other; none if they ask for a single object.

    Objects that others are placed in relation to come first. What the prompt says of the object and of the picture as a
    whole stays in its words.
    """
    nothing = critique_from_detections([claim for claim in claims if repairable(claim)], [], 1.0)
    missing = faults_of(nothing, random.Random(0)).missing
    if len(missing) < 2:
        return []
    anchors = {
        ObjectKind(claim.other, claim.other_color) for claim in claims if claim.type == "position" and claim.other
    }
    kinds = sorted(dict.fromkeys(missing), key=lambda kind: kind not in anchors)
    prompts = {kind: prompt_for_one(kind, prompt) for kind in kinds}
    stages = (Stage(kind, text, tuple(claims_from_prompt(text))) for kind, text in prompts.items())
    return [stage for stage in stages if stage.claims]


@dataclass(frozen=True)
class Introduce:
    """A missing object that is nowhere to copy from, drawn alone from a prompt of its own. Needs the critic's boxes."""

    name: str = "introduce"

    def plan(self, situation: Situation) -> Plan | None:
        """None if all missing objects can be copied or were tried ``TRIES`` times, and for an edit."""
        state, best = situation.state, situation.state.best
        if state.edit:
            return None
        missing = faults_of(best.foreground, random.Random(situation.seed)).missing
        seen = [detection for round_ in state.rounds for detection in round_.foreground.detections]
        for stage in stages_of(state.prompt, state.claims):
            tries = sum(round_.prompt == stage.prompt for round_ in state.rounds)
            if stage.kind in missing and tries < TRIES and not any(stage.kind.fits(detection) for detection in seen):
                return Plan(
                    self.name,
                    1.0,
                    situation.seed,
                    situation.nfe(1.0),
                    f"{stage.prompt}, alone",
                    prompt=stage.prompt,
                    claims=stage.claims,
                )
        return None


@dataclass(frozen=True)
class Compose:
    """Objects that were drawn alone and what is right of the best picture, put together on an empty ground.

    The ground is that of a picture drawn alone: on the best picture there is more to remove, or in the way. All of it
    is sampled on from a middle noise level.
    """

    noise_level: float = REARRANGE_NOISE_LEVEL
    name: str = "compose"

    def plan(self, situation: Situation) -> Plan | None:
        """None if nothing was drawn alone since ``COMPOSITIONS`` tries, or if something is still missing."""
        state, rng = situation.state, random.Random(situation.seed)
        alone = [round_ for round_ in state.rounds if round_.alone]
        since = state.rounds[state.rounds.index(alone[-1]) :] if alone else []
        if not alone or sum(round_.strategy == self.name for round_ in since) >= COMPOSITIONS:
            return None
        grid = Grid(situation.size, situation.image_size, REARRANGE_GROWTH)
        ground = rng.choice(alone)
        empty = fill(ground.latent, grid.cells(ground.foreground.detections))
        nothing = critique_from_detections([claim for claim in state.claims if repairable(claim)], [], grid.side)
        pieces = [
            piece
            for round_ in (state.best, *alone)
            for piece in pieces_of(round_.latent, round_.foreground.detections, grid)
        ]
        for share in _SHARES:
            # Alone, an object may fill a picture that it is to share.
            donors = [piece if share == 1 else scaled(piece, share, False, grid) or piece for piece in pieces]
            composed = rearranged(empty, nothing, grid, rng, donors)
            if composed is not None:
                return Plan(
                    self.name,
                    self.noise_level,
                    situation.seed,
                    situation.nfe(self.noise_level),
                    "objects drawn alone, together",
                    latent=composed.latent,
                )
        return None
