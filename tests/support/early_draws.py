"""A head with a taste and pictures by script, for tests of what a head reads halfway through a draw."""

from __future__ import annotations

import torch

from tests.support.loop_fakes import FakeJudge
from xlard.aspects import ASPECTS
from xlard.guidance.base import SingleStepGuidance
from xlard.loop.engine import Engine
from xlard.models.head import HeadConfig, RewardPrediction
from xlard.prompts import claims_from_prompt

PROMPT, STEPS, NOISE_LEVEL = "three circles", 5, 0.4


class Taste:
    """A head that likes latents with a high mean."""

    config = HeadConfig(4, 128, "a test")

    def __call__(self, latents, context, noise_level):
        rewards = latents.mean(dim=(1, 2, 3)).sigmoid()[:, None].expand(-1, len(ASPECTS))
        return RewardPrediction(rewards, rewards, rewards[..., None, None], ASPECTS, rewards[:, None])


class Circles:
    """Pictures of so many circles in the order of ``numbers``."""

    def __init__(self, numbers: list[int]):
        self.numbers = list(numbers)

    def decode(self, latents):
        return torch.full((len(latents), 8, 8, 3), max(self.numbers.pop(0), 0.01))


def engine(sampler, *numbers: int) -> Engine:
    return Engine(
        sampler, Circles(numbers), FakeJudge(), [PROMPT] * 3, [claims_from_prompt(PROMPT)] * 3, [7, 8, 9], head=Taste()
    )


def liked(sampler, seed: int) -> float:
    """What the head reads halfway through a draw."""
    seen = []
    sampler.generate(
        [0], [seed], SingleStepGuidance(NOISE_LEVEL, lambda x0, level: seen.append(x0.mean().item()) or x0)
    )
    return seen[0]
