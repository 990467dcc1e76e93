"""Picking the best: the order, win rates, and what an abstention is worth."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from xlard.claims import custom_claim
from xlard.critics.backend import Answer, CannotDo
from xlard.critics.boxes import THOUSANDTHS
from xlard.critics.mllm import MLLMCritic
from xlard.critics.ranking import BY_VERDICTS, BY_YES, RANK_BY, SIDE_BY_SIDE, by_claims, claim_by_claim, rank, win_rates
from xlard.critique import Critique, Verdict

scores = st.sampled_from([None, 0.0, 0.2, 0.5, 0.7, 1.0])
weights = st.sampled_from([0.5, 1.0, 3.0])


def critique(*given: float | None, weights: tuple[float, ...] = (), spreads: tuple[float, ...] = ()) -> Critique:
    """A critique with a claim for each score, which holds from 0.5; None is a claim without a verdict."""
    claims = [custom_claim(f"thing {index}") for index in range(len(given))]
    claims = [
        type(claim)(claim.type, claim.text, weight=weight)
        for claim, weight in zip(claims, weights or [1.0] * len(given))
    ]
    return Critique(
        tuple(
            Verdict(claim, None if score is None else score >= 0.5, score, spread=spread)
            for claim, score, spread in zip(claims, given, spreads or [0.0] * len(given))
        )
    )


@st.composite
def batches(draw, spread: bool = True) -> list[Critique]:
    """Critiques of the same claims."""
    count = draw(st.integers(0, 4))
    shares = tuple(draw(weights) for _ in range(count))
    return [
        critique(
            *(draw(scores) for _ in range(count)),
            weights=shares,
            spreads=tuple(draw(st.sampled_from([0.0, 0.3])) if spread else 0.0 for _ in range(count)),
        )
        for _ in range(draw(st.integers(1, 6)))
    ]


def test_the_picture_with_the_fewest_failed_claims_is_first_then_the_higher_score():
    ranking = rank([critique(1.0, 0.2), critique(0.5, 0.5), critique(0.7, 0.5), critique(0.0, 0.0)], "claims")
    assert ranking.order == (2, 1, 0, 3)
    assert ranking.win_rates == pytest.approx((1 / 3, 2 / 3, 1.0, 0.0))


@pytest.mark.parametrize("by", RANK_BY)
def test_ties_go_to_the_earlier(by):
    ranking = rank([critique(0.5), critique(1.0), critique(1.0)], by)
    assert ranking.order == (1, 2, 0) and ranking.win_rates == (0.0, 0.75, 0.75)


def test_pairwise_weighs_the_claims():
    heavy, light = critique(1.0, 0.0, weights=(3, 1)), critique(0.0, 1.0, weights=(3, 1))
    assert claim_by_claim(heavy, light) == 0.5
    assert rank([light, heavy], "pairwise").order == (1, 0)
    assert rank([light, heavy], "claims").order == (1, 0)


def test_pairwise_may_prefer_what_is_better_on_most_claims():
    complete, strong = critique(0.5, 0.5, 0.5), critique(1.0, 1.0, 0.0)
    assert rank([strong, complete], "claims").order == (1, 0)
    assert rank([complete, strong], "pairwise").order == (1, 0)


def test_a_difference_within_the_spread_is_a_tie():
    assert claim_by_claim(critique(0.7, spreads=(0.3,)), critique(0.5, spreads=(0.3,))) == 0


def test_a_picture_alone_has_neither_won_nor_lost():
    ranking = rank([critique(1.0)], "pairwise")
    assert (ranking.order, ranking.win_rates, sum(ranking.compared_by.values())) == ((0,), (0.5,), 0)


@pytest.mark.parametrize("by", RANK_BY)
def test_what_was_not_judged_comes_last_even_behind_what_is_all_wrong(by):
    ranking = rank([critique(None, None), critique(0.0, 0.0), critique(None, None)], by)
    assert ranking.order == (1, 0, 2) and ranking.win_rates == (0.25, 1.0, 0.25)


@pytest.mark.parametrize("number", [0, 3])
def test_more_than_there_are_cannot_be_picked(number):
    with pytest.raises(ValueError, match=f"{number} pictures cannot be picked out of 2. Set number to at most 2"):
        rank([critique(1.0), critique(1.0)], "claims").best(number)


def test_critiques_of_different_claims_are_refused():
    with pytest.raises(ValueError, match="different claims"):
        rank([critique(1.0), critique(1.0, 1.0)], "claims")
    with pytest.raises(ValueError, match="no critique"):
        rank([], "claims")


@given(batches(), st.sampled_from(RANK_BY))
def test_win_rates_sum_to_half_the_pictures(batch, by):
    ranking = rank(batch, by)
    assert sum(ranking.win_rates) == pytest.approx(len(batch) / 2)
    assert sorted(ranking.order) == list(range(len(batch)))
    assert all(0 <= rate <= 1 for rate in ranking.win_rates)


@given(batches(), st.sampled_from(RANK_BY), st.randoms(use_true_random=False))
def test_the_order_of_the_batch_decides_nothing_but_ties(batch, by, random):
    places = list(range(len(batch)))
    random.shuffle(places)
    straight, shuffled = rank(batch, by), rank([batch[place] for place in places], by)
    assert shuffled.win_rates == tuple(straight.win_rates[place] for place in places)
    assert [straight.win_rates[index] for index in straight.order] == [
        shuffled.win_rates[index] for index in shuffled.order
    ]


@given(batches(), st.sampled_from(RANK_BY))
def test_an_abstention_never_wins(batch, by):
    ranking = rank(batch, by)
    judged = [index for index in ranking.order if not batch[index].abstained]
    assert list(ranking.order[: len(judged)]) == judged
    assert all(rate <= 0.5 for rate, critique in zip(ranking.win_rates, batch) if critique.abstained)


@given(scores, scores, weights)
def test_a_claim_without_a_verdict_never_wins(same, score, weight):
    silent, judged = critique(None, same, weights=(weight, 1)), critique(score, same, weights=(weight, 1))
    assert claim_by_claim(silent, judged) <= 0


@given(batches())
def test_by_claims_nothing_stands_behind_what_the_loop_would_replace(batch):
    order = rank(batch, "claims").order
    for place, index in enumerate(order):
        assert not any(batch[later].better_than(batch[index]) for later in order[place + 1 :])


@given(batches(spread=False), st.sampled_from(RANK_BY))
def test_a_picture_that_is_better_on_one_claim_and_worse_on_none_stands_before(batch, by):
    ranking = rank(batch, by)
    for a, critique_a in enumerate(batch):
        for b, critique_b in enumerate(batch):
            pairs = list(zip(critique_a.verdicts, critique_b.verdicts))
            if all(v.score is not None and w.score is not None and v.score >= w.score for v, w in pairs) and any(
                v.score > w.score for v, w in pairs
            ):
                assert ranking.win_rates[a] > ranking.win_rates[b]


@given(batches(), st.sampled_from([by_claims, claim_by_claim]))
def test_the_two_sides_of_a_comparison_agree(batch, compare: Callable[[Critique, Critique], float]):
    assert all(compare(a, b) == -compare(b, a) for a in batch for b in batch)


def test_win_rates_compare_each_pair_once():
    compared = []
    assert win_rates(3, lambda a, b: compared.append((a, b)) or 0.5) == (0.75, 0.5, 0.25)
    assert compared == [(0, 1), (0, 2), (1, 2)]


class Eyes:
    """A backend that prefers the lighter half of a picture, or gives the answer ``says``."""

    name, boxes = "eyes", THOUSANDTHS

    def __init__(self, says: str | None = None, yes: bool = True):
        self.says, self.yes, self.questions, self.sizes = says, yes, 0, set()

    def answer(self, asks, sampling=None):
        self.questions += len(asks)
        self.sizes |= {tuple(ask.image.shape) for ask in asks}
        return [
            Answer(self.says or json.dumps({"reason": "I see.", "better": self._lighter(ask.image)})) for ask in asks
        ]

    def probability_of_yes(self, asks):
        if not self.yes:
            raise CannotDo("no probabilities")
        return [ask.image.mean().item() for ask in asks]

    @staticmethod
    def _lighter(image) -> str:
        half = image.shape[1] // 2
        left, right = image[:, :half].mean(), image[:, -half:].mean()
        return "same" if left == right else "left" if left > right else "right"


def greys(*levels: float) -> torch.Tensor:
    return torch.stack([torch.full((8, 16, 3), level) for level in levels])


def equal(count: int) -> list[Critique]:
    return [critique(1.0)] * count


def test_a_critic_sees_the_pictures_side_by_side_in_both_orders():
    eyes = Eyes()
    ranking = rank(equal(4), "pairwise", MLLMCritic(eyes), greys(0.2, 0.9, 0.1, 0.9))
    assert ranking.order == (1, 3, 0, 2) and ranking.win_rates == pytest.approx((1 / 3, 2.5 / 3, 0.0, 2.5 / 3))
    assert ranking.compared_by == {SIDE_BY_SIDE: 6} and eyes.questions == 12 and eyes.sizes == {(8, 33, 3)}


def test_a_critic_that_favours_a_side_decides_nothing():
    ranking = rank(equal(3), "pairwise", MLLMCritic(Eyes('{"reason": "", "better": "left"}')), greys(0.2, 0.9, 0.1))
    assert ranking.win_rates == (0.5, 0.5, 0.5) and ranking.compared_by == {SIDE_BY_SIDE: 3}


def test_a_critic_that_cannot_compare_is_asked_for_probabilities_and_no_further_pairs():
    eyes = Eyes("Both are lovely.")
    ranking = rank(equal(5), "pairwise", MLLMCritic(eyes), greys(0.2, 0.9, 0.1, 0.8, 0.7))
    assert ranking.order == (1, 3, 4, 0, 2) and ranking.compared_by == {BY_YES: 10}
    assert eyes.questions == 16


def test_without_probabilities_either_the_verdicts_decide():
    ranking = rank([critique(0.0), critique(1.0)], "pairwise", MLLMCritic(Eyes("?", yes=False)), greys(0.9, 0.1))
    assert ranking.order == (1, 0) and ranking.compared_by == {BY_VERDICTS: 1}


def test_a_picture_without_a_verdict_is_not_looked_at_again():
    eyes = Eyes()
    ranking = rank([critique(None), critique(0.0), critique(1.0)], "pairwise", MLLMCritic(eyes), greys(1.0, 0.8, 0.2))
    assert (
        ranking.order == (1, 2, 0) and ranking.compared_by == {SIDE_BY_SIDE: 1, BY_VERDICTS: 2} and eyes.questions == 2
    )


def test_a_critic_needs_the_pictures():
    with pytest.raises(ValueError, match="Connect images, or disconnect critic"):
        rank(equal(2), "pairwise", MLLMCritic(Eyes()))
