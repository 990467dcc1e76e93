"""Steering the sampling of the demo generator by its own x0 predictions."""

from __future__ import annotations

import pytest
import torch

from xlard.guidance.base import StepwiseGuidance
from xlard.guidance.corrector import corrector_change
from xlard.worlds.shapes.world import ShapesWorld

STEPS = 5


@pytest.fixture(scope="module")
def sampler():
    return ShapesWorld().sampler(["a red circle", "two blue squares"], steps=STEPS)


def test_guidance_that_changes_nothing_leaves_every_bit(sampler) -> None:
    plain = sampler.generate([0, 1], [3, 4])
    assert torch.equal(plain, sampler.generate([0, 1], [3, 4], StepwiseGuidance(lambda x0, level: x0.clone())))
    assert torch.equal(
        sampler.resume(plain, 0.6, [0, 1], [3, 4]),
        sampler.resume(plain, 0.6, [0, 1], [3, 4], StepwiseGuidance(lambda x0, level: x0)),
    )


def test_it_sees_every_step_down_to_the_last(sampler) -> None:
    levels = []

    def watch(x0, level):
        levels.append((tuple(x0.shape), round(level, 3)))
        return x0

    sampler.generate([0, 1], [3, 4], StepwiseGuidance(watch))
    assert levels == [((2, *sampler.shape), level) for level in (1.0, 0.8, 0.6, 0.4, 0.2)]


def test_the_last_steps_answer_is_the_picture(sampler) -> None:
    wanted = torch.ones(1, *sampler.shape)
    assert torch.allclose(sampler.generate([0], [3], StepwiseGuidance(lambda x0, level: wanted)), wanted, atol=1e-5)


def test_one_guided_row_leaves_the_other(sampler) -> None:
    push = torch.tensor([1.0, 0.0]).view(2, 1, 1, 1)
    plain, guided = (
        sampler.generate([0, 1], [3, 4]),
        sampler.generate([0, 1], [3, 4], StepwiseGuidance(lambda x0, level: x0 + push)),
    )
    assert torch.equal(plain[1], guided[1]) and not torch.allclose(plain[0], guided[0], atol=0.1)


def test_a_corrector_acts_inside_its_window_only(sampler) -> None:
    seen = []

    def corrector(x0, context, level):
        assert context.shape == (2, *sampler.context([0]).shape[1:])
        return torch.ones_like(x0) * level.view(-1, 1, 1, 1)

    change = corrector_change(corrector, sampler.context([0]), (0.5, 0.8), 0.5, lambda *what: seen.append(what))
    x0 = torch.zeros(2, *sampler.shape)
    assert change(x0, 1.0) is x0 and change(x0, 0.4) is x0
    assert torch.allclose(change(x0, 0.8 + 1e-7), torch.full_like(x0, 0.4))
    ((level, delta, before),) = seen
    assert level == pytest.approx(0.8) and torch.allclose(delta, torch.full_like(x0, 0.4)) and before is x0
    sampler.generate([0, 1], [3, 4], StepwiseGuidance(change))
    assert len(seen) == 3


def test_a_window_is_from_high_to_low() -> None:
    with pytest.raises(ValueError, match="start must be the higher"):
        corrector_change(None, torch.zeros(1, 1, 1), (0.9, 0.5))
