"""Object by object: what a picture lacks is drawn alone, and judged on nothing else, before it is put where the claims
have it.

Process-driven generation (plan, draft, reflect, refine) introduces objects step by step and judges only what has been
introduced. A generator draws one thing rightly more often than several at once, so that each step here is a picture of
one object. By the critic's boxes these are then put together on a bare ground, with what is right of the best picture
so far, and the whole is judged on all claims again."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch

from ..claims import Claim
from ..detections import ObjectKind
from ..prompts import claims_from_prompt, parse_prompt
from ..prompts.vocabulary import MEDIA
from ..rewards import critique_from_detections, decidable
from .faults import faults_of
from .plan import Plan, Situation
from .rearrange import Piece, fill, pieces_of, rearranged
from .regions import Grid
from .strategies import REARRANGE_GROWTH, REARRANGE_NOISE_LEVEL

PROCESSES = ("all at once", "object by object")
"""Ways to come to a picture: every round draws for all of the prompt, or objects that it lacks are introduced one by
one."""

TRIES = 2
"""So many times an object is drawn alone until the critic sees one."""

COMPOSITIONS = 3
"""So many times what is there is put together, in another arrangement."""

_SHARES = (1.0, 0.8, 0.6, 0.4)
"""What objects are made smaller to, one after the other, until they have room beside each other."""


@dataclass(frozen=True)
class Stage:
    """One step: a kind of object, the prompt that asks for one of it and for no more, and the claims of that prompt."""

    kind: ObjectKind
    prompt: str
    claims: tuple[Claim, ...]


def stages_of(prompt: str, claims: Sequence[Claim]) -> list[Stage]:
    """What claims ask for, one kind of object after the other; none where they ask for a single object, which is one
    step already.

    What others stand in relation to comes first. Of the artist's prompt stays what it says of the object and of the
    picture."""
    asked = faults_of(
        critique_from_detections([claim for claim in claims if decidable(claim)], [], 1.0), random.Random(0)
    ).missing
    if len(asked) < 2:
        return []
    anchors = [
        ObjectKind(claim.other, claim.other_color) for claim in claims if claim.type == "position" and claim.other
    ]
    texts = {kind: _alone(kind, prompt) for kind in sorted(dict.fromkeys(asked), key=lambda kind: kind not in anchors)}
    stages = (Stage(kind, text, tuple(claims_from_prompt(text))) for kind, text in texts.items())
    return [stage for stage in stages if stage.claims]


@dataclass(frozen=True)
class Introduce:
    """An object that is missing and nowhere to copy from, drawn alone from a prompt of its own. Needs boxes from the
    critic."""

    name: str = "introduce"

    def plan(self, situation: Situation) -> Plan | None:
        """None where all that is missing could be copied, where it was tried ``TRIES`` times, and for an edit."""
        state, best = situation.state, situation.state.best
        if state.edit:
            return None
        missing = faults_of(best.critique, random.Random(situation.seed)).missing
        seen = [d for entry in state.rounds for d in entry.critique.detections]
        for stage in stages_of(state.prompt, state.claims):
            tried = sum(entry.prompt == stage.prompt for entry in state.rounds)
            if stage.kind in missing and tried < TRIES and not any(stage.kind.fits(d) for d in seen):
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
    """Objects that were drawn alone and what is right of the best picture, put together on the bare ground of one drawn
    alone.

    All of it is drawn on from a mid level. On the best picture there is more that has to go, or stands in the way.
    """

    noise_level: float = REARRANGE_NOISE_LEVEL
    name: str = "compose"

    def plan(self, situation: Situation) -> Plan | None:
        """None where nothing was drawn alone since it was tried ``COMPOSITIONS`` times, and where something is still
        missing."""
        state, rng = situation.state, random.Random(situation.seed)
        alone = [entry for entry in state.rounds if entry.alone]
        since = state.rounds[state.rounds.index(alone[-1]) :] if alone else []
        if not alone or sum(entry.strategy == self.name for entry in since) >= COMPOSITIONS:
            return None
        grid = Grid(situation.size, situation.image_size, REARRANGE_GROWTH)
        ground = rng.choice(alone)
        bare = fill(ground.latent, grid.boxes(ground.critique.detections))
        nothing = critique_from_detections([claim for claim in state.claims if decidable(claim)], [], grid.side)
        pieces = [
            piece
            for entry in (state.best, *alone)
            for piece in pieces_of(entry.latent, entry.critique.detections, grid)
        ]
        for share in _SHARES:
            found = rearranged(bare, nothing, grid, rng, [smaller(piece, share, grid) for piece in pieces])
            if found is not None:
                return Plan(
                    self.name,
                    self.noise_level,
                    situation.seed,
                    situation.nfe(self.noise_level),
                    "objects drawn alone, together",
                    latent=found[0],
                )
        return None


def smaller(piece: Piece, share: float, grid: Grid) -> Piece:
    """An object with its cells, its sides a share of what they were: alone, a thing may fill a picture that it is to
    share."""
    d = piece.object
    (x, y), width, height = d.center, share * d.width, share * d.height
    object = replace(d, x=x - width / 2, y=y - height / 2, width=width, height=height)
    size = tuple(cells.stop - cells.start for cells in grid.span(object))
    if share == 1 or not all(size):
        return piece
    return Piece(object, torch.nn.functional.interpolate(piece.patch[None], size, mode="bilinear", antialias=True)[0])


def _alone(kind: ObjectKind, prompt: str) -> str:
    """A prompt for one object of a kind, in the words of a prompt for more."""
    said = next(
        (phrase for phrase in parse_prompt(prompt)[0] if (phrase.noun, phrase.color) == (kind.noun, kind.color)), None
    )
    words = " ".join(filter(None, (*(said.attributes if said else ()), kind.color, kind.noun)))
    medium, of, _ = prompt.partition(" of ")
    lead = medium + of if of and medium.split()[-1:] and medium.split()[-1] in MEDIA else ""
    style = [clause.strip() for clause in prompt.split(",") if clause.strip() and not claims_from_prompt(clause)]
    return ", ".join([f"{lead}{'an' if words[:1] in 'aeiou' else 'a'} {words}", *style])
