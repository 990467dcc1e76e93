"""A ComfyUI whose functions fail when they are told to, that can be killed and started again."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from tests.support.servers import ServerWithNodes
from xlard.comfy_server.errors import ComfyServerError

MODEL = "comfy.model_base:BaseModel.apply_model"
"""Called once in each step of sampling."""

DECODER = "comfy.sd:VAE.decode"
CRITIC = "transformers.generation.utils:GenerationMixin.generate"
FSYNC = "os:fsync"
"""Called once for each file that the pack writes, before it gets its name."""

SETTLED = ("hooks", "wrappers", "gradients", "inference")
"""What a job must leave as it was, whatever happens to it; see tests/support/comfy/faults.py."""


class FaultyServer(ServerWithNodes):
    """ComfyUI with the pack, and with faults on demand; a context manager."""

    def __init__(self, *files: str, arguments: tuple[str, ...] = ()):
        super().__init__("faults.py", *files)
        self.arguments, self.start_timeout = list(arguments), 900.0

    @contextmanager
    def fault(self, target: str, kind: str, call: int = 1, times: int = 1) -> Iterator[None]:
        """The calls of a function from number ``call`` on fail, so many times, as long as this lasts."""
        self.post_json("/faults", {"target": target, "kind": kind, "call": call, "times": times})
        try:
            yield
        finally:
            if self.process.poll() is None:
                self.post_json("/faults", {})

    def left(self, trim: bool = False) -> dict[str, Any]:
        """What is left of jobs; with ``trim`` after garbage and free memory have been given back."""
        return self.get_json(f"/faults?trim={'1' if trim else ''}")

    def forget(self) -> None:
        """Have the server unload its models and empty its cache, and wait until it has."""
        self.free()
        while self.left()["loaded"]:
            time.sleep(0.02)

    def settled(self) -> dict[str, Any]:
        """The part of it that must stay the same."""
        left = self.left()
        return {name: left[name] for name in SETTLED}

    def kill_in(self, graph: dict, target: str, call: int) -> None:
        """Run a graph and kill the server at a call of a function; then start it again."""

        def run() -> None:
            # The server that is killed does not answer.
            with suppress(ComfyServerError):
                self.run(graph)

        with self.fault(target, "kill", call):
            job = threading.Thread(target=run)
            job.start()
            self.wait_for_end()
            job.join(60)
            assert not job.is_alive()
        self.restart()

    def wait_for_end(self, seconds: float = 300.0) -> None:
        """Wait until the process has ended by itself."""
        self.process.wait(seconds)

    def restart(self) -> None:
        """Start a process that has ended again, in the same folders."""
        self.wait_for_end()
        self._launch()
        self._wait_until_ready()

    def wait_until_idle(self, seconds: float = 300.0) -> None:
        """Wait until no job runs or waits."""
        end = time.monotonic() + seconds
        while any(self.get_json("/queue").values()):
            assert time.monotonic() < end, "a job does not end"
            time.sleep(0.05)
