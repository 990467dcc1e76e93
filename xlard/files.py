"""Files that are there whole or not at all, and lists of JSON lines that survive a crash in the middle of one."""

from __future__ import annotations

import errno
import json
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

_FULL = (errno.ENOSPC, errno.EDQUOT)


def write_whole(path: Path, content: bytes) -> None:
    """Write a file under another name, then give it its own; raises OSError that says what a full disk lacks."""
    # By process: those of one training may write the same file at the same time.
    temporary = path.with_name(f"{path.name}.{os.getpid()}.part")
    with _space_for(len(content), path.parent):
        try:
            with temporary.open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)


def append_lines(path: Path, entries: Sequence[dict]) -> None:
    """Add entries to a list of JSON lines, all of them or, where writing fails, none; raises OSError as
    ``write_whole``.

    A last line that was cut off is cut away first.
    """
    content = _as_lines(entries)
    with _space_for(len(content), path.parent), path.open("ab", buffering=0) as file:
        before = sum(len(line) + 1 for line in _whole_lines(path))
        file.truncate(before)
        try:
            left = memoryview(content)
            while left:
                left = left[file.write(left) :]
            os.fsync(file.fileno())
        except OSError:
            file.truncate(before)
            raise


def write_lines(path: Path, entries: Sequence[dict]) -> None:
    """Write a list of JSON lines in the place of another; raises OSError as ``write_whole``."""
    write_whole(path, _as_lines(entries))


def read_lines(path: Path) -> list[dict]:
    """The entries of a list of JSON lines, without a last line that was cut off; none where there is no file.

    Raises ValueError for another line that cannot be read.
    """
    entries = []
    for number, line in enumerate(_whole_lines(path), 1):
        try:
            entries.append(json.loads(line))
        except ValueError as error:
            raise ValueError(
                f"Line {number} of {path} is damaged ({error}). Delete the line: what it says is then collected again."
            ) from error
    return entries


def write_json(path: Path, content) -> None:
    """Write JSON-ready values as a file; raises OSError as ``write_whole``."""
    write_whole(path, json.dumps(content, indent=2, ensure_ascii=False).encode())


def read_json(path: Path, mend: str) -> dict:
    """The object in a JSON file; raises ValueError, with the mend, where it cannot be read."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path} is damaged ({error}). {mend}") from error
    if not isinstance(found, dict):
        raise ValueError(f"{path} does not hold what it should. {mend}")
    return found


def write_tensors(path: Path, tensors: dict[str, Tensor]) -> None:
    """Write a safetensors file; raises OSError as ``write_whole``."""
    write_whole(path, save(tensors))


def read_tensors(path: Path, names: Sequence[str], mend: str) -> list[Tensor]:
    """The named tensors of a safetensors file; raises ValueError, with the mend, where they cannot be read."""
    try:
        with safe_open(path, framework="pt") as file:
            return [file.get_tensor(name) for name in names]
    except (SafetensorError, OSError) as error:
        raise ValueError(f"{path} is missing, damaged or cut short ({error}). {mend}") from error


def _as_lines(entries: Sequence[dict]) -> bytes:
    return "".join(json.dumps(entry, ensure_ascii=False) + "\n" for entry in entries).encode()


def _whole_lines(path: Path) -> list[bytes]:
    return path.read_bytes().split(b"\n")[:-1] if path.is_file() else []


@contextmanager
def _space_for(needed: int, folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno not in _FULL:
            raise
        free = shutil.disk_usage(folder).free
        raise OSError(
            error.errno,
            f"The disk is full: {needed / 1e6:.1f} MB were to be written to {folder}, {free / 1e6:.1f} MB "
            "are free. Nothing of it was kept, what was there before is untouched. Free some space, and "
            "run again: it goes on from there.",
        ) from error
