"""Rounds of a loop whose body somebody else runs: what they start from, and what they keep."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest
import torch

from xlard.detections import Detection
from xlard.loop.critic_failure import RoundError
from xlard.loop.engine import derived_seed
from xlard.loop.plan import Plan
from xlard.loop.rounds import BatchRound, first_round, resumed_round
from xlard.prompts import claims_from_prompt
from xlard.rewards import critique_from_detections

SIDE, CELLS, SEED = 96, 12, 41
PROMPT = "a red circle and a blue square"
CLAIMS = claims_from_prompt(PROMPT)
RIGHT = (Detection(10, 10, 20, 20, "circle", "red"), Detection(60, 60, 20, 20, "square", "blue"))
WRONG = (RIGHT[0], Detection(60, 60, 20, 20, "square", "green"))
NOTHING = ()


def judged(objects, claims=CLAIMS):
    return critique_from_detections(claims, objects, SIDE)


def returned(*levels: float) -> tuple[torch.Tensor, torch.Tensor]:
    """Latents and images of a batch, each picture filled with its own level."""
    level = torch.tensor(levels)[:, None, None, None]
    return level.expand(-1, 4, CELLS, CELLS), level.expand(-1, SIDE, SIDE, 3)


def drawn(*pictures, strategies=("region", "correct")) -> BatchRound:
    """The second round of a batch whose first pictures show these objects."""
    start = first_round(PROMPT, CLAIMS, len(pictures), SEED, strategies)
    levels = [0.1 * number for number in range(1, 1 + len(pictures))]
    return start.after(start.finished(*returned(*levels), [judged(objects) for objects in pictures], 20, 3.0))


def test_the_first_round_is_the_artists_own():
    start, source = first_round(PROMPT, CLAIMS, 2, SEED), torch.zeros(2, 4, CELLS, CELLS)
    assert (start.number, start.noise_level, start.seed, start.fresh) == (0, 1.0, SEED, (True, True))
    assert start.latents(source) is source and start.redrawn((CELLS, CELLS)).min() == 1


def test_a_later_round_has_a_seed_of_its_own_that_is_always_the_same():
    assert drawn(NOTHING).seed == drawn(NOTHING).seed == derived_seed(SEED, 1, 0)


def test_what_passes_is_left_alone_and_gets_no_round():
    second = drawn(RIGHT, WRONG)
    assert second.plans[0] is None and second.redrawn((CELLS, CELLS))[0].max() == 0
    states = second.finished(*returned(0.5, 0.6), [judged(NOTHING), judged(RIGHT)], 20, 4.0)
    assert [len(state.rounds) for state in states] == [1, 2]
    assert states[0].best.latent.max() == pytest.approx(0.1) and states[1].best.latent.max() == pytest.approx(0.6)
    assert 4.0 <= states[1].rounds[1].seconds < 5.0
    assert second.after(states).leading is None


def test_a_batch_without_claims_is_drawn_once_and_says_why():
    start = first_round("a mood", [], 2, SEED, notes=["not checked: a mood"])
    states = start.finished(*returned(0.1, 0.2), [judged(NOTHING, []), judged(RIGHT, [])], 20, 3.0)
    assert start.after(states).leading is None and resumed_round(states, [], 2, SEED).leading is None
    assert [(state.passed, state.critic_calls, state.notes) for state in states] == [
        (False, 0, ("not checked: a mood",))
    ] * 2
    assert states[0].to_dict()["notes"] == ["not checked: a mood"]


def test_only_what_is_wrong_is_drawn_anew_from_the_best_latent():
    second = drawn(WRONG)
    (region,) = second.redrawn((CELLS, CELLS))
    assert region[8, 8] == 1 and region[1, 1] == 0
    assert second.noise_level == 0.9 and second.fresh == (False,)
    assert second.latents(torch.zeros(1, 4, CELLS, CELLS)).max() == pytest.approx(0.1)


def test_what_a_plan_made_of_the_best_latent_is_what_is_renoised():
    start = first_round(PROMPT, CLAIMS, 1, SEED, ("rearrange",))
    best = torch.rand(1, 4, CELLS, CELLS, generator=torch.Generator().manual_seed(0))
    too_many = (*RIGHT, Detection(64, 10, 20, 20, "circle", "red"))
    second = start.after(start.finished(best, torch.zeros(1, SIDE, SIDE, 3), [judged(too_many)], 20, 1.0))
    moved = (second.latents(torch.zeros_like(best)) != best).any(dim=1)
    assert second.plans[0].strategy == "rearrange" and moved.any() and not moved.all()
    assert (second.redrawn((CELLS, CELLS))[moved] == 1).all()


def test_a_batch_starts_from_the_highest_level_that_one_of_it_needs():
    color = drawn(WRONG, strategies=("correct",))
    assert color.noise_level == 0.8
    both = drawn(WRONG, NOTHING, strategies=("correct",))
    assert both.noise_level == 0.9 and both.redrawn((CELLS, CELLS)).min() == 1


def test_a_fresh_draw_starts_from_the_source_and_its_neighbour_from_the_best():
    second = drawn(WRONG, RIGHT, strategies=("resample",))
    assert second.fresh == (True, False)
    start = second.latents(torch.full((2, 4, CELLS, CELLS), 9.0))
    assert [level.max().item() for level in start] == pytest.approx([9.0, 0.2])
    smaller = second.latents(torch.zeros(2, 4, CELLS // 2, CELLS // 2))
    assert smaller.shape == (2, 4, CELLS, CELLS)


def test_a_worse_round_is_recorded_and_not_kept():
    second = drawn(WRONG)
    (state,) = second.finished(*returned(0.7), [judged(NOTHING)], 7, 1.0)
    assert [entry.accepted for entry in state.rounds] == [True, False]
    assert state.best is state.first and state.nfe == 27
    assert state.rounds[1].strategy == "region" and state.rounds[1].region.any()


def test_finishing_a_round_twice_counts_it_once():
    second = drawn(WRONG)
    for _ in range(2):
        (state,) = second.finished(*returned(0.7), [judged(RIGHT)], 20, 1.0)
    assert len(state.rounds) == 2 and len(second.states[0].rounds) == 1


def test_the_next_round_costs_what_the_last_one_did():
    assert drawn(WRONG).plans[0].nfe == 20


def test_without_a_strategy_that_has_something_to_offer_the_loop_is_at_its_end():
    assert drawn(NOTHING, strategies=("region",)).leading is None


def test_a_round_in_other_words_is_drawn_from_them_and_says_so():
    asked = []

    def rewriter(prompt, critique, tried):
        asked.append((prompt, critique.failed_claims, tried))
        time.sleep(0.02)
        return "other words" if not tried else None

    start = first_round(PROMPT, CLAIMS, 2, SEED, ("rewrite",), rewriter=rewriter)
    assert start.prompt == ""
    second = start.after(start.finished(*returned(0.1, 0.2), [judged(RIGHT), judged(WRONG)], 20, 1.0))
    assert (second.prompt, second.noise_level, second.plans[0]) == ("other words", 1.0, None)
    states = second.finished(*returned(0.3, 0.4), [judged(RIGHT), judged(WRONG)], 20, 1.0)
    assert [entry.prompt for entry in states[1].rounds] == ["", "other words"] and states[1].rounds[1].seconds >= 1.02
    assert resumed_round(states, CLAIMS, 2, SEED, ("rewrite",), rewriter).leading is None
    assert asked == [(PROMPT, 1, ()), (PROMPT, 1, ("other words",))]


def test_a_round_that_goes_on_from_other_words_keeps_to_them():
    start = first_round(
        PROMPT, CLAIMS, 1, SEED, ("rewrite", "correct"), rewriter=lambda prompt, critique, tried: "other words"
    )
    second = start.after(start.finished(*returned(0.1), [judged(NOTHING)], 20, 1.0))
    drawn_in_them = replace(second, plans=(Plan("rewrite", 1.0, 3, 20, prompt="other words"),))
    third = drawn_in_them.after(drawn_in_them.finished(*returned(0.2), [judged(WRONG)], 20, 1.0))
    assert (third.plans[0].strategy, third.prompt) == ("correct", "other words")


@pytest.mark.parametrize(
    "latents, images, critiques, message",
    [
        (1, 2, 2, "batch of 2, but 1 latents came back"),
        (2, 3, 2, "batch of 2, but 3 images came back"),
        (2, 2, 1, "batch of 2, but 1 critiques came back"),
    ],
)
def test_another_number_of_pictures_is_an_error(latents, images, critiques, message):
    with pytest.raises(ValueError, match=message):
        first_round(PROMPT, CLAIMS, 2, SEED).finished(
            returned(*range(latents))[0], returned(*range(images))[1], [judged(RIGHT)] * critiques, 20, 1.0
        )


@pytest.mark.parametrize(
    "prompt, message",
    [
        ("a red circle", "judged on 2 claims, the loop has 4"),
        ("a red circle and a blue triangle", "a claim that is not the loop's: 'one triangle'"),
    ],
)
def test_a_critique_of_other_claims_is_an_error(prompt, message):
    with pytest.raises(ValueError, match=message):
        first_round(PROMPT, CLAIMS, 1, SEED).finished(
            *returned(0.5), [judged(RIGHT, claims_from_prompt(prompt))], 20, 1.0
        )


@pytest.mark.parametrize(
    ("batch", "side", "cause"),
    [
        (1, 24, r"latents of the size \(4, 24, 24\); in the first round it was \(4, 12, 12\)"),
        (2, 12, "batch of 1, but 2"),
    ],
)
def test_a_body_that_changes_size_or_number_later_ends_the_loop_with_what_was_judged(batch, side, cause):
    second = drawn(WRONG)
    with pytest.raises(RoundError, match=rf"What round 1 drew could not be compared .*{cause}") as failed:
        second.finished(
            torch.zeros(batch, 4, side, side), torch.zeros(batch, SIDE, SIDE, 3), [judged(RIGHT)] * batch, 20, 1.0
        )
    assert failed.value.judged and failed.value.states[0].best.latent.shape == (4, 12, 12)


def test_a_state_is_gone_on_from():
    states = drawn(WRONG, RIGHT).states
    resumed = resumed_round(states, CLAIMS, 2, 7)
    assert resumed.number == 1 and resumed.seed == derived_seed(7, 1, 0) and resumed.plans[1] is None


@pytest.mark.parametrize(
    "claims, batch, message",
    [(CLAIMS, 3, "The state holds 2 pictures, the latent 3"), (CLAIMS[:1], 2, "judged on 4 claims, the loop has 1")],
)
def test_a_state_of_other_pictures_is_an_error(claims, batch, message):
    with pytest.raises(ValueError, match=message):
        resumed_round(drawn(WRONG, RIGHT).states, claims, batch, 7)
