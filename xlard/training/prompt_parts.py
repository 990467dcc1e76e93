"""The steps from a prompt to its rewards as targets: what the prompt asks for, which objects match, what stands where.

Whether a red circle is left of a blue square is one number. To predict it, a head has to find both, know the direction
in the prompt, and see the direction from one to the other; from the number alone it learns none of these. The layers
that predict them are dropped after training.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn import Linear

from ..claims import Claim
from ..detections import Detection, matching
from ..models.head import RewardPrediction
from ..prompts import claims_from_prompt, parse_prompt
from ..prompts.noun_phrases import Phrase
from ..rewards import DIRECTIONS, judge_position
from .cells import Cells
from .records import Records

MOST_PHRASES = 4
"""Further phrases of a prompt, and the objects that match them, are no targets."""

_NO_TARGET = -100
_DIRECTIONS = list(DIRECTIONS)

_OFFSET_SCALE = 4.0
"""Offsets between objects, in sides of the picture, are multiplied by this to be about 1."""


class PromptParts(nn.Module):
    """Reads from a head's tokens (B, N, width) which phrase each object matches, how many objects each phrase asks for
    and how many match it, which direction the prompt names, and the offset from an object to what it is related to.
    """

    def __init__(self, width: int):
        super().__init__()
        self.phrase = Linear(width, 1 + MOST_PHRASES)
        self.numbers = Linear(width, 2 * MOST_PHRASES)
        self.direction = Linear(width, len(_DIRECTIONS))
        self.offset = Linear(width, 2)

    def loss(self, prediction: RewardPrediction, records: Records) -> Tensor:
        """Cross entropy of phrases and directions, squared error of numbers and offsets, and cross entropy of the
        position map, if the head has one, at both objects of a relation against whether it holds.
        """
        device, objects = prediction.tokens.device, records.seen
        height, width = prediction.maps.shape[-2:]
        cells = Cells(height, width, records.side)
        picture_token = prediction.tokens.mean(dim=1)
        phrases = phrase_targets(records.prompts, objects, cells).to(device)
        numbers = number_targets(records.prompts, objects).to(device)
        directions, offsets, holds = (
            targets.to(device) for targets in relation_targets(records.prompts, objects, cells, records.side)
        )
        loss = (
            _cross_entropy(self.phrase(prediction.tokens).flatten(0, 1), phrases.flatten())
            + _mean((self.numbers(picture_token) - numbers.nan_to_num()).square(), ~numbers.isnan())
            + _cross_entropy(self.direction(picture_token), directions)
            + _mean(
                (self.offset(prediction.tokens) - offsets.nan_to_num()).square().sum(dim=-1),
                ~offsets.isnan().any(dim=-1),
            )
        )
        for column in prediction.columns(("position",)):
            maps = prediction.maps[:, column].flatten(1)
            losses = F.binary_cross_entropy_with_logits(maps, holds.nan_to_num(), reduction="none")
            loss = loss + _mean(losses, ~holds.isnan())
        return loss


def phrase_targets(prompts: Sequence[str], objects: Sequence[Sequence[Detection]], cells: Cells) -> Tensor:
    """Per picture and cell (B, h * w): 1 + the phrase that the object there matches, 0 if it matches none, -100 without
    an object.
    """
    targets = torch.full((len(prompts), cells.height * cells.width), _NO_TARGET)
    for row, (prompt, in_picture) in enumerate(zip(prompts, objects)):
        targets[row, [cells.of(detection) for detection in in_picture]] = 0
        for number, phrase in reversed(list(enumerate(_phrases(prompt)))):
            matches = matching(in_picture, phrase.noun, phrase.color)
            targets[row, [cells.of(detection) for detection in matches]] = 1 + number
    return targets


def number_targets(prompts: Sequence[str], objects: Sequence[Sequence[Detection]]) -> Tensor:
    """Logarithms of 1 + how many objects each phrase asks for, then of how many match it (B, 2 * MOST_PHRASES); NaN for
    no phrase.
    """
    targets = torch.full((len(prompts), 2, MOST_PHRASES), float("nan"))
    for row, (prompt, in_picture) in enumerate(zip(prompts, objects)):
        for index, phrase in enumerate(_phrases(prompt)):
            number = len(matching(in_picture, phrase.noun, phrase.color))
            targets[row, :, index] = torch.tensor([phrase.number, number], dtype=torch.float32).log1p()
    return targets.flatten(1)


def relation_targets(
    prompts: Sequence[str], objects: Sequence[Sequence[Detection]], cells: Cells, side: float
) -> tuple[Tensor, Tensor, Tensor]:
    """Of each prompt's first relation: its direction (B,), -100 for none; at each first object the offset to the second
    ones (B, h * w, 2); and at both whether the relation holds (B, h * w). NaN is elsewhere.
    """
    number = cells.height * cells.width
    directions = torch.full((len(prompts),), _NO_TARGET)
    offsets = torch.full((len(prompts), number, 2), float("nan"))
    holds = torch.full((len(prompts), number), float("nan"))
    for row, (prompt, in_picture) in enumerate(zip(prompts, objects)):
        claim = _relation(prompt)
        if claim is None or claim.direction is None:
            continue
        directions[row] = _DIRECTIONS.index(claim.direction)
        verdict = judge_position(claim, in_picture, side)
        holds[row, [cells.of(detection) for detection in verdict.evidence]] = float(verdict.passed is True)
        seconds = matching(in_picture, claim.other, claim.other_color)
        for first in matching(in_picture, claim.noun, claim.color) if seconds else ():
            offset = torch.tensor([second.center for second in seconds]).mean(dim=0) - torch.tensor(first.center)
            offsets[row, cells.of(first)] = _OFFSET_SCALE / side * offset
    return directions, offsets, holds


@lru_cache(maxsize=10_000)
def _phrases(prompt: str) -> tuple[Phrase, ...]:
    return tuple(parse_prompt(prompt)[0][:MOST_PHRASES])


@lru_cache(maxsize=10_000)
def _relation(prompt: str) -> Claim | None:
    """The prompt's first claim about the direction between two objects."""
    return next(
        (claim for claim in claims_from_prompt(prompt) if claim.type == "position" and claim.direction and claim.other),
        None,
    )


def _cross_entropy(logits: Tensor, targets: Tensor) -> Tensor:
    """Mean cross entropy over the rows that have a target; 0 where none has."""
    losses = F.cross_entropy(logits, targets, reduction="none", ignore_index=_NO_TARGET)
    return _mean(losses, targets != _NO_TARGET)


def _mean(losses: Tensor, chosen: Tensor) -> Tensor:
    """The mean of the chosen losses; 0 where there are none."""
    return (losses * chosen).sum() / chosen.sum().clamp_min(1)
