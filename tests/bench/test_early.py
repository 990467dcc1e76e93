"""Early decisions of the bench: which of two candidates is finished, what it becomes, and what both cost."""

from __future__ import annotations

import pytest
import torch

from tests.support.early_draws import NOISE_LEVEL, PROMPT, STEPS, engine, liked
from xlard.bench.worlds.early import early_best_of, nfe_of_picture
from xlard.loop.engine import derived_seed
from xlard.worlds.registry import load_world

pytestmark = pytest.mark.model


@pytest.fixture(scope="module")
def sampler():
    return load_world().sampler([PROMPT] * 3, steps=STEPS)


def test_the_better_one_of_two_becomes_what_it_would_have_become(sampler):
    with torch.no_grad():
        states = early_best_of(engine(sampler, 5), 1, NOISE_LEVEL)
    chosen = set()
    for seed, state in zip((7, 8, 9), states):
        tried = [seed, derived_seed(seed, 0, 1)]
        first, best = state.first, max(tried, key=lambda seed: liked(sampler, seed))
        assert first.seed == best and torch.allclose(first.latent, sampler.generate([0], [best])[0], atol=1e-4)
        assert first.predicted == pytest.approx(torch.tensor(liked(sampler, best)).sigmoid().item(), abs=1e-4)
        chosen.add(tried.index(best))
    # Else the test would not tell a pick from none.
    assert chosen == {0, 1}


def test_both_are_paid_for_and_the_cap_holds(sampler):
    # Three steps and a prediction of the one that is dropped, five of the other.
    assert nfe_of_picture(sampler, NOISE_LEVEL) == 9
    with torch.no_grad():
        states = early_best_of(engine(sampler, 5, 4, 5), 6, NOISE_LEVEL)
        passed = early_best_of(engine(sampler, 5, 3, 5), 6, NOISE_LEVEL, until_passed=True)
    assert [(len(state.rounds), state.nfe, state.rounds.index(state.best)) for state in states] == [(3, 27, 1)] * 3
    assert [(len(state.rounds), state.nfe, state.passed) for state in passed] == [(2, 18, True)] * 3
