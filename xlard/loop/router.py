"""Which strategy next, by the kind of failure and by what has been tried."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .plan import Plan, Situation, Strategy
from .strategies import ALL, Correct, Rearrange, Region, Resample

PATIENCE = 2
"""Rounds without progress after which a fresh draw is tried."""


@dataclass(frozen=True)
class Router:
    """Asks strategies in order; after ``PATIENCE`` rounds without progress first ``restart``, if there is one."""

    strategies: tuple[Strategy, ...]
    restart: Strategy | None = None

    def plan(self, situation: Situation) -> Plan | None:
        """The first plan that a strategy offers; None where none does."""
        order = self.strategies
        if self.restart and situation.state.stalled % (PATIENCE + 1) == PATIENCE:
            order = (self.restart, *order)
        return next((plan for plan in (strategy.plan(situation) for strategy in order) if plan), None)


def router(names: Sequence[str] = ALL, sigma: float | None = None) -> Router:
    """A router over strategies by name. ``sigma``: the level to renoise to, None for each strategy's own.

    Raises ValueError for unknown names, and for none.
    """
    fresh = Resample()
    known: dict[str, Strategy] = {"rearrange": Rearrange(sigma) if sigma else Rearrange(), "resample": fresh,
                                  "region": Region(sigma) if sigma else Region(), "correct": Correct(sigma)}
    unknown = [name for name in names if name not in known]
    if unknown or not names:
        cause = f"There is no strategy '{', '.join(unknown)}'" if unknown else "All strategies are switched off"
        raise ValueError(f"{cause}; name at least one of {', '.join(known)}.")
    return Router(tuple(known[name] for name in known if name in names), fresh if fresh.name in names else None)
