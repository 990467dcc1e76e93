"""What rounds turned right and what they turned wrong, against the best picture that there was before them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..claims import Claim
from ..loop.state import LoopState, Round


@dataclass(frozen=True)
class Change:
    """Claims that failed on the best picture before a round and hold on the round's, and the other way round."""

    fixed: tuple[Claim, ...]
    broken: tuple[Claim, ...]


@dataclass(frozen=True)
class Tally:
    """What all rounds of a strategy did and cost.

    ``fixed`` and ``broken`` count claims; None where it drew first pictures only.
    """

    strategy: str
    rounds: int
    kept: int
    fixed: int | None
    broken: int | None
    nfe: int
    seconds: float


def best_before(state: LoopState, number: int) -> Round | None:
    """The best picture that there was when round ``number`` began; None for the first."""
    return next((entry for entry in reversed(state.rounds[:number]) if entry.accepted), None)


def change(state: LoopState, number: int) -> Change | None:
    """What round ``number`` changed; None for the first, and for one that shows an object alone. A claim without a
    verdict on either picture is no change."""
    before = best_before(state, number)
    if before is None or state.rounds[number].alone:
        return None
    earlier = {verdict.claim: verdict.passed for verdict in before.critique.verdicts}
    later = {verdict.claim: verdict.passed for verdict in state.rounds[number].critique.verdicts}
    return Change(
        tuple(claim for claim in later if later[claim] is True and earlier.get(claim) is False),
        tuple(claim for claim in later if later[claim] is False and earlier.get(claim) is True),
    )


def tallies(states: Sequence[LoopState]) -> list[Tally]:
    """A tally of each strategy over all pictures, in the order in which they first occur."""
    rounds: dict[str, list[tuple[Round, Change | None]]] = {}
    for state in states:
        for number, entry in enumerate(state.rounds):
            rounds.setdefault(entry.strategy, []).append((entry, change(state, number)))
    return [_tally(strategy, own) for strategy, own in rounds.items()]


def _tally(strategy: str, own: Sequence[tuple[Round, Change | None]]) -> Tally:
    changes = [found for _, found in own if found is not None]
    return Tally(
        strategy,
        len(own),
        sum(entry.accepted for entry, _ in own),
        sum(len(found.fixed) for found in changes) if changes else None,
        sum(len(found.broken) for found in changes) if changes else None,
        sum(entry.nfe for entry, _ in own),
        sum(entry.seconds for entry, _ in own),
    )
