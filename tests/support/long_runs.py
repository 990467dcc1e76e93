"""What a server uses before and after many jobs."""

from __future__ import annotations

from collections.abc import Iterable

import psutil

from tests.support.broken_loops import broken_loop
from tests.support.faulty_server import FaultyServer

SHARE = 0.02
"""By how much memory may grow, relative to what it was when all had run once."""


def used(server: FaultyServer) -> dict[str, float]:
    """What the server uses: memory in bytes, open files, threads, files in the temporary folder, and how many models of
    how many bytes ComfyUI holds as loaded, which on a GPU is what they take of its memory.

    Memory is counted without garbage, and without what the C library had only kept for later.
    """
    left = server.left(trim=True)
    return {
        "memory": psutil.Process(server.pid).memory_info().rss,
        "files": left["files"],
        "threads": left["threads"],
        "temporary": left["temporary"],
        "models": left["loaded"],
        "weights": left["weights"],
    }


def check_flat(before: dict[str, float], after: dict[str, float]) -> None:
    """Check that what is used is what it was."""
    print({name: (before[name], after[name]) for name in before})
    # Sockets of the page and of the last request come and go.
    assert after["files"] <= before["files"] + 2
    assert after["threads"] <= before["threads"]
    assert after["temporary"] <= before["temporary"]
    assert after["models"] <= before["models"]
    assert after["weights"] <= before["weights"] * (1 + SHARE)
    assert after["memory"] <= before["memory"] * (1 + SHARE)


def queue_loops(server: FaultyServer, seeds: Iterable[int]) -> None:
    """Queue a short loop for each seed, and wait until all have run."""
    for seed in seeds:
        server.submit(broken_loop(1, steps=2, seed=seed))
    server.wait_until_idle(3600)
