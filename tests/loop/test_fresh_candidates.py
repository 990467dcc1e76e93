"""Candidates of a fresh draw: the head picks one on its way, and only that one is finished."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from tests.support.early_draws import PROMPT, STEPS, engine
from tests.support.loop_fakes import OneMore
from xlard.loop.correction import Correction
from xlard.loop.engine import derived_seed
from xlard.loop.run import correct_all
from xlard.loop.settings import LoopSettings
from xlard.models.corrector import CorrectorConfig
from xlard.worlds.registry import load_world

pytestmark = pytest.mark.model

SETTINGS = LoopSettings(rounds=1, strategies=("resample",), fresh_candidates=3)


@pytest.fixture(scope="module")
def sampler():
    return load_world().sampler([PROMPT] * 3, steps=STEPS)


def test_a_draw_in_two_stages_is_that_of_one(sampler):
    seeds = [7, 8, 9]
    with torch.no_grad():
        whole = sampler.generate([0, 1, 2], seeds)
        for level in (1.0, 0.5, 0.01):
            begun = sampler.begin([0, 1, 2], seeds, level)
            assert torch.equal(sampler.finish(begun, level, [0, 1, 2], seeds), whole)
    assert [sampler.begin_nfe(level) for level in (1.0, 0.6, 0.01)] == [1, 3, 5]


def test_the_head_s_favourite_is_finished_and_all_calls_are_counted(sampler):
    drawing = engine(sampler, 5, 3)
    with torch.no_grad():
        states = correct_all(drawing, SETTINGS)
    chosen = set()
    for row, (seed, state) in enumerate(zip((7, 8, 9), states)):
        plain, fresh = state.rounds
        assert plain.seed == seed and plain.nfe == STEPS
        first = derived_seed(seed, 1, 0)
        seeds = [first, derived_seed(first, 1), derived_seed(first, 2)]
        place = seeds.index(fresh.seed)
        assert f"number {place + 1} of 3" in fresh.reason
        # The step nearest to 0.5 is the third or fourth of five; two candidates are not finished.
        assert fresh.nfe == STEPS + 2 * sampler.begin_nfe(0.5)
        assert torch.allclose(fresh.latent, sampler.generate([row], [fresh.seed])[0], atol=1e-4)
        rewards = []
        for candidate in seeds:
            seen = []
            sampler.begin([row], [candidate], 0.5, _Watch(seen))
            rewards.append(seen[-1].mean().item())
        assert place == max(range(3), key=rewards.__getitem__)
        chosen.add(place)
    # Else the test would not tell a pick from none.
    assert len(chosen) > 1


class _Watch:
    stop_at: tuple[float, ...] = ()
    extra_nfe = 0

    def __init__(self, seen: list):
        self.seen = seen

    def apply(self, x0, noise_level, stop=None):
        self.seen.append(x0)
        return x0


def test_a_budget_counts_the_candidates_that_are_dropped(sampler):
    with torch.no_grad():
        states = correct_all(engine(sampler, 5), replace(SETTINGS, budget=2 * STEPS))
    assert all(len(state.rounds) == 1 for state in states)


def test_without_a_head_or_with_draws_that_are_corrected_there_is_no_choice():
    once = OneMore()
    once.config = CorrectorConfig(1, 1, "a fake", single_step_level=0.5)
    with_correct = replace(SETTINGS, strategies=("resample", "correct"))
    head = engine(None).head
    assert Correction.resolve(None, None, SETTINGS).fresh_candidates == 1
    assert Correction.resolve(head, once, with_correct).fresh_candidates == 1
    assert Correction.resolve(head, once, SETTINGS).fresh_candidates == 3
    assert Correction.resolve(head, None, with_correct).decision_level == 0.5
