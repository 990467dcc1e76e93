"""One job at a time writes to a folder, also where several ComfyUIs share it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..files import explained_errors, make_folder

LOCK = "writing.lock"
"""Name of the file that the system locks. It stays, and says nothing: a process that dies gives up its lock."""


@contextmanager
def only_writer(folder: Path) -> Iterator[None]:
    """Keep all others that use this from writing to a folder, which is made where it is missing.

    Raises ValueError where another job writes, OSError as ``files.make_folder``.
    """
    from filelock import FileLock, Timeout

    make_folder(folder)
    lock = FileLock(folder / LOCK)
    try:
        with explained_errors(0, folder):
            lock.acquire(timeout=0)
    except Timeout:
        raise ValueError(
            f"Another job is writing to {folder}. Wait until it has ended, or choose another name."
        ) from None
    try:
        yield
    finally:
        lock.release()
