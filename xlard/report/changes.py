"""Which claims a round fixed and which it broke, compared with the best picture before it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..claims import Claim
from ..loop.state import LoopState, Round


@dataclass(frozen=True)
class ClaimChanges:
    """Claims that failed on the best picture before a round and hold on the round's picture, and the reverse."""

    fixed: tuple[Claim, ...]
    broken: tuple[Claim, ...]


@dataclass(frozen=True)
class Tally:
    """What all rounds of a strategy did and cost.

    ``fixed`` and ``broken`` count claims; None if the strategy drew first pictures only.
    """

    strategy: str
    rounds: int
    kept: int
    fixed: int | None
    broken: int | None
    nfe: int
    seconds: float


def best_before(state: LoopState, number: int) -> Round | None:
    """The best picture when round ``number`` began; None for the first round."""
    return next((earlier for earlier in reversed(state.rounds[:number]) if earlier.accepted), None)


def claim_changes(state: LoopState, number: int) -> ClaimChanges | None:
    """What round ``number`` changed; None for the first round, and for a round that shows an object alone.

    A claim without a verdict on either picture is no change.
    """
    before = best_before(state, number)
    if before is None or state.rounds[number].alone:
        return None
    passed_before = {verdict.claim: verdict.passed for verdict in before.critique.verdicts}
    passed_after = {verdict.claim: verdict.passed for verdict in state.rounds[number].critique.verdicts}
    return ClaimChanges(
        tuple(claim for claim, passed in passed_after.items() if passed is True and passed_before.get(claim) is False),
        tuple(claim for claim, passed in passed_after.items() if passed is False and passed_before.get(claim) is True),
    )


def tallies(states: Sequence[LoopState]) -> list[Tally]:
    """A tally of each strategy over all pictures, in the order in which they first occur."""
    rounds: dict[str, list[tuple[Round, ClaimChanges | None]]] = {}
    for state in states:
        for number, loop_round in enumerate(state.rounds):
            rounds.setdefault(loop_round.strategy, []).append((loop_round, claim_changes(state, number)))
    return [_tally(strategy, strategy_rounds) for strategy, strategy_rounds in rounds.items()]


def _tally(strategy: str, rounds: Sequence[tuple[Round, ClaimChanges | None]]) -> Tally:
    known_changes = [changes for _, changes in rounds if changes is not None]
    return Tally(
        strategy,
        len(rounds),
        sum(loop_round.accepted for loop_round, _ in rounds),
        sum(len(changes.fixed) for changes in known_changes) if known_changes else None,
        sum(len(changes.broken) for changes in known_changes) if known_changes else None,
        sum(loop_round.nfe for loop_round, _ in rounds),
        sum(loop_round.seconds for loop_round, _ in rounds),
    )
