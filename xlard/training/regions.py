"""Regional targets of a reward head: what the critic saw where, so that the head learns to read latents at all.

A reward is one number a picture. The critic's boxes say much more (SRUM's regional rewards): which object has its centre
in which cell of the head's map, and whether the prompt asks for it. The parts that predict that are dropped after training.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..critique import Detection
from ..head import RewardHead, RewardPrediction
from ..prompts import parse_prompt
from .records import Records

_EMPTY_WEIGHT = 0.3


def seen_labels(parts: Sequence[Records]) -> list[str]:
    """Every label that the critic gave in the records, in order."""
    return sorted({d.label for part in parts for objects in part.objects for d in objects})


def cell_targets(objects: Sequence[Sequence[Detection]], classes: Sequence[Sequence[int]], height: int, width: int,
                 side: float) -> Tensor:
    """Per picture and cell (B, height * width): 1 + the class of the object centred there, 0 for none."""
    targets = torch.zeros(len(objects), height, width, dtype=torch.long)
    for row, (found, known) in enumerate(zip(objects, classes)):
        for d, number in zip(found, known):
            x, y = d.center
            cell = min(int(y / side * height), height - 1), min(int(x / side * width), width - 1)
            targets[(row, *cell)] = 1 + number
    return targets.flatten(1)


def region_targets(objects: Sequence[Sequence[Detection]], labels: Sequence[str], height: int, width: int,
                   side: float) -> Tensor:
    """``cell_targets`` whose classes are places in ``labels``."""
    return cell_targets(objects, [[labels.index(d.label) for d in found] for found in objects], height, width, side)


def asked_for(objects: Sequence[Detection], prompt: str) -> list[bool]:
    """Whether the prompt asks for an object of each one's noun and, where it says one, colour."""
    phrases, _ = parse_prompt(prompt)
    return [any(phrase.noun == d.noun and phrase.color in (None, d.color) for phrase in phrases) for d in objects]


class RegionalHead(nn.Module):
    """A reward head with two classifiers of its tokens, for training. ``head`` is what is kept."""

    def __init__(self, head: RewardHead, labels: Sequence[str], side: float):
        super().__init__()
        self.head, self.labels, self.side = head, list(labels), side
        self.regions = nn.Linear(head.config.width, 1 + len(labels))
        self.asked = nn.Linear(head.config.width, 2)

    def loss(self, prediction: RewardPrediction, records: Records) -> Tensor:
        """Cross entropy of each cell's label, and of whether the prompt asks for it; empty cells, which are most, weigh
        less in the one and nothing in the other."""
        grid, device = prediction.maps.shape[-2:], prediction.tokens.device
        seen = region_targets(records.objects, self.labels, *grid, self.side).to(device)
        weight = torch.ones(self.regions.out_features, device=device)
        weight[0] = _EMPTY_WEIGHT
        wanted = [asked_for(objects, prompt) for objects, prompt in zip(records.objects, records.prompts)]
        asked = cell_targets(records.objects, wanted, *grid, self.side).to(device) - 1
        about = F.cross_entropy(self.asked(prediction.tokens).flatten(0, 1), asked.flatten(), ignore_index=-1, reduction="sum")
        return (F.cross_entropy(self.regions(prediction.tokens).flatten(0, 1), seen.flatten(), weight)
                + about / (asked >= 0).sum().clamp_min(1))
