"""Code that is run in a process of its own and broken off there: killed, or with files of limited length."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable

KILLED = "killed"


def in_child(run: Callable[[], object], before: Callable[[], object] = lambda: None) -> str:
    """Run something in a copy of this process; what it raised, ``KILLED``, or nothing. POSIX only."""
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        said = ""
        try:
            before()
            run()
        except BaseException as error:
            said = f"{type(error).__name__}: {error}"
        os.write(writer, said.encode(errors="replace")[:4000])
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        said = pipe.read().decode()
    _, status = os.waitpid(child, 0)
    return KILLED if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL else said


def kill_at(name: str, number: int) -> Callable[[], None]:
    """What kills a process before its call ``number``, from 1, of a function of ``os``."""

    def prepare() -> None:
        called, plain = 0, getattr(os, name)

        def counted(*arguments):
            nonlocal called
            called += 1
            if called == number:
                os.kill(os.getpid(), signal.SIGKILL)
            return plain(*arguments)

        setattr(os, name, counted)

    return prepare
