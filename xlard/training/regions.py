"""Regional targets of a reward head: what the critic saw where, so that the head learns to read latents at all.

A reward is one number a picture. The critic's boxes say much more (SRUM's regional rewards): which object has its centre
in which cell of the head's map. Predicting that from the same tokens is dropped after training.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..critique import Detection
from ..head import RewardHead
from .records import Records

_EMPTY_WEIGHT = 0.3


def seen_labels(parts: Sequence[Records]) -> list[str]:
    """Every label that the critic gave in the records, in order."""
    return sorted({d.label for part in parts for objects in part.objects for d in objects})


def region_targets(objects: Sequence[Sequence[Detection]], labels: Sequence[str], height: int, width: int,
                   side: float) -> Tensor:
    """Per picture and cell (B, height * width): 1 + the label of the object centred there, 0 for none."""
    targets = torch.zeros(len(objects), height, width, dtype=torch.long)
    for row, found in enumerate(objects):
        for d in found:
            x, y = d.center
            cell = min(int(y / side * height), height - 1), min(int(x / side * width), width - 1)
            targets[(row, *cell)] = 1 + labels.index(d.label)
    return targets.flatten(1)


class RegionalHead(nn.Module):
    """A reward head with a classifier of its tokens, for training. ``head`` is what is kept."""

    def __init__(self, head: RewardHead, labels: Sequence[str], side: float):
        super().__init__()
        self.head, self.labels, self.side = head, list(labels), side
        self.regions = nn.Linear(head.config.width, 1 + len(labels))

    def loss(self, prediction, objects: Sequence[Sequence[Detection]]) -> Tensor:
        """Cross entropy of each cell's label; empty cells, which are most, weigh less."""
        targets = region_targets(objects, self.labels, *prediction.maps.shape[-2:], self.side).to(prediction.tokens.device)
        weight = torch.ones(self.regions.out_features, device=targets.device)
        weight[0] = _EMPTY_WEIGHT
        return F.cross_entropy(self.regions(prediction.tokens).flatten(0, 1), targets.flatten(), weight)
