"""Waiting for a coroutine from a thread that may have an event loop and that must be able to cancel."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import suppress
from typing import Any, TypeVar

T = TypeVar("T")

POLL = 0.1
"""Seconds between two calls of ``each_poll``."""

_FAREWELL = 1.0


def run_apart(work: Callable[[], Coroutine[Any, Any, T]], each_poll: Callable[[], None]) -> T:
    """The result of a coroutine that runs in a new thread with a new event loop.

    ``each_poll`` is called from the calling thread. An error that it raises cancels the work, and is raised when the
    work has closed its connections, or after a second.
    """
    started: Future[tuple[asyncio.AbstractEventLoop, asyncio.Task[Any]]] = Future()
    result: Future[T] = Future()

    async def main() -> None:
        task = asyncio.current_task()
        assert task is not None
        started.set_result((asyncio.get_running_loop(), task))
        try:
            result.set_result(await work())
        except BaseException as error:
            result.set_exception(error)

    def run() -> None:
        try:
            asyncio.run(main())
        except BaseException as error:
            if not result.done():
                result.set_exception(error)

    each_poll()
    # A daemon thread that hands over its result before it closes the loop: a name server that does not answer cannot be
    # cancelled, and must delay neither the caller nor the end of the program.
    threading.Thread(target=run, name="xlard-critic-server", daemon=True).start()
    futures: list[Future[Any]] = [started, result]
    wait(futures, return_when=FIRST_COMPLETED)
    try:
        while not wait([result], POLL).done:
            each_poll()
    except BaseException:
        loop, task = started.result()
        # The loop may have ended in the meantime.
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(task.cancel)
        wait([result], _FAREWELL)
        raise
    return result.result()
