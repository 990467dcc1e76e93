"""When a critic runs out of memory, it goes on with fewer questions at a time."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Sequence
from itertools import takewhile
from typing import TypeVar

import torch

from ..characters import said_by
from .backend import Ask, CriticError

T = TypeVar("T")

_SIGNS = ("out of memory", "can't allocate memory", "Cannot allocate memory", "CUBLAS_STATUS_ALLOC_FAILED")
"""Texts of errors without a class of their own, from libraries of Apple, NVIDIA, the CPU and the operating system."""

_SMALLER_QUESTION = (
    "Scale the pictures down before they are judged, take a smaller model or one with 8-bit or 4-bit weights, or run it"
    " on a server."
)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that a device, or the machine, has too little memory."""
    if isinstance(error, CriticError):
        return False
    if isinstance(error, (torch.cuda.OutOfMemoryError, MemoryError)):
        return True
    return isinstance(error, (RuntimeError, OSError)) and any(sign in said_by(error) for sign in _SIGNS)


def empty_cache() -> None:
    """Give back the memory that PyTorch holds for later."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def in_batches(
    asks: Sequence[Ask],
    batch: int,
    run: Callable[[int, list[Ask]], Sequence[T]],
    make_room: Callable[[], None],
    name: str,
    weights: float,
    role: str = "critic",
    fix: str = _SMALLER_QUESTION,
) -> Iterator[T]:
    """The results of ``run(done, asks)``, called with at most ``batch`` asks at a time, all with a picture or none.

    If memory runs out, room is made and the same asks are tried again, then half of them. Raises CriticError, which
    names what was asked (by ``role`` and ``name``), its ``weights`` in bytes, the picture's size and the ``fix``, if
    not even a single ask fits.
    """
    done, size, has_made_room = 0, batch, False
    while done < len(asks):
        first = asks[done]
        tried = list(takewhile(lambda ask: (ask.image is None) == (first.image is None), asks[done : done + size]))
        try:
            results = run(done, tried)
        except Exception as error:
            if not is_out_of_memory(error):
                raise
            cause = str(error)
        else:
            yield from results
            done += len(tried)
            continue
        # Not inside the handler: the error refers to what was allocated.
        make_room()
        if has_made_room and len(tried) == 1:
            raise _too_large(f"{role} {name}", weights, tried[0], batch, fix, cause)
        size = max(1, len(tried) // 2) if has_made_room else size
        has_made_room = True


def _too_large(named: str, weights: float, ask: Ask, batch: int, fix: str, cause: str) -> CriticError:
    about = "" if ask.image is None else f" about a picture of {ask.image.shape[1]} x {ask.image.shape[0]} pixels"
    batches = "" if batch == 1 else f", after trying {batch} at a time and fewer"
    return CriticError(
        f"The {named} ran out of memory at a single question{about}{batches}, with no other model in memory. Its"
        f" weights take {weights / 2**30:.1f} GiB. {fix} {_first_line(cause)}"
    )


def does_not_fit(name: str, weights: float, cause: str) -> CriticError:
    """The error for weights that cannot be loaded."""
    return CriticError(
        f"The critic {name} does not fit into memory: its weights take {weights / 2**30:.1f} GiB. Set quantization to"
        f" 8-bit or 4-bit, take a smaller model, or run it on a server. {_first_line(cause)}"
    )


def _first_line(cause: str) -> str:
    return cause.strip().splitlines()[0] if cause.strip() else ""
