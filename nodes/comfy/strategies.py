"""The strategies of a loop as inputs of nodes, and which of them a loop may use."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from comfy_api.latest import io

from ...xlard.loop.object_by_object import PROCESSES
from ...xlard.loop.registry import BUNDLED, OBJECT_BY_OBJECT, Need, StrategySpec, switches, usable
from ..extensions import load_extensions
from .sampling.rewriting import ConditioningRewriter


def bundled_switches() -> list[io.Input]:
    """A switch for each of the pack's own strategies."""
    return [_switch(spec) for spec in switches() if spec.name in BUNDLED]


def added_switches() -> list[io.Input]:
    """A switch for each strategy of another pack. They are a node's last inputs, because saved workflows hold the
    values of inputs by their place."""
    load_extensions()
    return [_switch(spec) for spec in switches() if spec.name not in BUNDLED]


def switched_on(values: Mapping[str, bool], provided: Collection[Need]) -> tuple[str, ...]:
    """The strategies whose switch is on, as far as everything is provided that they need."""
    return usable([spec.name for spec in switches() if values.get(spec.name, True)], provided)


def introducing(process: str, rewriter: ConditioningRewriter | None, source: dict | None) -> tuple[str, ...]:
    """The strategies that one of ``PROCESSES`` adds. Raises ValueError where something that they need is missing."""
    if process == PROCESSES[0]:
        return ()
    if source is not None:
        raise ValueError(
            f"An edit has no prompt to draw objects from one by one. Set process to '{PROCESSES[0]}', or disconnect "
            "source."
        )
    if rewriter is None:
        raise ValueError(
            "Objects are drawn one by one from prompts of their own, and nothing encodes these. Connect clip, the CLIP "
            f"that made positive, or set process to '{PROCESSES[0]}'."
        )
    rewriter.check()
    return OBJECT_BY_OBJECT


def _switch(spec: StrategySpec) -> io.Input:
    return io.Boolean.Input(spec.name, default=True, optional=True, tooltip=spec.tooltip)
