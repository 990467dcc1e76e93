"""The objectives of correctors that draw pictures and ask the critic while they learn, beside those of
``xlard.training.registry``.

As there, an objective's own module is imported when it is used.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from ...training.registry import objective_names

if TYPE_CHECKING:
    from .rollouts import RolloutObjective


def _ppo() -> RolloutObjective:
    from .ppo import Ppo

    return Ppo


def _expert_iteration() -> RolloutObjective:
    from .expert_iteration import ExpertIteration

    return ExpertIteration


ROLLOUT_OBJECTIVES: dict[str, Callable[[], RolloutObjective]] = {"ppo": _ppo, "expert": _expert_iteration}
"""What imports the class of each, by name."""

OBJECTIVES = (*objective_names(), *ROLLOUT_OBJECTIVES)
"""All names that a world's corrector can be trained by."""
