"""Regional targets of a reward head: what the critic saw where, so that the head learns to read latents at all.

A reward is one number a picture. The critic's boxes say much more (SRUM's regional rewards): which object has its
centre in which cell of the head's map, and whether the prompt asks for it. The map itself learns the second; the part
that predicts the first is dropped after training."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn import Linear

from ..aspects import ASPECTS
from ..detections import Detection
from ..models.head import RewardHead, RewardPrediction
from ..prompts import parse_prompt
from .cells import Cells
from .prompt_parts import PromptParts
from .records import NO_REWARD, Records

_EMPTY_WEIGHT = 0.3
_OF_OBJECTS = [ASPECTS.index(aspect) for aspect in ("count", "color", "object")]


def seen_labels(records: Records) -> list[str]:
    """Every label that the critic gave in the records, in order."""
    return sorted({d.label for objects in records.objects for d in objects})


def cell_targets(
    objects: Sequence[Sequence[Detection]], classes: Sequence[Sequence[int]], height: int, width: int, side: float
) -> Tensor:
    """Per picture and cell (B, height * width): 1 + the class of the object centred there, 0 for none.

    ``side`` is the pictures' longer side in pixels.
    """
    cells, targets = Cells(height, width, side), torch.zeros(len(objects), height * width, dtype=torch.long)
    for row, (found, known) in enumerate(zip(objects, classes)):
        for d, number in zip(found, known):
            targets[row, cells.of(d)] = 1 + number
    return targets


def region_targets(
    objects: Sequence[Sequence[Detection]], labels: Sequence[str], height: int, width: int, side: float
) -> Tensor:
    """``cell_targets`` whose classes are places in ``labels``."""
    return cell_targets(objects, [[labels.index(d.label) for d in found] for found in objects], height, width, side)


def asked_for(objects: Sequence[Detection], prompt: str) -> list[bool]:
    """Whether the prompt asks for an object of each one's noun and, where it says one, colour."""
    phrases, _ = parse_prompt(prompt)
    return [any(phrase.noun == d.noun and phrase.color in (None, d.color) for phrase in phrases) for d in objects]


class RegionalHead(nn.Module):
    """A reward head with readers of its tokens, for training: what they show, and what the prompt says of it
    (``parts``).

    ``head`` is what is kept.
    """

    def __init__(self, head: RewardHead, labels: Sequence[str]):
        super().__init__()
        self.head, self.labels = head, list(labels)
        self.regions = Linear(head.config.width, 1 + len(labels))
        self.parts = PromptParts(head.config.width)

    def loss(self, prediction: RewardPrediction, records: Records) -> Tensor:
        """Cross entropy of each cell's label, and of the map there against whether the prompt asks for the object; and
        that of the prompt's parts.

        Empty cells, which are most, weigh less in the one and nothing in the other. The map's part is about the aspects
        that single objects carry.
        """
        grid, device, objects = prediction.maps.shape[-2:], prediction.tokens.device, records.seen
        seen = region_targets(objects, self.labels, *grid, records.side).to(device)
        weight = torch.ones(self.regions.out_features, device=device)
        weight[0] = _EMPTY_WEIGHT
        about = F.cross_entropy(self.regions(prediction.tokens).flatten(0, 1), seen.flatten(), weight)
        wanted = [asked_for(found, prompt) for found, prompt in zip(objects, records.prompts)]
        asked = cell_targets(objects, wanted, *grid, records.side).to(device) - 1
        judged = (asked >= 0)[:, None] & (records.rewards[:, _OF_OBJECTS] > NO_REWARD).to(device)[..., None]
        maps = prediction.maps[:, _OF_OBJECTS].flatten(2)
        right = asked.clamp_min(0)[:, None].expand_as(maps).to(maps.dtype)
        mapped = F.binary_cross_entropy_with_logits(maps, right, reduction="none")
        return about + (mapped * judged).sum() / judged.sum().clamp_min(1) + self.parts.loss(prediction, records)
