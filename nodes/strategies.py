"""The strategies of a loop as inputs of nodes, and which of them a loop may use."""

from __future__ import annotations

from collections.abc import Mapping

from comfy_api.latest import io

from ..xlard.loop.registry import BUNDLED, Need, StrategySpec, switches, usable
from .extensions import load_extensions

_FIRST = ("rearrange", "region", "correct", "resample", "rewrite")
"""The strategies whose switches stand together. Saved workflows hold the values of inputs by their place, so that of a
newer strategy stands behind other inputs.
"""


def bundled_switches() -> list[io.Input]:
    """A switch for each of the pack's own strategies that the nodes had from the beginning."""
    return [_switch(spec) for spec in switches() if spec.name in _FIRST]


def newer_switches() -> list[io.Input]:
    """A switch for each of the pack's own strategies that came later."""
    return [_switch(spec) for spec in switches() if spec.name in BUNDLED and spec.name not in _FIRST]


def added_switches() -> list[io.Input]:
    """A switch for each strategy of another pack.

    They are a node's last inputs, because saved workflows hold the values of inputs by their place.
    """
    load_extensions()
    return [_switch(spec) for spec in switches() if spec.name not in BUNDLED]


def switched_on(values: Mapping[str, bool], can_rewrite: bool, can_encode: bool) -> tuple[str, ...]:
    """The strategies whose switch is on; those that need other prompts only if somebody can write and encode them, and
    those that paint on pictures only if somebody can encode these.
    """
    provided: set[Need] = {"boxes"}
    provided |= {"rewriter", "prompts"} if can_rewrite else set()
    provided |= {"encoder"} if can_encode else set()
    return usable([spec.name for spec in switches() if values.get(_input_id(spec), True)], provided)


def _switch(spec: StrategySpec) -> io.Input:
    return io.Boolean.Input(_input_id(spec), spec.name, default=True, optional=True, tooltip=spec.tooltip)


def _input_id(spec: StrategySpec) -> str:
    """The id of a strategy's input. Those of other packs have a prefix: their names may be those of other inputs."""
    return spec.name if spec.name in BUNDLED else f"strategy_{spec.name}"
