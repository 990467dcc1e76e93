"""Calibration of a head's logits, and its error."""

from __future__ import annotations

import pytest
import torch

from xlard.aspects import ASPECTS
from xlard.models.head import HeadConfig, RewardHead
from xlard.training.calibration import FEWEST, calibrate, calibrate_head, expected_calibration_error
from xlard.training.records import FINAL, NO_REWARD, X0


def outcomes(slope: float, shift: float, number: int = 20000) -> tuple[torch.Tensor, torch.Tensor]:
    """Logits, and whether pictures of these logits are right if sigmoid(slope * logit + shift) of them are."""
    torch.manual_seed(0)
    logits = torch.randn(number) * 2
    return logits, (torch.rand(number) < torch.sigmoid(slope * logits + shift)).float()


@pytest.mark.parametrize("slope, shift", [(1.0, 0.0), (0.4, 0.7), (2.5, -1.5)])
def test_a_known_slope_and_shift_are_found(slope: float, shift: float) -> None:
    assert calibrate(*outcomes(slope, shift)) == pytest.approx((slope, shift), abs=0.1)


def test_soft_rewards_are_fitted_as_they_are() -> None:
    logits = torch.linspace(-3, 3, 500)
    assert calibrate(logits, torch.sigmoid(0.5 * logits + 0.3)) == pytest.approx((0.5, 0.3), abs=0.01)


@pytest.mark.parametrize("rewards", [0.0, 0.7, 1.0])
def test_constant_rewards_give_their_mean(rewards: float) -> None:
    logits = torch.randn(400)
    slope, shift = calibrate(logits, torch.full((400,), rewards))
    assert slope > 0 and abs(torch.sigmoid(slope * logits + shift).mean().item() - rewards) < 0.01


def test_separated_and_turned_round_logits_stay_finite_and_in_order() -> None:
    logits = torch.linspace(-2, 2, 100)
    sharp, _ = calibrate(logits, (logits > 0).float())
    flat, shift = calibrate(logits, (logits < 0).float())
    assert 1 < sharp < 1000 and 0 < flat < 0.1 and abs(shift) < 0.1


def test_calibrating_works_in_inference_mode_and_needs_matching_values() -> None:
    with torch.inference_mode():
        logits, rewards = outcomes(0.5, 0.0, 2000)
        assert calibrate(logits, rewards)[0] == pytest.approx(0.5, abs=0.1)
    for wrong in (torch.zeros(0), torch.zeros(3)):
        with pytest.raises(ValueError, match="one reward for each logit"):
            calibrate(wrong, torch.zeros(len(wrong) and 2))


def test_the_error_of_calibrated_predictions_is_near_zero() -> None:
    logits, right = outcomes(1.0, 0.0)
    assert expected_calibration_error(torch.sigmoid(logits), right) < 0.02
    assert expected_calibration_error(torch.sigmoid(3 * logits), right) > 0.08
    assert expected_calibration_error(torch.tensor([1.0, 1.0, 0.0]), torch.tensor([1.0, 0.0, 0.0])) == pytest.approx(
        1 / 3
    )
    with pytest.raises(ValueError, match="no predictions"):
        expected_calibration_error(torch.zeros(0), torch.zeros(0))


def test_a_head_is_calibrated_where_there_is_enough_to_go_by() -> None:
    torch.manual_seed(0)
    head = RewardHead(HeadConfig(4, 16, "a test model", width=32, layers=1)).eval()
    logits, rewards = torch.randn(5000, len(ASPECTS)), torch.full((5000, len(ASPECTS)), NO_REWARD)
    logits[:, 0], rewards[:, 0] = outcomes(0.3, 1.0, 5000)
    rewards[: FEWEST - 1, 1] = (logits[: FEWEST - 1, 1] > 0).float()
    rewards[:, 2] = 1.0
    calibrate_head(head, [FINAL], logits, rewards)
    assert head.slope[FINAL, 0].item() == pytest.approx(0.3, abs=0.1) and head.shift[FINAL, 0].item() == pytest.approx(
        1, abs=0.1
    )
    assert head.slope[:, 1:].eq(1).all() and head.shift[:, 1:].eq(0).all()
    assert head.slope[X0].eq(1).all() and head.shift[X0].eq(0).all()
    slope, shift = head.slope.clone(), head.shift.clone()
    calibrate_head(head, [FINAL], logits * slope[FINAL] + shift[FINAL], rewards)
    assert torch.allclose(head.slope, slope, atol=1e-2) and torch.allclose(head.shift, shift, atol=1e-2)


def test_calibration_moves_what_the_head_predicts_and_survives_its_file(tmp_path) -> None:
    torch.manual_seed(0)
    head = RewardHead(HeadConfig(4, 16, "a test model", width=32, layers=1)).eval()
    arguments = torch.randn(64, 4, 8, 8), torch.randn(64, 5, 16), torch.zeros(64)
    with torch.no_grad():
        logits = head(*arguments).maps.mean(dim=(-2, -1))
        calibrate_head(head, [FINAL], logits, (torch.rand(64, len(ASPECTS)) < 0.8).float())
        after = head(*arguments)
    assert torch.allclose(after.rewards.mean(dim=0), torch.full((len(ASPECTS),), 0.8), atol=0.15)
    head.save(tmp_path / "head.safetensors")
    assert torch.allclose(RewardHead.load(tmp_path / "head.safetensors").slope, head.slope, rtol=1e-3)
