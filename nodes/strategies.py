"""The strategies of a loop as inputs of nodes, and which of them a loop may use."""

from __future__ import annotations

from collections.abc import Mapping

from comfy_api.latest import io

from ..xlard.loop.registry import BUNDLED, Need, StrategySpec, switches, usable
from .extensions import load_extensions


def bundled_switches() -> list[io.Input]:
    """A switch for each of the pack's own strategies."""
    return [_switch(spec) for spec in switches() if spec.name in BUNDLED]


def added_switches() -> list[io.Input]:
    """A switch for each strategy of another pack.

    They are a node's last inputs, because saved workflows hold the values of inputs by their place.
    """
    load_extensions()
    return [_switch(spec) for spec in switches() if spec.name not in BUNDLED]


def switched_on(values: Mapping[str, bool], can_rewrite: bool) -> tuple[str, ...]:
    """The strategies whose switch is on; those that need other prompts only if somebody can write and encode them."""
    provided: set[Need] = {"boxes", "rewriter", "prompts"} if can_rewrite else {"boxes"}
    return usable([spec.name for spec in switches() if values.get(_input_id(spec), True)], provided)


def _switch(spec: StrategySpec) -> io.Input:
    return io.Boolean.Input(_input_id(spec), spec.name, default=True, optional=True, tooltip=spec.tooltip)


def _input_id(spec: StrategySpec) -> str:
    """The id of a strategy's input. Those of other packs have a prefix: their names may be those of other inputs."""
    return spec.name if spec.name in BUNDLED else f"strategy_{spec.name}"
