"""Telling the user what is being done and how long it took."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager


class QuickstartError(Exception):
    """A set-up step failed; the message names the cause and the fix."""


@contextmanager
def step(title: str) -> Iterator[None]:
    """Print `title`, then the seconds that the block took or that it failed."""
    print(f"{title} ...", end=" ", flush=True)
    start = time.monotonic()
    try:
        yield
    except BaseException:
        print(f"failed after {time.monotonic() - start:.1f} s", flush=True)
        raise
    print(f"{time.monotonic() - start:.1f} s", flush=True)


def run(command: Sequence[str], advice: str, env: Mapping[str, str] | None = None) -> str:
    """Run `command` quietly and return its standard output.

    Raises QuickstartError with the end of its output and `advice` if it fails.
    """
    process = subprocess.run(
        list(command),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        encoding="utf-8",
        errors="replace",
        env=env,
    )
    if process.returncode != 0:
        tail = "\n".join((process.stdout + process.stderr).strip().splitlines()[-25:])
        raise QuickstartError(f"`{' '.join(command)}` ended with code {process.returncode}:\n{tail}\n{advice}")
    return process.stdout


def require_python(minimum: tuple[int, int] = (3, 10)) -> None:
    """Raise QuickstartError if this interpreter is older than `minimum`."""
    if sys.version_info < minimum:
        version = ".".join(str(number) for number in sys.version_info[:3])
        raise QuickstartError(
            f"Python {minimum[0]}.{minimum[1]} or newer is needed; this is {version} ({sys.executable}). "
            "Run the command with a newer python3."
        )
