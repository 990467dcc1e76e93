"""Gradient ascent through a head: it raises predicted rewards, within its bounds, and stops where it should."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from xlard.aspects import ASPECTS
from xlard.guidance.gradient import Ascent, AscentSettings, ascend, ascend_noise, noise_penalty
from xlard.models.corrector import relative_norm
from xlard.models.head import HeadConfig, RewardHead, RewardPrediction

CHANNELS, WIDTH, BATCH = 4, 16, 3
BOTH = pytest.mark.parametrize("how", ["sum", "min_norm"])


def sure_head() -> RewardHead:
    """A head of random weights that is sure of what it says."""
    torch.manual_seed(0)
    head = RewardHead(HeadConfig(CHANNELS, WIDTH, "a test model", width=32, layers=1)).eval()
    torch.nn.init.zeros_(head.log_deviation.weight)
    torch.nn.init.constant_(head.log_deviation.bias, -5.0)
    return head


def inputs(batch: int = BATCH) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Latents, context, noise_level, and all aspects as known."""
    torch.manual_seed(1)
    return (
        torch.randn(batch, CHANNELS, 8, 8),
        torch.randn(batch, 5, WIDTH),
        torch.rand(batch),
        torch.ones(batch, len(ASPECTS)),
    )


def products(rewards: Tensor, known: Tensor) -> Tensor:
    return torch.where(known > 0, rewards, 1.0).prod(dim=1)


def bowl(centre: float, deviation: float = 1e-3):
    """A head of one aspect, whose reward is 1 where all of a latent is ``centre``."""

    def read(latents: Tensor, context: Tensor, noise_level: Tensor) -> RewardPrediction:
        rewards = (-(latents - centre).square().mean(dim=(1, 2, 3))).exp()[:, None]
        return RewardPrediction(rewards, torch.full_like(rewards, deviation), latents, ("count",), latents)

    return read


@BOTH
@pytest.mark.parametrize("smooth", [1, 4])
def test_predicted_rewards_rise(how: str, smooth: int) -> None:
    head, (latents, context, noise_level, known) = sure_head(), inputs()
    ascent = ascend(head, latents, context, noise_level, known, AscentSettings(how=how, smooth=smooth))
    assert (products(ascent.rewards_after, known) > products(ascent.rewards_before, known)).all()
    assert torch.allclose(head(latents, context, noise_level).rewards, ascent.rewards_before)
    assert torch.allclose(head(ascent.latents, context, noise_level).rewards, ascent.rewards_after, atol=1e-6)
    assert torch.equal(latents + ascent.delta, ascent.latents) and (ascent.steps > 0).all()


def test_the_minimum_norm_raises_each_aspect_in_a_small_step() -> None:
    latents, context, noise_level, known = inputs()
    ascent = ascend(
        sure_head(), latents, context, noise_level, known, AscentSettings(steps=1, step=1e-3, how="min_norm")
    )
    assert (ascent.rewards_after > ascent.rewards_before).all()


@settings(deadline=None, max_examples=15)
@given(st.floats(0.001, 0.5), st.floats(0.01, 2.0), st.sampled_from(["sum", "min_norm"]))
def test_the_trust_region_is_a_hard_bound(region: float, step: float, how: str) -> None:
    latents, context, noise_level, known = inputs()
    ascent = ascend(sure_head(), latents, context, noise_level, known, AscentSettings(3, step, region, how=how))
    assert (relative_norm(ascent.delta, latents) <= region * 1.001).all()
    assert (products(ascent.rewards_after, known) >= products(ascent.rewards_before, known)).all()


def test_a_step_is_as_long_as_the_settings_say() -> None:
    latents, context, noise_level, known = inputs()
    ascent = ascend(sure_head(), latents, context, noise_level, known, AscentSettings(steps=1, step=0.01))
    assert torch.allclose(relative_norm(ascent.delta, latents), torch.full((BATCH,), 0.01), atol=1e-5)


@BOTH
def test_what_is_not_asked_for_moves_nothing(how: str) -> None:
    latents, context, noise_level, known = inputs()
    known[0] = 0
    known[1, 1:] = 0
    together = ascend(sure_head(), latents, context, noise_level, known, AscentSettings(how=how))
    assert torch.equal(together.latents[0], latents[0]) and together.steps.tolist()[0] == 0 and together.steps[1] > 0
    alone = ascend(sure_head(), latents[1:2], context[1:2], noise_level[1:2], known[1:2], AscentSettings(how=how))
    assert torch.allclose(together.latents[1:2], alone.latents, atol=1e-4)


def test_a_mask_keeps_the_rest_as_it_is() -> None:
    latents, context, noise_level, known = inputs()
    mask = torch.zeros(1, 1, 8, 8)
    mask[..., :4] = 1
    ascent = ascend(sure_head(), latents, context, noise_level, known, mask=mask)
    assert torch.equal(ascent.latents[..., 4:], latents[..., 4:]) and (ascent.delta[..., :4] != 0).any()


