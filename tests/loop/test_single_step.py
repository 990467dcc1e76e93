"""Single-step guidance outside ComfyUI, with the demo generator, and where a schedule is stopped."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from xlard.guidance.base import SingleStepGuidance
from xlard.guidance.corrector import moved_noise, single_step_guidance
from xlard.models.corrector import CorrectorConfig
from xlard.models.head import HeadConfig, RewardPrediction
from xlard.worlds.shapes.world import ShapesWorld

STEPS = 5
CONFIG = CorrectorConfig(
    4, 128, "a test", trust_region=2.0, noise_level_range=(0.4, 0.6), single_step_level=0.4, reward_threshold=0.6
)


@pytest.fixture(scope="module")
def sampler():
    return ShapesWorld().sampler(["a red circle", "two blue squares"], steps=STEPS)


class Push:
    """A corrector that moves everything by one."""

    config = CONFIG

    def __call__(self, x0, context, level):
        return torch.ones_like(x0)


class Doubt:
    """A head that rates the first picture's colour at 0.5 and all else at 0.9."""

    config = HeadConfig(4, 128, "a test")

    def __call__(self, x0, context, level):
        rewards = torch.full((len(x0), len(self.config.aspects)), 0.9)
        rewards[0, self.config.aspects.index("color")] = 0.5
        return RewardPrediction(rewards, rewards, None, self.config.aspects, None)


def test_guidance_that_changes_nothing_leaves_every_bit(sampler) -> None:
    plain = sampler.generate([0, 1], [3, 4])
    assert torch.equal(plain, sampler.generate([0, 1], [3, 4], SingleStepGuidance(0.6, lambda x0, level: x0.clone())))


def test_moved_noise_keeps_its_norm_and_what_is_not_moved_every_bit() -> None:
    noise = torch.randn(2, 4, 1, 6, 6, generator=torch.Generator().manual_seed(0))
    delta = torch.zeros_like(noise)
    delta[1] = 0.7
    moved = moved_noise(noise, delta)
    assert torch.equal(moved[0], noise[0])
    assert torch.allclose(moved[1].norm(), noise[1].norm(), rtol=1e-5)
    assert torch.allclose(moved[1] / (noise[1] + 0.7), (moved[1] / (noise[1] + 0.7)).mean(), rtol=1e-4)


@pytest.mark.parametrize(
    "guidance",
    [
        SingleStepGuidance(1.0, lambda x0, level: x0 + 0.5),
        SingleStepGuidance(0.4, lambda x0, level: x0, noise_change=lambda x0, level: x0 + 0.5),
    ],
    ids=["alone", "beside a stop"],
)
def test_noise_is_moved_before_the_first_step(sampler, guidance: SingleStepGuidance) -> None:
    drawn = sampler.generate([0], [3], guidance)
    noise = moved_noise(sampler.noise([3]), torch.full((1, *sampler.shape), 0.5))
    assert torch.allclose(drawn, sampler.integrate(noise, sampler.noise_levels(), sampler.context([0])), atol=1e-5)
    assert not torch.allclose(drawn, sampler.generate([0], [3]), atol=1e-2)


@pytest.mark.parametrize(
    "guidance, nfe",
    [
        (SingleStepGuidance(0.5, abs), 1),
        (SingleStepGuidance(1.0, abs), 1),
        (SingleStepGuidance(0.5, abs, noise_change=abs), 2),
    ],
)
def test_it_says_how_many_calls_it_costs(guidance: SingleStepGuidance, nfe: int) -> None:
    assert guidance.extra_nfe == len(guidance.stop_at) == nfe


def test_noise_is_moved_by_a_share_and_not_beside_a_head() -> None:
    push = Push()
    push.config = replace(CONFIG, moves_noise=True, noise_share=0.25)
    x0, context = torch.zeros(2, 4, 6, 6), torch.zeros(2, 3, 128)
    assert single_step_guidance(push, context).apply(x0, 1.0, 1.0).eq(0.25).all()
    assert single_step_guidance(push, context, head=Doubt(), aspect_columns=[[0], [0]]).noise_change is None
    # Where a level is asked for, it acts there and nowhere else.
    assert single_step_guidance(push, context, noise_level=0.5).noise_change is None
    alone = single_step_guidance(push, context, noise_level=1.0, head=Doubt(), aspect_columns=[[0], [0]])
    assert alone.stop_at == (1.0,) and alone.apply(x0, 1.0, 1.0).eq(0.25).all()


@pytest.mark.parametrize("wanted, level", [(0.6, 0.6), (0.65, 0.6), (0.9, 0.8), (0.0, 0.2)])
def test_it_acts_once_at_the_nearest_step(sampler, wanted: float, level: float) -> None:
    levels = []

    def watch(x0, at):
        levels.append(round(at, 3))
        return x0 + 1.0

    assert not torch.equal(sampler.generate([0], [3]), sampler.generate([0], [3], SingleStepGuidance(wanted, watch)))
    assert levels == [level]


def test_sampling_goes_on_from_the_moved_prediction_under_the_same_noise(sampler) -> None:
    seen = {}

    def keep(x0, level):
        seen.setdefault("x0", x0)
        return x0 + 0.5

    drawn = sampler.generate([0], [3], SingleStepGuidance(0.4, keep))
    # The same by hand: to the level, shift by what a shift of x0 is there, and on.
    noisy, context = sampler.noise([3]), sampler.context([0])
    for level, following in zip(sampler.noise_levels()[:3], sampler.noise_levels()[1:4]):
        noisy = noisy + (following - level).item() * sampler.flow(noisy, level, context)
    level = sampler.noise_levels()[3]
    assert torch.allclose(noisy - level.item() * sampler.flow(noisy, level, context), seen["x0"], atol=1e-5)
    noisy = noisy + (1 - level.item()) * 0.5
    for level, following in zip(sampler.noise_levels()[3:-1], sampler.noise_levels()[4:]):
        noisy = noisy + (following - level).item() * sampler.flow(noisy, level, context)
    assert torch.allclose(drawn, noisy, atol=1e-5)


def test_without_a_head_all_are_corrected_at_the_correctors_level(sampler) -> None:
    guidance, x0 = single_step_guidance(Push(), sampler.context([0, 1])), torch.zeros(2, *sampler.shape)
    assert guidance.noise_level == 0.4 and torch.equal(guidance.apply(x0, 0.4, 0.4), torch.ones_like(x0))
    assert single_step_guidance(Push(), sampler.context([0]), 0.6).noise_level == 0.6


def test_a_head_keeps_what_it_holds_for_right(sampler) -> None:
    color = Doubt.config.aspects.index("color")
    x0 = torch.zeros(2, *sampler.shape)

    def moved(columns: list[list[int]], corrector=None) -> list[bool]:
        guidance = single_step_guidance(
            corrector or Push(), sampler.context([0, 1]), head=Doubt(), aspect_columns=columns
        )
        return [bool(row.any()) for row in guidance.apply(x0, 0.4, 0.4)]

    assert moved([[color], [color]]) == [True, False]
    # Of two aspects at 0.9 the product counts; a prompt that asks for others is not doubted.
    assert moved([[color - 1], [color - 1]]) == [False, False]
    sure = Push()
    sure.config = replace(CONFIG, reward_threshold=1.0)
    assert moved([[color], [color]], sure) == [True, True]
