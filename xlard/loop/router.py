"""Which strategy next: by the kind of failure, by how sure the critic is, and by what has been tried."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from .plan import Plan, Situation, Strategy
from .registry import DEFAULT_STRATEGIES, StrategySpec, built, spec_of, strategy_specs
from .settings import ANYTHING, AS_NEEDED, KEEP_ALL, check_may_change

PATIENCE = 2
"""Rounds without progress after which something else is tried: a fresh draw, or where all else is kept, another
strategy.
"""

IMPATIENT = 1
"""The same where anything may change."""

SURE = 0.77
"""Confidence of a critique from which its boxes are relied on. Measured with the shapes world's critic
(docs/bench.md).
"""


@dataclass(frozen=True)
class TakeTurns:
    """Several kinds of fresh draws by turns, beginning with the first."""

    strategies: tuple[Strategy, ...]

    @property
    def name(self) -> str:
        """The first one's."""
        return self.strategies[0].name

    def plan(self, situation: Situation) -> Plan | None:
        """A plan of the one whose turn it is, or of the next that offers one."""
        names = [strategy.name for strategy in self.strategies]
        drawn = [round_.strategy for round_ in situation.state.rounds if round_.strategy in names]
        turn = (names.index(drawn[-1]) + 1) % len(names) if drawn else 0
        offered = (strategy.plan(situation) for strategy in self.strategies[turn:] + self.strategies[:turn])
        return next((plan for plan in offered if plan), None)


@dataclass(frozen=True)
class Router:
    """Asks strategies in order.

    ``unsure``, if there is one, goes first where the critic's confidence in its answer is below ``SURE``; before that
    goes ``restart``, if there is one, after ``patience`` rounds without progress. With ``keeps`` it takes of all plans
    that leave a part of the picture as it is the one after which the fewest claims would fail, and of equal ones the
    one that changes least.
    """

    strategies: tuple[Strategy, ...]
    restart: Strategy | None = None
    unsure: Strategy | None = None
    patience: int = PATIENCE
    keeps: bool = False

    def plan(
        self, situation: Situation, allowed: Callable[[Plan, Situation], Plan | None] = lambda plan, _: plan
    ) -> Plan | None:
        """The plan that a strategy offers, as far as it is ``allowed``; None where there is none."""
        if self.keeps:
            return self._keeping_plan(situation, allowed)
        order = self.strategies
        if self.unsure and situation.state.best.critique.confidence < SURE:
            order = (self.unsure, *order)
        if self.restart and self._is_stuck(situation):
            order = (self.restart, *order)
        offered = (strategy.plan(situation) for strategy in order)
        return next((plan for plan in (allowed(plan, situation) for plan in offered if plan) if plan), None)

    def _keeping_plan(self, situation: Situation, allowed: Callable[[Plan, Situation], Plan | None]) -> Plan | None:
        offered = (strategy.plan(situation) for strategy in self.strategies)
        plans = [plan for plan in (allowed(plan, situation) for plan in offered if plan) if plan]
        keeping = [plan for plan in plans if plan.region is not None or plan.claims]
        if self._is_stuck(situation):
            tried = situation.state.rounds[-1].strategy
            keeping = [plan for plan in keeping if plan.strategy != tried] or keeping
        return min(keeping, key=lambda plan: (plan.failing, plan.change), default=None)

    def _is_stuck(self, situation: Situation) -> bool:
        return situation.state.stalled % (self.patience + 1) == self.patience


def router(
    names: Sequence[str] = DEFAULT_STRATEGIES,
    noise_level: float | None = None,
    editing: bool = False,
    single_step: bool = False,
    may_change: str = AS_NEEDED,
    filling: bool = False,
) -> Router:
    """A router over strategies by name, in the order of their priorities (see ``registry.Priority``).

    ``noise_level`` is the level to renoise to, None for each strategy's own. ``editing``: a source is edited;
    ``single_step``: a corrector that acts once corrects fresh draws; ``filling``: there is a fill model. ``may_change``
    is one of ``settings.MAY_CHANGE``. Raises ValueError for unknown names, and for none.
    """
    check_may_change(may_change)
    known = [spec.name for spec in strategy_specs()]
    unknown = [name for name in names if name not in known]
    if unknown or not names:
        cause = f"There is no strategy '{', '.join(unknown)}'" if unknown else "All strategies are switched off"
        raise ValueError(f"{cause}; name at least one of {', '.join(known)}.")

    def order(spec: StrategySpec) -> int:
        return spec.priority.among(editing, single_step, filling)

    specs = [spec_of(name) for name in known if name in names]
    fresh_draws = tuple(built(spec, noise_level) for spec in sorted(specs, key=order) if spec.fresh_draw)
    fresh_draw = TakeTurns(fresh_draws) if len(fresh_draws) > 1 else next(iter(fresh_draws), None)
    strategies: list[Strategy] = []
    for spec in sorted(specs, key=order):
        if not spec.fresh_draw:
            strategies.append(built(spec, noise_level))
        elif fresh_draw is not None and fresh_draw not in strategies:
            strategies.append(fresh_draw)
    unsure = next((built(spec, noise_level) for spec in specs if spec.uses_corrector), None)
    return Router(
        tuple(strategies),
        fresh_draw,
        unsure if single_step and not editing else None,
        IMPATIENT if may_change == ANYTHING else PATIENCE,
        keeps=may_change == KEEP_ALL,
    )
