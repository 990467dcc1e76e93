"""A critic that runs out of memory goes on with fewer questions at a time."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Sequence
from itertools import takewhile
from typing import TypeVar

import torch

from .backend import Ask, CriticError

T = TypeVar("T")

_SIGNS = ("out of memory", "can't allocate memory", "Cannot allocate memory", "CUBLAS_STATUS_ALLOC_FAILED")
"""In the words of Apple's, the CPU's, the operating system's and NVIDIA's libraries, whose errors are of no class of
their own."""


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that a device's memory, or the machine's, does not suffice."""
    if isinstance(error, CriticError):
        return False
    if isinstance(error, (torch.cuda.OutOfMemoryError, MemoryError)):
        return True
    return isinstance(error, (RuntimeError, OSError)) and any(sign in str(error) for sign in _SIGNS)


def empty_cache() -> None:
    """Give back what PyTorch keeps for later."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def in_parts(
    asks: Sequence[Ask],
    batch: int,
    run: Callable[[int, list[Ask]], Sequence[T]],
    make_room: Callable[[], None],
    name: str,
    weights: float,
) -> Iterator[T]:
    """What ``run(done, part)`` returns for at most ``batch`` asks at a time, those with a picture apart from those
    without.

    Where memory does not suffice, room is made and the same is tried again, then halves of it. Raises CriticError,
    which names the critic, its ``weights`` in bytes and the picture's size, if it does not suffice for a single ask.
    """
    done, size, roomy = 0, batch, False
    while done < len(asks):
        part = list(takewhile(lambda ask: (ask.image is None) == (asks[done].image is None), asks[done : done + size]))
        try:
            results = run(done, part)
        except Exception as error:
            if not is_out_of_memory(error):
                raise
            cause = str(error)
        else:
            yield from results
            done += len(part)
            continue
        # Not while the error is handled: it holds on to what was allocated.
        make_room()
        if roomy and len(part) == 1:
            raise _refusal(name, weights, part[0], batch, cause)
        size = max(1, len(part) // 2) if roomy else size
        roomy = True


def _refusal(name: str, weights: float, ask: Ask, batch: int, cause: str) -> CriticError:
    about = "" if ask.image is None else f" about a picture of {ask.image.shape[1]} x {ask.image.shape[0]} pixels"
    tried = "" if batch == 1 else f", after trying {batch} at a time and fewer"
    return CriticError(
        f"The critic {name} ran out of memory at a single question{about}{tried}, though all other models had left. Its"
        f" weights take {weights / 2**30:.1f} GiB. Scale the pictures down before they are judged, take a smaller"
        f" model, or one with 8-bit or 4-bit weights, or run it on a server. {_first_line(cause)}"
    )


def does_not_fit(name: str, weights: float, cause: str) -> CriticError:
    """The error for weights that cannot be loaded."""
    return CriticError(
        f"The critic {name} does not fit into memory: its weights take {weights / 2**30:.1f} GiB. Set quantization to"
        f" 8-bit or 4-bit, take a smaller model, or run it on a server. {_first_line(cause)}"
    )


def _first_line(cause: str) -> str:
    return cause.strip().splitlines()[0] if cause.strip() else ""
