"""Regional targets of a reward head: what the critic saw where. Without them a head hardly learns to read latents.

A reward is one number per picture. The critic's boxes say much more (SRUM's regional rewards): which object has its
centre in which cell of the head's map, and whether the prompt asks for it. The map itself learns the second; the layer
that predicts the first is dropped after training.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn import Linear

from ..detections import Detection
from ..models.head import RewardHead, RewardPrediction
from ..prompts import parse_prompt
from .cells import Cells
from .prompt_parts import PromptParts
from .records import NO_REWARD, Records

_EMPTY_WEIGHT = 0.3
_OF_OBJECTS = ("count", "color", "object")
"""The aspects that single objects decide."""


def seen_labels(records: Records) -> list[str]:
    """Every label that the critic gave in the records, in order."""
    return sorted({detection.label for objects in records.objects for detection in objects})


def cell_targets(
    objects: Sequence[Sequence[Detection]], classes: Sequence[Sequence[int]], height: int, width: int, side: float
) -> Tensor:
    """Per picture and cell (B, height * width): 1 + the class of the object centred there, 0 for none.

    ``side`` is the pictures' longer side in pixels.
    """
    cells, targets = Cells(height, width, side), torch.zeros(len(objects), height * width, dtype=torch.long)
    for row, (in_picture, their_classes) in enumerate(zip(objects, classes)):
        for detection, number in zip(in_picture, their_classes):
            targets[row, cells.of(detection)] = 1 + number
    return targets


def region_targets(
    objects: Sequence[Sequence[Detection]], labels: Sequence[str], height: int, width: int, side: float
) -> Tensor:
    """``cell_targets`` whose classes are places in ``labels``."""
    classes = [[labels.index(detection.label) for detection in in_picture] for in_picture in objects]
    return cell_targets(objects, classes, height, width, side)


def in_prompt(objects: Sequence[Detection], prompt: str) -> list[bool]:
    """Whether the prompt asks for an object of each one's noun and, if it says a colour, colour."""
    phrases, _ = parse_prompt(prompt)
    return [
        any(phrase.noun == detection.noun and phrase.color in (None, detection.color) for phrase in phrases)
        for detection in objects
    ]


class RegionalHead(nn.Module):
    """A reward head with layers that read its tokens while it is trained: what they show, and what the prompt says
    about it (``parts``).

    ``head`` is what is kept.
    """

    def __init__(self, head: RewardHead, labels: Sequence[str]):
        super().__init__()
        self.head, self.labels = head, list(labels)
        self.regions = Linear(head.config.width, 1 + len(labels))
        self.parts = PromptParts(head.config.width)

    def loss(self, prediction: RewardPrediction, records: Records) -> Tensor:
        """Cross entropy of each cell's label, and of the map there against whether the prompt asks for the object;
        plus the loss of the prompt's parts.

        Empty cells, which are most, count less in the first and not at all in the second. The second is about the
        aspects that single objects decide.
        """
        height, width = prediction.maps.shape[-2:]
        device, objects = prediction.tokens.device, records.seen
        labels = region_targets(objects, self.labels, height, width, records.side).to(device)
        weight = torch.ones(self.regions.out_features, device=device)
        weight[0] = _EMPTY_WEIGHT
        label_loss = F.cross_entropy(self.regions(prediction.tokens).flatten(0, 1), labels.flatten(), weight)
        matches = [in_prompt(in_picture, prompt) for in_picture, prompt in zip(objects, records.prompts)]
        right = cell_targets(objects, matches, height, width, records.side).to(device) - 1
        columns = prediction.columns(_OF_OBJECTS)
        rewards = records.with_aspects(prediction.aspects).rewards[:, columns]
        judged = (right >= 0)[:, None] & (rewards > NO_REWARD).to(device)[..., None]
        maps = prediction.maps[:, columns].flatten(2)
        targets = right.clamp_min(0)[:, None].expand_as(maps).to(maps.dtype)
        map_losses = F.binary_cross_entropy_with_logits(maps, targets, reduction="none")
        map_loss = (map_losses * judged).sum() / judged.sum().clamp_min(1)
        return label_loss + map_loss + self.parts.loss(prediction, records)
