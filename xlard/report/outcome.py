"""Sentences about a picture: what became of it, and which round it comes from."""

from __future__ import annotations

from ..loop.state import SOURCE, LoopState, Round


def round_number(state: LoopState, loop_round: Round) -> int:
    """The index of a round of this state, by identity: equal rounds would compare their tensors."""
    return next(number for number, candidate in enumerate(state.rounds) if candidate is loop_round)


def origin(loop_round: Round, number: int) -> str:
    """Which round a picture comes from; the source of an edit comes from none."""
    return "the source" if loop_round.strategy == SOURCE else f"round {number}, {loop_round.strategy}"


def outcome(state: LoopState) -> tuple[str, bool | None]:
    """What became of a picture, in a sentence or two, and whether all its claims hold; None if it has none."""
    sentence, passed = _outcome(state)
    return f"{sentence} {state.ended}".strip(), passed


def _outcome(state: LoopState) -> tuple[str, bool | None]:
    first, best = state.first, state.best
    if not state.claims:
        return "The picture is as it was drawn: nothing to check.", None
    if best.critique.abstained:
        return "The critic abstained: nothing is known of this picture.", False
    held = sum(bool(verdict.passed) for verdict in best.critique.verdicts)
    total = len(best.critique.verdicts)
    if best is first and state.passed:
        return "The first picture holds every claim.", True
    if best is first:
        tried = "No round was better than the first picture" if len(state.rounds) > 1 else "No correction was tried"
        return f"{tried}; {held} of {total} claims hold.", False
    if state.passed:
        return f"Corrected: all {total} claims hold.", True
    return f"Better, not finished: {held} of {total} claims hold.", False
