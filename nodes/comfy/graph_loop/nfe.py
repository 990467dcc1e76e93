"""Counting what a round of a loop costs, where some of its nodes may come from ComfyUI's cache."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any

from ..compat.jobs import running
from ..compat.sampling import add_call_hook


class NfeCounter:
    """Notes each guided call of a MODEL with the job and the node that made it."""

    def __init__(self) -> None:
        self._calls: list[tuple[str | None, str]] = []

    def on(self, model: Any) -> Any:
        """A clone of a MODEL whose calls are counted."""
        clone = model.clone()
        add_call_hook(clone, self._note)
        return clone

    def total(self, nodes: Iterable[str]) -> int:
        """The calls that made what ``nodes`` last put out.

        A node that runs again, because a setting of it changed, replaces what it had put out; one that does not run
        again keeps it, and the calls that made it count."""
        total = 0
        for node in nodes:
            # Copies that a node expands into carry its id before a dot.
            jobs = [job for job, caller in self._calls if caller == node or caller.startswith(f"{node}.")]
            total += jobs.count(jobs[-1]) if jobs else 0
        return total

    def _note(self) -> None:
        # A sampler that runs in a thread of its own has no context.
        self._calls.append(running() or (None, ""))


class Clock:
    """Wall seconds since it was made, within one job."""

    def __init__(self) -> None:
        self._job, self._started = _job(), time.perf_counter()

    @property
    def seconds(self) -> float:
        """0 in a later job: the time between two jobs does not count."""
        return time.perf_counter() - self._started if _job() == self._job else 0.0


def _job() -> str | None:
    ids = running()
    return ids and ids[0]
