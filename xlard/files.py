"""Files that are there whole or not at all, and lists of JSON lines that survive a crash in the middle of a line.

Standard library only: the quickstart uses it before any package is installed.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_DISK_FULL = (errno.ENOSPC, errno.EDQUOT)
_NOT_ALLOWED = (errno.EROFS, errno.EACCES, errno.EPERM)
_IN_THE_WAY = (errno.EEXIST, errno.EISDIR, errno.ENOTDIR, errno.ELOOP)
_UNTOUCHED = "Nothing of it was kept, existing files are untouched."


def write_whole(path: Path, content: bytes) -> None:
    """Write a file under a temporary name, then rename it.

    Raises OSError that says what to do where the disk is full, where it takes no file of this length, and where it can
    only be read.
    """
    write_together(path.parent, {path.name: content})


def make_folder(folder: Path) -> None:
    """Make a folder, and those above it, where they are missing; raises OSError as ``write_whole``."""
    with explained_errors(0, folder):
        folder.mkdir(parents=True, exist_ok=True)


def write_together(folder: Path, contents: dict[str, bytes]) -> None:
    """Write several files of a folder; none is replaced before all are written. Raises OSError as ``write_whole``."""
    # By process: the processes of one training may write the same file at the same time. Files made by tempfile could
    # be read by their owner only.
    temporary = {folder / name: folder / f"{name}.{os.getpid()}.part" for name in contents}
    with explained_errors(sum(len(content) for content in contents.values()), folder):
        try:
            for temporary_path, content in zip(temporary.values(), contents.values(), strict=True):
                with temporary_path.open("wb") as file:
                    file.write(content)
                    file.flush()
                    os.fsync(file.fileno())
            for path, temporary_path in temporary.items():
                os.replace(temporary_path, path)
        finally:
            for temporary_path in temporary.values():
                temporary_path.unlink(missing_ok=True)


def append_lines(path: Path, rows: Sequence[dict]) -> None:
    """Add rows to a list of JSON lines: all of them or, if writing fails, none; raises OSError as ``write_whole``.

    A last line that was cut off is removed first.
    """
    content = _as_lines(rows)
    with explained_errors(len(content), path.parent), path.open("ab", buffering=0) as file:
        old_size = sum(len(line) + 1 for line in _whole_lines(path))
        file.truncate(old_size)
        try:
            unwritten = memoryview(content)
            while unwritten:
                unwritten = unwritten[file.write(unwritten) :]
            os.fsync(file.fileno())
        except OSError:
            file.truncate(old_size)
            raise


def write_lines(path: Path, rows: Sequence[dict]) -> None:
    """Replace a list of JSON lines; raises OSError as ``write_whole``."""
    write_whole(path, _as_lines(rows))


def read_lines(path: Path) -> list[dict]:
    """The rows of a list of JSON lines without a last line that was cut off; no rows if the file does not exist.

    Raises ValueError for any other line that cannot be read.
    """
    rows = []
    for number, line in enumerate(_whole_lines(path), 1):
        try:
            rows.append(json.loads(line))
        except ValueError as error:
            raise ValueError(
                f"Line {number} of {path} is damaged ({error}). Delete the line: what it says is then collected again."
            ) from error
    return rows


def write_json(path: Path, content: Any) -> None:
    """Write JSON-ready values as a file; raises OSError as ``write_whole``."""
    write_whole(path, json.dumps(content, indent=2, ensure_ascii=False).encode())


def read_json(path: Path, advice: str) -> dict:
    """The object in a JSON file; raises ValueError, with the advice, if it cannot be read."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path} is damaged ({error}). {advice}") from error
    if not isinstance(content, dict):
        raise ValueError(f"{path} does not hold a JSON object. {advice}")
    return content


def _as_lines(rows: Sequence[dict]) -> bytes:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()


def _whole_lines(path: Path) -> list[bytes]:
    return path.read_bytes().split(b"\n")[:-1] if path.is_file() else []


@contextmanager
def explained_errors(size: int, folder: Path) -> Iterator[None]:
    """Writing of ``size`` bytes to a folder, whose errors say what to do."""
    try:
        yield
    except OSError as error:
        explanation = _explanation(error.errno, size, folder)
        if explanation is None:
            raise
        raise OSError(error.errno, explanation) from error


def _explanation(number: int | None, size: int, folder: Path) -> str | None:
    if number in _DISK_FULL:
        free = shutil.disk_usage(folder).free
        return (
            f"The disk is full: {size / 1e6:.1f} MB were to be written to {folder}, {free / 1e6:.1f} MB are free. "
            f"{_UNTOUCHED} Free some space and run again: it continues from there."
        )
    if number == errno.EFBIG:
        return (
            f"A file in {folder} may not be as long as this one would be: the disk's format or a quota limits it. "
            f"{_UNTOUCHED} Use another disk or raise the limit, and run again."
        )
    if number in _NOT_ALLOWED:
        return (
            f"{folder} cannot be written to ({os.strerror(number)}). {_UNTOUCHED} Allow ComfyUI to write there, close "
            "other programs that hold files of it open, and run again."
        )
    if number in _IN_THE_WAY:
        return (
            f"A file, folder or link in {folder}, or {folder} itself, stands where something else is to be written "
            f"({os.strerror(number)}). {_UNTOUCHED} Remove it, or choose another name."
        )
    return None
