"""The steps from a prompt to its rewards as targets of their own: what is asked for, what answers to it, what stands
where.

Whether a red circle is left of a blue square is one number. To say it, a head has to find both, know which way is asked
for, and see which way the one is from the other; from the number alone it learns none of these. What predicts them is
dropped after training."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn import Linear

from ..aspects import ASPECTS
from ..claims import Claim
from ..detections import Detection, matching
from ..models.head import RewardPrediction
from ..prompts import claims_from_prompt, parse_prompt
from ..rewards import DIRECTIONS, judge_position
from .cells import Cells
from .records import Records

MOST_PHRASES = 4
"""Phrases of a prompt beyond these, and what answers to them, are no targets."""

_NOT_SAID = -100
_DIRECTIONS = list(DIRECTIONS)
_POSITION = ASPECTS.index("position")

_OFFSET_SCALE = 4.0
"""Offsets between objects, in sides of the picture, times this are about as large as one."""


class PromptParts(nn.Module):
    """Reads from a head's tokens (B, N, width) which phrase each object answers to, how many each phrase asks for and
    finds, which direction is asked for, and the way from a thing to what it is related to."""

    def __init__(self, width: int):
        super().__init__()
        self.phrase = Linear(width, 1 + MOST_PHRASES)
        self.numbers = Linear(width, 2 * MOST_PHRASES)
        self.direction = Linear(width, len(_DIRECTIONS))
        self.offset = Linear(width, 2)

    def loss(self, prediction: RewardPrediction, records: Records) -> Tensor:
        """Cross entropy of phrases and directions, squared error of numbers and offsets, and cross entropy of the
        position map at both things of a relation against whether it holds."""
        device, seen = prediction.tokens.device, records.seen
        cells = Cells(*prediction.maps.shape[-2:], records.side)
        whole = prediction.tokens.mean(dim=1)
        phrases = phrase_targets(records.prompts, seen, cells).to(device)
        numbers = number_targets(records.prompts, seen).to(device)
        asked, offsets, holds = (
            targets.to(device) for targets in relation_targets(records.prompts, seen, cells, records.side)
        )
        at_things, at_firsts = ~holds.isnan(), ~offsets.isnan().any(dim=-1)
        maps = prediction.maps[:, _POSITION].flatten(1)
        return (
            _mean(
                F.cross_entropy(
                    self.phrase(prediction.tokens).flatten(0, 1),
                    phrases.flatten(),
                    reduction="none",
                    ignore_index=_NOT_SAID,
                ),
                phrases.flatten() != _NOT_SAID,
            )
            + _mean((self.numbers(whole) - numbers.nan_to_num()).square(), ~numbers.isnan())
            + _mean(
                F.cross_entropy(self.direction(whole), asked, reduction="none", ignore_index=_NOT_SAID),
                asked != _NOT_SAID,
            )
            + _mean((self.offset(prediction.tokens) - offsets.nan_to_num()).square().sum(dim=-1), at_firsts)
            + _mean(F.binary_cross_entropy_with_logits(maps, holds.nan_to_num(), reduction="none"), at_things)
        )


def phrase_targets(prompts: Sequence[str], seen: Sequence[Sequence[Detection]], cells: Cells) -> Tensor:
    """Per picture and cell (B, h * w): 1 + the phrase that the object there answers to, 0 for an object of none, -100
    elsewhere."""
    targets = torch.full((len(prompts), cells.height * cells.width), _NOT_SAID)
    for row, (prompt, objects) in enumerate(zip(prompts, seen)):
        targets[row, [cells.of(d) for d in objects]] = 0
        for number, phrase in reversed(list(enumerate(_phrases(prompt)))):
            targets[row, [cells.of(d) for d in matching(objects, phrase.noun, phrase.color)]] = 1 + number
    return targets


def number_targets(prompts: Sequence[str], seen: Sequence[Sequence[Detection]]) -> Tensor:
    """Logarithms of 1 + how many things each phrase asks for, then of how many there are (B, 2 * MOST_PHRASES); NaN for
    no phrase."""
    targets = torch.full((len(prompts), 2, MOST_PHRASES), float("nan"))
    for row, (prompt, objects) in enumerate(zip(prompts, seen)):
        for number, phrase in enumerate(_phrases(prompt)):
            found = len(matching(objects, phrase.noun, phrase.color))
            targets[row, :, number] = torch.tensor([phrase.number, found], dtype=torch.float32).log1p()
    return targets.flatten(1)


def relation_targets(
    prompts: Sequence[str], seen: Sequence[Sequence[Detection]], cells: Cells, side: float
) -> tuple[Tensor, Tensor, Tensor]:
    """Of each prompt's first relation: the direction that is asked for (B,), -100 for none; at each first thing the way
    to the second ones (B, h * w, 2); and at both whether the relation holds (B, h * w). NaN is elsewhere."""
    number = cells.height * cells.width
    asked = torch.full((len(prompts),), _NOT_SAID)
    offsets, holds = (
        torch.full((len(prompts), number, 2), float("nan")),
        torch.full((len(prompts), number), float("nan")),
    )
    for row, (prompt, objects) in enumerate(zip(prompts, seen)):
        claim = _relation(prompt)
        if claim is None:
            continue
        asked[row] = _DIRECTIONS.index(claim.direction)
        verdict = judge_position(claim, objects, side)
        holds[row, [cells.of(d) for d in verdict.evidence]] = float(verdict.passed)
        seconds = matching(objects, claim.other, claim.other_color)
        for first in matching(objects, claim.noun, claim.color) if seconds else ():
            way = torch.tensor([second.center for second in seconds]).mean(dim=0) - torch.tensor(first.center)
            offsets[row, cells.of(first)] = _OFFSET_SCALE / side * way
    return asked, offsets, holds


@lru_cache(maxsize=10_000)
def _phrases(prompt: str) -> tuple:
    return tuple(parse_prompt(prompt)[0][:MOST_PHRASES])


@lru_cache(maxsize=10_000)
def _relation(prompt: str) -> Claim | None:
    """The first claim of where two things stand to each other."""
    return next(
        (claim for claim in claims_from_prompt(prompt) if claim.type == "position" and claim.direction and claim.other),
        None,
    )


def _mean(losses: Tensor, chosen: Tensor) -> Tensor:
    """The mean of the chosen ones; 0 where there are none."""
    return (losses * chosen).sum() / chosen.sum().clamp_min(1)
