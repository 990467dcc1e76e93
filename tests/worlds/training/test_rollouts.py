"""Objectives that draw and ask the critic while they learn: each learns what is rewarded."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from tests.support.toy_training import CONFIG, encode, shift, toy_records, trained
from xlard.models.corrector import LatentCorrector
from xlard.training.objectives import predictions, tensors
from xlard.training.records import pick
from xlard.training.registry import objective_names
from xlard.worlds.training.expert_iteration import ExpertIteration, ExpertSettings
from xlard.worlds.training.objectives import OBJECTIVES, ROLLOUT_OBJECTIVES
from xlard.worlds.training.ppo import Ppo, PpoSettings
from xlard.worlds.training.rollouts import Outcome, Situations

pytestmark = pytest.mark.model


def test_objectives_with_rollouts_come_beside_the_others() -> None:
    assert OBJECTIVES == (*objective_names(), "ppo", "expert")
    assert [load() for load in ROLLOUT_OBJECTIVES.values()] == [Ppo, ExpertIteration]


def test_ppo_finds_what_is_rewarded() -> None:
    torch.manual_seed(0)
    records = toy_records()

    def situations(number: int, generator: torch.Generator) -> Situations:
        in_range = predictions(records, (0.5, 1.0))
        latents, context, noise_level, _ = tensors(
            in_range.rows(pick(torch.arange(len(in_range)), number, generator)), encode, "cpu"
        )
        return Situations(
            latents,
            context,
            noise_level,
            lambda corrected: Outcome(corrected, (corrected[:, 0].mean(dim=(1, 2)) * 3).sigmoid()),
        )

    objective = Ppo(CONFIG, situations, "cpu", settings=PpoSettings(rollouts=64, anchor=0.0))
    corrector = trained(objective, 200)
    assert shift(corrector, records) > 0.2
    assert sum(objective.mean_rewards[-5:]) / 5 > sum(objective.mean_rewards[:5]) / 5 + 0.1
    assert len(objective.mean_rewards) == 50


def test_ppo_is_anchored_at_what_it_began_with() -> None:
    torch.manual_seed(0)
    in_range = predictions(toy_records(), (0.5, 1.0))
    inputs = tensors(in_range.rows(range(32)), encode, "cpu")[:3]
    start = LatentCorrector(CONFIG)
    nn.init.constant_(start.out.bias, 0.5)
    with torch.no_grad():
        before = start(*inputs)
    assert before.abs().mean() > 0.1

    def unrelated(number: int, generator: torch.Generator) -> Situations:
        return Situations(*inputs, lambda corrected: Outcome(corrected, torch.rand(32, generator=generator)))

    corrector = trained(Ppo(CONFIG, unrelated, "cpu", start, PpoSettings(rollouts=32, anchor=100.0)), 60)
    with torch.no_grad():
        assert (corrector(*inputs) - before).abs().mean() < 0.3 * before.abs().mean()


def test_expert_iteration_moves_on_from_what_passed_last_time() -> None:
    torch.manual_seed(0)
    records = toy_records()

    def situations(number: int, generator: torch.Generator) -> Situations:
        in_range = predictions(records, (0.5, 1.0))
        latents, context, noise_level, _ = tensors(
            in_range.rows(pick(torch.arange(len(in_range)), number, generator)), encode, "cpu"
        )

        def play(corrected: torch.Tensor) -> Outcome:
            moved = (corrected - latents)[:, 0].mean(dim=(1, 2))
            return Outcome(corrected, (moved >= moved.quantile(0.7)).float())

        return Situations(latents, context, noise_level, play)

    objective = ExpertIteration(
        CONFIG, situations, "cpu", settings=ExpertSettings(rollouts=64, rounds=4, deviation=0.5, memory=64)
    )
    corrector = trained(objective, 160)
    assert len(objective.passed) == 40 and objective.passed[0] == pytest.approx(0.3, abs=0.05)
    # Farther than any draw of the first rollouts: each round selects again.
    assert shift(corrector, records) > 0.05
    assert corrector.config == CONFIG


def test_expert_iteration_needs_something_that_passes() -> None:
    in_range = predictions(toy_records(), (0.5, 1.0))
    inputs = tensors(in_range.rows(range(8)), encode, "cpu")[:3]
    objective = ExpertIteration(
        CONFIG,
        lambda number, generator: Situations(*inputs, lambda corrected: Outcome(corrected, torch.zeros(8))),
        "cpu",
    )
    with pytest.raises(ValueError, match="Nothing that the corrector draws passes"):
        objective.loss(torch.Generator())
    assert len(objective.passed) == ExpertIteration.PATIENCE
