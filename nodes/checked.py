"""Nodes whose inputs are checked against their own schema before they run, and whose errors can be logged."""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable, Mapping
from typing import Any

from comfy_api.latest import io

from ..xlard.characters import is_whole, whole_characters
from ..xlard.declared_inputs import Declared
from .comfy.compat.jobs import output_count

Node = type[io.ComfyNode]

_LOG = logging.getLogger(__name__)

_LONGEST_ERROR = 4000


def checked(node: Node) -> Node:
    """The node, which from now on checks what it is given, also over a wire; see ``declared_inputs``.

    An optional input that brings nothing is left out. Errors hold whole characters only: ComfyUI logs them, and half a
    surrogate pair in its log ends the thread that runs jobs, as does a value on a wire that cannot be shown: what
    fails because of one blocks its outputs instead.
    """
    _replace(node, "execute", _checking(node.execute.__func__, waits=False))
    if "check_lazy_status" in vars(node):
        _replace(node, "check_lazy_status", _checking(node.check_lazy_status.__func__, waits=True))
    if "fingerprint_inputs" in vars(node):
        _replace(node, "fingerprint_inputs", _speaking(node.fingerprint_inputs.__func__))
    return node


def checked_values(schema: io.Schema, given: Mapping[str, Any], waits: bool = False) -> dict[str, Any]:
    """The values of a node's inputs as it can use them.

    With ``waits`` nothing is said of what is not there yet. Raises TypeError and ValueError as ``Declared.checked``.
    """
    declared = {declaration.id: declaration for declaration in schema.inputs or ()}
    values = {}
    for name, value in given.items():
        declaration = declared.get(name)
        if declaration is None or (value is None and waits):
            values[name] = value
        elif value is not None or not declaration.optional:
            values[name] = _declared(declaration).checked(value)
    return values


def _declared(declaration: io.Input) -> Declared:
    options = getattr(declaration, "options", None)
    return Declared(
        declaration.display_name or declaration.id,
        str(declaration.io_type),
        getattr(declaration, "min", None),
        getattr(declaration, "max", None),
        tuple(options or ()),
        bool(getattr(declaration, "multiline", False)),
    )


def _checking(run: Callable[..., Any], waits: bool) -> Callable[..., Any]:
    @functools.wraps(run)
    def checking(cls: Node, **given: Any) -> Any:
        try:
            # Declared anew each time: lists of files change while ComfyUI runs.
            return run(cls, **checked_values(cls.define_schema(), given, waits))
        except Exception as error:
            _make_printable(error)
            if all(map(_can_be_shown, given.values())):
                raise
            # ComfyUI shows the inputs of a node that fails, and would fail itself.
            _LOG.error("xLARD: %s", error)
            blocked = io.NodeOutput(*[None] * output_count(cls), block_execution=str(error))
            return [] if waits else blocked

    return checking


def _can_be_shown(value: object) -> bool:
    try:
        str(value)
    except Exception:
        return False
    return True


def _speaking(run: Callable[..., Any]) -> Callable[..., Any]:
    """A function whose errors can be written to a log."""

    @functools.wraps(run)
    def speaking(cls: Node, **given: Any) -> Any:
        try:
            return run(cls, **given)
        except Exception as error:
            _make_printable(error)
            raise

    return speaking


def _make_printable(error: BaseException | None) -> None:
    """Shortens an error and what led to it, and replaces half surrogate pairs, where they stand in its arguments."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        text = str(error)
        if len(text) > _LONGEST_ERROR or not is_whole(text):
            error.args = tuple(map(_printable, error.args))
        error = error.__cause__ or error.__context__


def _printable(argument: object) -> object:
    if not isinstance(argument, str):
        return argument
    return whole_characters(argument if len(argument) <= _LONGEST_ERROR else f"{argument[:_LONGEST_ERROR]} ...")


def _replace(node: Node, name: str, run: Callable[..., Any]) -> None:
    setattr(node, name, classmethod(run))
