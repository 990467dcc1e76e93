"""Early decisions of the bench: which of two candidates goes on, what it becomes, and what both cost."""

from __future__ import annotations

import pytest
import torch

from tests.loop.test_loop import FakeJudge
from xlard.aspects import ASPECTS
from xlard.bench.worlds.early import early_best_of, nfe_of_picture
from xlard.guidance.base import SingleStepGuidance
from xlard.loop.engine import Engine, derived_seed
from xlard.models.head import HeadConfig, RewardPrediction
from xlard.prompts import claims_from_prompt
from xlard.worlds.shapes.world import ShapesWorld

pytestmark = pytest.mark.model

PROMPT, STEPS, SIGMA = "three circles", 5, 0.4


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
        return torch.full((len(latents), 8, 8, 3), float(self.numbers.pop(0)))


@pytest.fixture(scope="module")
def sampler():
    return ShapesWorld().sampler([PROMPT] * 3, steps=STEPS)


def engine(sampler, *numbers: int) -> Engine:
    return Engine(
        sampler, Circles(numbers), FakeJudge(), [PROMPT] * 3, [claims_from_prompt(PROMPT)] * 3, [7, 8, 9], head=Taste()
    )


def liked(sampler, seed: int) -> float:
    """What the head reads half way of a draw."""
    seen = []
    sampler.generate([0], [seed], SingleStepGuidance(SIGMA, lambda x0, level: seen.append(x0.mean().item()) or x0))
    return seen[0]


def test_the_better_one_of_two_becomes_what_it_would_have_become(sampler):
    with torch.no_grad():
        states = early_best_of(engine(sampler, 5), 1, SIGMA)
    chosen = set()
    for seed, state in zip((7, 8, 9), states):
        tried = [seed, derived_seed(seed, 0, 1)]
        entry, best = state.first, max(tried, key=lambda each: liked(sampler, each))
        assert entry.seed == best and torch.allclose(entry.latent, sampler.generate([0], [best])[0], atol=1e-4)
        assert entry.predicted == pytest.approx(torch.tensor(liked(sampler, best)).sigmoid().item(), abs=1e-4)
        chosen.add(tried.index(best))
    # Else the test would not tell a pick from none.
    assert chosen == {0, 1}


def test_both_are_paid_for_and_the_cap_holds(sampler):
    # Three steps and a prediction of the one that is dropped, five of the other.
    assert nfe_of_picture(sampler, SIGMA) == 9
    with torch.no_grad():
        states = early_best_of(engine(sampler, 5, 4, 5), 6, SIGMA)
        passed = early_best_of(engine(sampler, 5, 3, 5), 6, SIGMA, until_passed=True)
    assert [(len(state.rounds), state.nfe, state.rounds.index(state.best)) for state in states] == [(3, 27, 1)] * 3
    assert [(len(state.rounds), state.nfe, state.passed) for state in passed] == [(2, 18, True)] * 3
