"""The report's tables: what each round and each strategy changed, and which columns there are."""

from __future__ import annotations

from dataclasses import replace

import torch
from hypothesis import given
from hypothesis import strategies as st

from tests.support.report_states import (
    PROMPT,
    RIGHT,
    WRONG,
    Page,
    attempt,
    judged,
    judged_state,
    several_rounds,
    state_of,
)
from xlard.claims import Claim
from xlard.critique import Critique, Verdict
from xlard.loop.state import LoopState
from xlard.report.changes import ClaimChanges, Tally, claim_changes, tallies
from xlard.report.rounds import rounds_table


def test_a_round_is_compared_with_the_best_picture_before_it() -> None:
    state = several_rounds()
    assert claim_changes(state, 0) is None
    red, blue = (claim for claim in state.claims if claim.type == "color")
    assert claim_changes(state, 1) == ClaimChanges((blue,), ())
    assert claim_changes(state, 2) == ClaimChanges((), (red, blue))
    # The third was dropped, and the fourth started from the second; what was not judged did not turn.
    assert claim_changes(state, 3) == ClaimChanges((), ())


passed_by_round = st.lists(
    st.lists(st.sampled_from([True, False, None]), min_size=3, max_size=3), min_size=2, max_size=6
)


@given(passed_by_round, st.lists(st.booleans(), min_size=6, max_size=6))
def test_fixed_failed_before_and_holds_and_broken_is_the_reverse(
    passed: list[list[bool | None]], accepted: list[bool]
) -> None:
    claims = [Claim("custom", f"claim {number}") for number in range(3)]
    critiques = [
        Critique(
            tuple(
                Verdict(claim, holds, None if holds is None else float(holds))
                for claim, holds in zip(claims, round_passed)
            )
        )
        for round_passed in passed
    ]
    state = LoopState(
        PROMPT,
        tuple(claims),
        [
            attempt(number, critique, accepted=number == 0 or accepted[number])
            for number, critique in enumerate(critiques)
        ],
    )
    for number in range(1, len(passed)):
        before = passed[max(earlier for earlier in range(number) if earlier == 0 or accepted[earlier])]
        changes = claim_changes(state, number)
        assert changes is not None
        turned = {claim: (earlier, later) for claim, earlier, later in zip(claims, before, passed[number])}
        assert set(changes.fixed) == {claim for claim, pair in turned.items() if pair == (False, True)}
        assert set(changes.broken) == {claim for claim, pair in turned.items() if pair == (True, False)}


def test_a_strategy_is_tallied_over_all_pictures() -> None:
    assert tallies([several_rounds()] * 2) == [
        Tally("draw", 2, 2, None, None, 40, 3.0),
        Tally("correct", 6, 2, 2, 4, 108, 21.0),
    ]


def test_columns_that_are_empty_in_every_round_are_left_out() -> None:
    plain = Page(rounds_table(judged_state(judged(WRONG), judged(RIGHT)))).text
    detailed_round = attempt(1, judged(RIGHT), change=0.125, predicted=0.5, region=torch.ones(12, 12).bool())
    detailed = Page(rounds_table(state_of(attempt(0, judged(WRONG)), detailed_round))).text
    for heading in ("Redrawn", "\u2016\u0394\u2016/\u2016z\u2016", "Head expects"):
        assert heading not in plain and heading in detailed
    assert "Noise level" in plain and "0.125" in detailed and "100%" in detailed


def test_a_round_with_other_wording_shows_what_was_changed() -> None:
    table = rounds_table(
        state_of(attempt(0, judged(WRONG)), attempt(1, judged(RIGHT), prompt="a bright <red> circle and a blue square"))
    )
    assert "<ins>bright &lt;red&gt;</ins>" in table and "<del>red</del>" in table and table.count("<del>") == 1


def test_what_a_round_kept_of_the_picture_before_it_stands_under_it() -> None:
    first, later = attempt(0, judged(WRONG)), attempt(1, judged(RIGHT))
    edited = replace(later, strategy="edit", noise_level=1.0)
    shown = rounds_table(state_of(first, edited))
    kept = state_of(first, edited).preserved(1)
    assert kept is not None and kept.text in shown and f"{kept.kept} of {kept.right} right objects" in kept.text
    assert state_of(first, edited).preserved(0) is None
    assert state_of(first, edited).to_dict()["rounds"][1]["preservation"]["right"] == kept.right
    redrawn = replace(later, strategy="resample", noise_level=1.0)
    assert "right objects" not in rounds_table(state_of(first, redrawn))
