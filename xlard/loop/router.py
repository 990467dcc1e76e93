"""Which strategy next, by the kind of failure, by how sure the critic is, and by what has been tried."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from .object_by_object import Compose, Introduce
from .plan import Plan, Situation, Strategy
from .strategies import ALL, Correct, Rearrange, Region, Resample, Rewrite

PATIENCE = 2
"""Rounds without progress after which a fresh draw is tried."""


SURE = 0.77
"""Confidence of a critique from which on its boxes are built on. Measured with the demo world's critic
(docs/bench.md)."""


@dataclass(frozen=True)
class Turns:
    """Fresh draws in the artist's own wording and in other words by turns, the artist's first."""

    own: Strategy
    other: Strategy

    def plan(self, situation: Situation) -> Plan | None:
        """A draw of the one whose turn it is; the artist's wording wherever there is no other."""
        drawn = [
            entry.strategy for entry in situation.state.rounds if entry.strategy in (self.own.name, self.other.name)
        ]
        plan = self.other.plan(situation) if drawn and drawn[-1] == self.own.name else None
        return plan or self.own.plan(situation)


@dataclass(frozen=True)
class Router:
    """Asks strategies in order; first ``unsure``, if there is one, where the critic's confidence in its answer is below
    ``SURE``, and before that ``restart``, if there is one, after ``PATIENCE`` rounds without progress."""

    strategies: tuple[Strategy, ...]
    restart: Strategy | None = None
    unsure: Strategy | None = None

    def plan(
        self, situation: Situation, allowed: Callable[[Plan, Situation], Plan | None] = lambda plan, _: plan
    ) -> Plan | None:
        """The first plan that a strategy offers, as far as it is ``allowed``; None where nothing is."""
        order = self.strategies
        if self.unsure and situation.state.best.critique.confidence < SURE:
            order = (self.unsure, *order)
        if self.restart and situation.state.stalled % (PATIENCE + 1) == PATIENCE:
            order = (self.restart, *order)
        offered = (strategy.plan(situation) for strategy in order)
        return next((plan for plan in (allowed(plan, situation) for plan in offered if plan) if plan), None)


def router(
    names: Sequence[str] = ALL, noise_level: float | None = None, editing: bool = False, once: bool = False
) -> Router:
    """A router over strategies by name. ``noise_level``: the level to renoise to, None for each strategy's own. With a
    corrector that acts ``once`` it is asked before a fresh draw, and before all others where the critic is unsure of
    the boxes that these need.

    When ``editing`` a source, what draws least anew is asked first: a fresh draw has nothing to gain from starting
    over.

    Raises ValueError for unknown names, and for none.
    """
    known: dict[str, Strategy | Turns] = {
        Compose.name: Compose(),
        "rearrange": Rearrange(noise_level) if noise_level else Rearrange(),
        Introduce.name: Introduce(),
        "resample": Resample(),
        "region": Region(noise_level) if noise_level else Region(),
        "correct": Correct(noise_level),
        "rewrite": Rewrite(),
    }
    unknown = [name for name in names if name not in known]
    if unknown or not names:
        cause = f"There is no strategy '{', '.join(unknown)}'" if unknown else "All strategies are switched off"
        raise ValueError(f"{cause}; name at least one of {', '.join(known)}.")
    if {"resample", "rewrite"} <= set(names):
        known["resample"] = Turns(known["resample"], known.pop("rewrite"))
    if once and not editing:
        first = (Compose.name, "rearrange", Introduce.name, "correct")
        known = {**{name: known[name] for name in first}, **known}
    if editing and "resample" in known:
        known["resample"] = known.pop("resample")
    asked = {name: known[name] for name in known if name in names}
    return Router(
        tuple(asked.values()),
        asked.get("resample") or asked.get("rewrite"),
        asked.get("correct") if once and not editing else None,
    )
