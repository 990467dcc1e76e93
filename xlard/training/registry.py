"""The objectives that a corrector can be trained by: one entry for each, from which the node makes its choices and its
tooltip, and the command line its options.

An objective's own module is imported when it is used: nodes read this table when ComfyUI starts.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from .objectives import MeasuredObjective


@dataclass(frozen=True)
class ObjectiveSpec:
    """An objective as nodes, command line and trainings know it. ``load`` imports its class.

    ``head`` says what a reward head is for: nothing; the weights to ``start`` from, if there is one; or it is
    ``required``. A corrector by a ``single_step`` objective acts once, at the lowest level that it learns from.
    """

    name: str
    tooltip: str
    load: Callable[[], type[MeasuredObjective]]
    head: Literal["unused", "start", "required"] = "unused"
    single_step: bool = False


def _drafting() -> type[MeasuredObjective]:
    from .drafting import Drafting

    return Drafting


def _distillation() -> type[MeasuredObjective]:
    from .distillation import Distillation

    return Distillation


def _repair_pairs() -> type[MeasuredObjective]:
    from .repair_pairs import RepairPairs

    return RepairPairs


def _minimal_repair() -> type[MeasuredObjective]:
    from .minimal_repair import MinimalRepair

    return MinimalRepair


def _pathwise() -> type[MeasuredObjective]:
    from .pathwise import Pathwise

    return Pathwise


# The order is that of the node's choices; names and order are part of saved workflows.
_SPECS = {
    spec.name: spec
    for spec in (
        ObjectiveSpec(
            "drafting",
            "to a layout of cut-out objects in which the claims hold, once in the middle of sampling; needs a critic "
            "that gives boxes.",
            _drafting,
            head="start",
            single_step=True,
        ),
        ObjectiveSpec("distillation", "from the pictures that passed.", _distillation),
        ObjectiveSpec(
            "mending",
            "from repair pairs, failed pictures and their repaired versions; needs a dataset collected with "
            "repair_pairs.",
            _repair_pairs,
            head="start",
        ),
        ObjectiveSpec(
            "path-wise", "up the gradient of a head, which it may learn to fool.", _pathwise, head="required"
        ),
        ObjectiveSpec(
            "minimal_repair",
            "from repair pairs to the least change after which the claims hold, once in the middle of sampling; needs "
            "a dataset collected with repair_pairs.",
            _minimal_repair,
            head="start",
            single_step=True,
        ),
    )
}


def objective_specs() -> tuple[ObjectiveSpec, ...]:
    """All objectives, in the order of the node's choices."""
    return tuple(_SPECS.values())


def objective_names() -> tuple[str, ...]:
    """Their names, in the same order."""
    return tuple(_SPECS)


def spec_of(name: str) -> ObjectiveSpec:
    """The objective of a name. Raises ValueError where there is none."""
    if name not in _SPECS:
        raise ValueError(f"There is no objective '{name}'; there are {', '.join(_SPECS)}.")
    return _SPECS[name]
