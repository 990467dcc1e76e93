"""Waiting for asynchronous work from a thread that has an event loop of its own and wants to be able to cancel."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import suppress
from typing import Any, TypeVar

T = TypeVar("T")

POLL = 0.1
"""Seconds between two looks at whether to stop."""

_FAREWELL = 1.0


def run_apart(work: Callable[[], Coroutine[Any, Any, T]], each_poll: Callable[[], None]) -> T:
    """The result of a coroutine, run in a thread and an event loop of its own.

    ``each_poll`` is called from the calling thread; what it raises cancels the work, and is raised once the work has
    closed what it had open, or after a second.
    """
    started: Future[tuple[asyncio.AbstractEventLoop, asyncio.Task]] = Future()
    result: Future[T] = Future()

    async def main() -> None:
        started.set_result((asyncio.get_running_loop(), asyncio.current_task()))
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
    # A daemon, and the result is handed over before the loop is closed: a name server that does not answer cannot be
    # cancelled, and must hold up neither the caller nor the end of the program.
    threading.Thread(target=run, name="xlard-critic-server", daemon=True).start()
    wait([started, result], return_when=FIRST_COMPLETED)
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
