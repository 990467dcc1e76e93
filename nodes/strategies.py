"""The strategies of a loop as inputs of nodes, and which of them a loop may use."""

from __future__ import annotations

from collections.abc import Mapping

from comfy_api.latest import io

from ..xlard.loop.registry import BUNDLED, Need, StrategySpec, spec_of, switches, usable
from .extensions import load_extensions

_FIRST = ("rearrange", "region", "correct", "resample", "rewrite")
"""The strategies whose switches stand together. Saved workflows hold the values of inputs by their place, so that of a
newer strategy stands behind other inputs.
"""

_OF_SELF_CORRECT = ("detail", "edit")
"""The strategies whose switches only xLARD Self-Correct has, each behind the inputs that were there before it."""


def bundled_switches() -> list[io.Input]:
    """A switch for each of the pack's own strategies that the nodes had from the beginning."""
    return [_switch(spec) for spec in switches() if spec.name in _FIRST]


def newer_switches() -> list[io.Input]:
    """A switch for each of the pack's own strategies that came later."""
    return [
        _switch(spec) for spec in switches() if spec.name in BUNDLED and spec.name not in (*_FIRST, *_OF_SELF_CORRECT)
    ]


def switch_of(name: str) -> io.Input:
    """The switch of one of the pack's own strategies."""
    return _switch(spec_of(name))


def added_switches() -> list[io.Input]:
    """A switch for each strategy of another pack.

    They are a node's last inputs, because saved workflows hold the values of inputs by their place.
    """
    load_extensions()
    return [_switch(spec) for spec in switches() if spec.name not in BUNDLED]


def switched_on(
    values: Mapping[str, bool], can_rewrite: bool, can_encode: bool, can_crop: bool = False, can_edit: bool = False
) -> tuple[str, ...]:
    """The strategies whose switch is on; those that need other prompts only if somebody can write and encode them,
    those that paint on pictures only if somebody can encode these, those that redraw parts only if the sampler can, and
    those that need a model for editing only where there is one.
    """
    provided: set[Need] = {"boxes"}
    provided |= {"rewriter", "prompts"} if can_rewrite else set()
    provided |= {"encoder"} if can_encode else set()
    provided |= {"crops"} if can_crop else set()
    provided |= {"editor"} if can_edit else set()
    return usable([spec.name for spec in switches() if values.get(_input_id(spec), spec.default_on)], provided)


def _switch(spec: StrategySpec) -> io.Input:
    return io.Boolean.Input(_input_id(spec), spec.name, default=spec.default_on, optional=True, tooltip=spec.tooltip)


def _input_id(spec: StrategySpec) -> str:
    """The id of a strategy's input. Those of other packs have a prefix: their names may be those of other inputs."""
    return spec.name if spec.name in BUNDLED else f"strategy_{spec.name}"
