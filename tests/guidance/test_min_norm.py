"""The minimum-norm point of gradients: in the simplex, no longer than any gradient, opposed by none."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from xlard.guidance.min_norm import combine, min_norm_weights


@st.composite
def some_gradients(draw, most: int = 6) -> torch.Tensor:
    """Random, nearly parallel, opposed or repeated gradients (A, N) of very different sizes."""
    number, length = draw(st.integers(1, most)), draw(st.integers(1, 12))
    torch.manual_seed(draw(st.integers(0, 10**6)))
    gradients = torch.randn(number, length) * draw(st.floats(1e-3, 1.0)) + draw(st.floats(-2.0, 2.0)) * torch.randn(
        length
    )
    return gradients * 10.0 ** draw(st.integers(-6, 6))


@settings(deadline=None, max_examples=60)
@given(some_gradients())
def test_the_weights_are_in_the_simplex_and_the_point_is_the_shortest(gradients: torch.Tensor) -> None:
    weights = min_norm_weights(gradients)
    assert (weights >= 0).all() and abs(weights.sum().item() - 1) < 1e-5
    point, longest = weights @ gradients, gradients.norm(dim=1).max()
    assert point.norm() <= gradients.norm(dim=1).min() + 1e-5 * longest
    # The condition that makes it the shortest: all of the hull lies beyond it.
    assert (gradients @ point >= point @ point - 1e-4 * longest**2).all()


@pytest.mark.parametrize(
    "gradients, expected",
    [
        ([[1.0, 0.0], [0.0, 1.0]], [0.5, 0.5]),
        ([[1.0, 0.0], [0.0, 2.0]], [0.8, 0.2]),
        ([[1.0, 0.0], [-1.0, 0.0]], [0.5, 0.5]),
        ([[1.0, 0.0], [-3.0, 0.0]], [0.75, 0.25]),
        ([[1.0, 0.0], [2.0, 0.0]], [1.0, 0.0]),
        ([[1.0, 1.0], [1.0, 1.0]], [0.5, 0.5]),
        ([[0.0, 0.0], [0.0, 0.0]], [0.5, 0.5]),
        ([[1.0, 1.0], [1.0, -1.0], [5.0, 0.0]], [0.5, 0.5, 0.0]),
        ([[3.0, 4.0]], [1.0]),
    ],
    ids=[
        "orthogonal",
        "orthogonal, unequal",
        "opposite",
        "opposite, unequal",
        "parallel",
        "equal",
        "zero",
        "one beyond",
        "one",
    ],
)
def test_cases_by_hand(gradients: list[list[float]], expected: list[float]) -> None:
    assert torch.allclose(min_norm_weights(torch.tensor(gradients)), torch.tensor(expected), atol=1e-6)


def test_a_batch_gives_what_its_rows_give_and_unknown_gradients_weigh_nothing() -> None:
    torch.manual_seed(0)
    gradients, known = torch.randn(5, 4, 9), torch.rand(5, 4) > 0.4
    known[0] = False
    together = min_norm_weights(gradients, known)
    assert not together[0].any() and not together[~known].any()
    for row in range(1, 5):
        assert torch.allclose(together[row, known[row]], min_norm_weights(gradients[row, known[row]]), atol=1e-6)


def test_more_gradients_than_it_is_made_for_are_refused() -> None:
    assert min_norm_weights(torch.randn(8, 20)).sum() == pytest.approx(1, abs=1e-5)
    with pytest.raises(ValueError, match="at most 8 gradients; there are 9"):
        min_norm_weights(torch.randn(9, 20))


@settings(deadline=None, max_examples=40)
@given(some_gradients(4))
def test_a_combination_opposes_no_gradient_and_is_no_longer_than_their_mean(gradients: torch.Tensor) -> None:
    shaped = gradients[None, :, :, None, None]
    combined = combine(shaped, torch.ones(1, len(gradients)), "min_norm").flatten()
    mean = gradients.norm(dim=1).mean()
    assert combined.norm() <= mean * 1.001
    assert (gradients @ combined >= -1e-4 * mean * gradients.norm(dim=1)).all()


def test_a_combination_reads_only_what_is_known() -> None:
    gradients = torch.tensor([[[3.0, 0.0], [0.0, 1.0], [-9.0, -9.0]], [[0.0, 0.0], [0.0, 2.0], [1.0, 1.0]]])[
        ..., None, None
    ]
    known = torch.tensor([[1.0, 1.0, 0.0], [1.0, 1.0, 0.0]])
    assert torch.allclose(combine(gradients, known * 0.5, "sum").flatten(1), torch.tensor([[1.5, 0.5], [0.0, 1.0]]))
    # Of directions (1, 0) and (0, 1) the middle, times the mean of 3 and 1; a gradient of zero has no say.
    assert torch.allclose(
        combine(gradients, known, "min_norm").flatten(1), torch.tensor([[1.0, 1.0], [0.0, 2.0]]), atol=1e-6
    )
    assert not combine(gradients, torch.zeros(2, 3), "min_norm").any()
