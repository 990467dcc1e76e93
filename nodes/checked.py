"""Nodes whose inputs are checked against their own schema before they run, and whose errors can be logged."""

from __future__ import annotations

import functools
import logging
import traceback
from collections.abc import Callable, Mapping
from typing import Any

from comfy_api.latest import io

from ..xlard.characters import is_whole, said_by, shown_value, whole_characters
from ..xlard.declared_inputs import Declared
from .comfy.compat.jobs import output_count

Node = type[io.ComfyNode]

_LOG = logging.getLogger(__name__)

_LONGEST_ERROR = 4000


def checked(node: Node) -> Node:
    """The node, which from now on checks what it is given, also over a wire; see ``declared_inputs``.

    An optional input that brings nothing is left out. Errors hold whole characters only: ComfyUI logs them, and half a
    surrogate pair in its log ends the thread that runs jobs, as does an error, or a value on a wire, that cannot be
    shown: what fails because of such a value blocks its outputs instead.
    """
    _replace(node, "execute", _checking(node.execute.__func__, waits=False))
    if "check_lazy_status" in vars(node):
        _replace(node, "check_lazy_status", _checking(node.check_lazy_status.__func__, waits=True))
    if "fingerprint_inputs" in vars(node):
        _replace(node, "fingerprint_inputs", _speaking(node.fingerprint_inputs.__func__))
    return node


def checked_values(schema: io.Schema, given: Mapping[str, Any], waits: bool = False) -> dict[str, Any]:
    """The values of a node's inputs as it can use them.

    With ``waits`` nothing is said of a lazy input that brings nothing: it may not be there yet. Raises TypeError and
    ValueError as ``Declared.checked``, and ValueError for an input that the node does not have: ComfyUI passes on what
    comes to one over a wire.
    """
    declared = {declaration.id: declaration for declaration in schema.inputs or ()}
    unknown = [name for name in given if name not in declared]
    if unknown:
        raise ValueError(
            f"{schema.display_name} has no input {', '.join(map(shown_value, unknown))}. Remove it from the job, or "
            "load the workflow again and save it anew."
        )
    values: dict[str, Any] = {}
    for name, value in given.items():
        declaration = declared[name]
        if value is None and waits and declaration.lazy:
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
            # No variable may hold an error that is raised: error, traceback and frame would hold each other, and with
            # them pictures and models, until garbage is collected.
            shown, speaks = all(map(_can_be_shown, given.values())), _made_printable(error)
            if shown and speaks:
                raise
            if shown:
                raise _reworded(error) from None
            # ComfyUI shows the inputs of a node that fails, and would fail itself.
            said = str(error if speaks else _reworded(error))
            _LOG.error("xLARD: %s", said)
            blocked = io.NodeOutput(*[None] * output_count(cls), block_execution=said)
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
            if _made_printable(error):
                raise
            raise _reworded(error) from None

    return speaking


def _made_printable(error: Exception) -> bool:
    """Whether an error with all that led to it can be written to a log, after it was shortened and half surrogate pairs
    in its arguments were replaced. Errors that word themselves or carry notes may still not be.
    """
    _make_printable(error)
    return _can_be_shown(error) and is_whole(
        "".join(traceback.format_exception(type(error), error, error.__traceback__))
    )


def _reworded(error: Exception) -> RuntimeError:
    """Another error that says what one says that cannot be written to a log."""
    return RuntimeError(f"{type(error).__name__}: {said_by(error)[:_LONGEST_ERROR] or 'it does not say why.'}")


def _make_printable(error: BaseException | None) -> None:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        text = str(error) if _can_be_shown(error) else ""
        if len(text) > _LONGEST_ERROR or not is_whole(text):
            error.args = tuple(map(_printable, error.args))
        error = error.__cause__ or error.__context__


def _printable(argument: object) -> object:
    if not isinstance(argument, str):
        return argument
    return whole_characters(argument if len(argument) <= _LONGEST_ERROR else f"{argument[:_LONGEST_ERROR]} ...")


def _replace(node: Node, name: str, run: Callable[..., Any]) -> None:
    setattr(node, name, classmethod(run))
