"""Toy pictures on which it is easy to see what an objective has learnt, and a small training loop."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from xlard.aspects import ASPECTS
from xlard.detections import Detection
from xlard.models.corrector import CorrectorConfig, LatentCorrector
from xlard.models.head import HeadConfig, RewardHead
from xlard.training.objectives import CorrectorObjective, predictions, tensors
from xlard.training.records import FINAL, NO_REWARD, X0, Records

CHANNELS, WIDTH, SIDE = 4, 16, 8.0
CONFIG = CorrectorConfig(
    CHANNELS, WIDTH, "a test model", width=32, layers=1, heads=4, trust_region=9.0, noise_level_range=(0.5, 1.0)
)


def toy_records(number: int = 64) -> Records:
    """Pictures whose first channel is high where they are right and low where they are wrong; a prompt for every four.

    Each comes finished and as a renoised prediction at 0.8, which is the mean of both kinds: it does not know yet.
    """
    torch.manual_seed(3)
    finals = torch.randn(number, CHANNELS, 4, 4) * 0.3
    right = torch.arange(number) % 2 == 0
    finals[:, 0] += torch.where(right, 1.0, -1.0)[:, None, None]
    predicted = finals.clone()
    predicted[:, 0] -= torch.where(right, 1.0, -1.0)[:, None, None]
    rewards = torch.full((2 * number, len(ASPECTS)), NO_REWARD)
    rewards[:, 0] = right.float().repeat(2)
    return Records(
        prompts=[f"prompt {row // 4}" for row in range(number)] * 2,
        latents=torch.cat([finals, predicted]),
        noise_level=torch.tensor([0.0] * number + [0.8] * number),
        kinds=torch.tensor([FINAL] * number + [X0] * number),
        renoised=torch.tensor([False] * number + [True] * number),
        rewards=rewards,
        passed=right.repeat(2),
        confidence=torch.ones(2 * number),
        pictures=torch.arange(number).repeat(2),
        finals=finals,
        objects=[[Detection(0, 0, 5, 5, "circle", "red")] for _ in range(number)],
        side=SIDE,
        repair_index=torch.where(right, -1, torch.arange(number) // 2).repeat(2),
        repairs=finals[0::2],
    )


def encode(prompts: list[str]) -> Tensor:
    """The same embedding for each prompt."""
    return torch.zeros(len(prompts), 2, WIDTH)


def fit(module: nn.Module, loss_of: Callable[[torch.Generator], Tensor], steps: int) -> list[float]:
    """Train a module; returns the losses."""
    optimizer, losses = torch.optim.AdamW(module.parameters(), lr=1e-2), []
    for step in range(steps):
        loss = loss_of(torch.Generator().manual_seed(step))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


def trained(objective: CorrectorObjective, steps: int) -> LatentCorrector:
    """The corrector of an objective after training."""
    fit(objective.module, objective.loss, steps)
    return objective.corrector(objective.module)


def small_head() -> RewardHead:
    """A head with random weights."""
    torch.manual_seed(0)
    return RewardHead(HeadConfig(CHANNELS, WIDTH, "a test model", width=32, layers=1))


def shift(corrector: LatentCorrector, records: Records) -> float:
    """How far the first channel of predictions is moved, where right is 1 and wrong is -1."""
    latents, context, noise_level, _ = tensors(predictions(records, (0.5, 1.0)), encode, "cpu")
    return corrector(latents, context, noise_level)[:, 0].mean().item()