def test_a_picture_stops_within_its_own_uncertainty_and_others_go_on() -> None:
    latents = torch.stack([torch.full((CHANNELS, 4, 4), value) for value in (1.0, 0.8, 0.2)])
    arguments = latents, torch.zeros(3, 1, 1), torch.zeros(3), torch.ones(3, 1)
    ascent = ascend(
        bowl(1.0, deviation=0.01), *arguments, AscentSettings(steps=20, trust_region=10.0, step=0.05, caution=0.0)
    )
    assert ascent.steps.tolist()[0] == 0 and 0 < ascent.steps[1] < ascent.steps[2]
    assert torch.equal(ascent.latents[0], latents[0])
    assert (ascent.rewards_after[1] >= 0.99).all() and ascent.latents[1].mean() < 0.97


def test_a_picture_that_only_gets_worse_is_returned_unchanged() -> None:
    latents = torch.ones(1, CHANNELS, 4, 4)
    ascent = ascend(
        bowl(1.05),
        latents,
        torch.zeros(1, 1, 1),
        torch.zeros(1),
        torch.ones(1, 1),
        AscentSettings(steps=1, step=1.0, trust_region=1.0),
    )
    assert torch.equal(ascent.latents, latents) and not ascent.delta.any() and ascent.steps.tolist() == [0]
    assert torch.equal(ascent.rewards_after, ascent.rewards_before)


def test_of_the_points_on_the_way_the_best_is_returned() -> None:
    latents = torch.ones(1, CHANNELS, 4, 4)
    ascent = ascend(
        bowl(1.25),
        latents,
        torch.zeros(1, 1, 1),
        torch.zeros(1),
        torch.ones(1, 1),
        AscentSettings(steps=4, step=0.2, trust_region=1.0),
    )
    assert ascent.steps.tolist() == [1] and torch.allclose(ascent.latents, torch.full_like(latents, 1.2))


def test_where_the_head_is_sure_of_failure_there_is_still_a_way_up() -> None:
    latents = torch.full((1, CHANNELS, 4, 4), 0.2)
    ascent = ascend(bowl(2.0, deviation=0.3), latents, torch.zeros(1, 1, 1), torch.zeros(1), torch.ones(1, 1))
    assert ascent.rewards_before < 0.3 and ascent.rewards_after > ascent.rewards_before


@BOTH
def test_it_works_in_inference_mode_and_leaves_the_head_alone(how: str) -> None:
    head = sure_head()
    head.logits.requires_grad_(False)
    states = [parameter.requires_grad for parameter in head.parameters()]
    with torch.inference_mode():
        ascent = ascend(head, *inputs(), AscentSettings(steps=1, how=how))
        noise = ascend_noise(head, inputs()[0], torch.tanh, *inputs()[1:], AscentSettings(steps=1, how=how))
        assert not torch.is_grad_enabled() and torch.is_inference_mode_enabled()
    assert [parameter.requires_grad for parameter in head.parameters()] == states
    assert all(parameter.grad is None for parameter in head.parameters())
    for each in (ascent, noise):
        assert (each.steps == 1).all()
        assert not any(
            getattr(each, name).requires_grad or getattr(each, name).is_inference()
            for name in Ascent.__dataclass_fields__
        )


def test_the_noise_penalty_is_that_of_the_chi_distribution() -> None:
    from scipy.stats import chi

    noise = torch.randn(5, CHANNELS, 3, 3, dtype=torch.float64) * torch.linspace(0.2, 3, 5)[:, None, None, None]
    expected = -torch.from_numpy(chi(CHANNELS * 9).logpdf(noise.flatten(1).norm(dim=1).numpy()))
    assert torch.allclose(noise_penalty(noise).diff(), expected.diff())
    typical = torch.ones(1, CHANNELS, 3, 3) * ((CHANNELS * 9 - 1) / (CHANNELS * 9)) ** 0.5
    assert abs(noise_penalty(typical).item()) < 1e-5


def test_noise_is_moved_through_a_predictor_and_held_by_the_penalty() -> None:
    noise = torch.full((1, CHANNELS, 4, 4), 0.98)
    arguments = bowl(4.0), noise, lambda values: 2 * values, torch.zeros(1, 1, 1), torch.ones(1), torch.ones(1, 1)
    free = ascend_noise(*arguments, AscentSettings(steps=10, step=0.05), penalty=0.0)
    held = ascend_noise(*arguments, AscentSettings(steps=10, step=0.05), penalty=1.0)
    assert (
        torch.equal(free.latents, noise + free.delta) and free.rewards_after > held.rewards_after >= held.rewards_before
    )
    assert relative_norm(free.delta, noise) > 2 * relative_norm(held.delta, noise)


def test_on_the_sphere_noise_keeps_its_norm_and_what_gets_no_better_every_bit() -> None:
    torch.manual_seed(2)
    noise = torch.randn(2, CHANNELS, 4, 4)
    known = torch.tensor([[1.0], [0.0]])
    arguments = bowl(1.0), noise, lambda values: 2 * values, torch.zeros(2, 1, 1), torch.ones(2), known
    found = ascend_noise(*arguments, AscentSettings(steps=10, step=0.1, trust_region=0.5), on_sphere=True)
    assert torch.allclose(found.latents.flatten(1).norm(dim=1), noise.flatten(1).norm(dim=1))
    assert found.rewards_after[0] > found.rewards_before[0] and torch.equal(found.latents[1], noise[1])
    assert 0.3 < relative_norm(found.delta, noise)[0] < 0.55
