"""A real ComfyUI server in a temporary base directory, for the quickstart's demo and for the tests."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from .client import ServerClient
from .errors import ComfyServerError, StartError

# Keeps the front end from opening tours and notices over the graph.
QUIET_SETTINGS = {
    "Comfy.TutorialCompleted": True,
    "Comfy.Notification.ShowVersionUpdates": False,
    "Comfy.InstalledVersion": "1.32.9",
}
LOG_TAIL = 40


class ComfyServer(ServerClient):
    """Runs ComfyUI headless on a free port of this machine; use it as a context manager.

    `pack` is linked into the temporary `custom_nodes/` as `xlard`; None runs ComfyUI alone. `python` is the
    interpreter that has ComfyUI's requirements. Everything that the server writes lies in `base`, which is deleted
    at the end. `settings` are front-end settings of the default user; `variables` are added to the environment.
    """

    def __init__(
        self,
        comfyui: Path,
        pack: Path | None = None,
        python: Path | str = sys.executable,
        arguments: Sequence[str] = (),
        settings: Mapping[str, object] | None = None,
        variables: Mapping[str, str] | None = None,
        start_timeout: float = 300.0,
    ):
        # Its port is chosen when it starts.
        super().__init__("")
        self.comfyui = Path(comfyui)
        self.pack = pack
        self.python = str(python)
        self.arguments = list(arguments)
        self.settings = {**QUIET_SETTINGS, **(settings or {})}
        self.variables = dict(variables or {})
        self.start_timeout = start_timeout
        self._base: Path | None = None
        self._process: subprocess.Popen | None = None

    @property
    def base(self) -> Path:
        """The temporary base directory; it exists from `start` to `stop`. Raises RuntimeError before `start`."""
        if self._base is None:
            raise RuntimeError("The server has no base directory yet: start it first.")
        return self._base

    @property
    def process(self) -> subprocess.Popen:
        """The server's process. Raises RuntimeError if it does not run."""
        if self._process is None:
            raise RuntimeError("The server does not run: start it first.")
        return self._process

    @property
    def pid(self) -> int:
        """The id of the server's process."""
        return self.process.pid

    def __enter__(self) -> ComfyServer:
        self.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self.stop()

    def start(self) -> None:
        """Start the server and wait until it answers. Raises StartError with the end of its log."""
        self._base = Path(tempfile.mkdtemp(prefix="xlard-comfyui-"))
        try:
            self._fill_base()
            self._launch()
            self._wait_until_ready()
        except BaseException:
            self.stop()
            raise

    def _fill_base(self) -> None:
        for name in ("custom_nodes", "models", "input", "output", "temp"):
            (self.base / name).mkdir()
        user = self.base / "user" / "default"
        user.mkdir(parents=True)
        (user / "comfy.settings.json").write_text(json.dumps(self.settings), encoding="utf-8")
        if self.pack is not None:
            link_folder(self.pack.resolve(), self.base / "custom_nodes" / "xlard")

    def command(self, port: int) -> list[str]:
        """The command line that starts the server."""
        database = (self.base / "user" / "comfyui.db").as_posix()
        return [
            self.python,
            str(self.comfyui / "main.py"),
            *("--listen", "127.0.0.1", "--port", str(port)),
            *("--base-directory", str(self.base)),
            *("--database-url", f"sqlite:///{database}"),
            *("--disable-auto-launch", "--disable-api-nodes"),
            *device_arguments(),
            *self.arguments,
        ]

    def _launch(self) -> None:
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        environment = {**os.environ, "HF_HUB_OFFLINE": "1", "DO_NOT_TRACK": "1", "PYTHONUNBUFFERED": "1"}
        environment.update(self.variables)
        with open(self.base / "comfyui.log", "wb") as log:
            # Not in the checkout: nobody would notice an import that works only from there.
            self._process = subprocess.Popen(
                self.command(port),
                cwd=self.base,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def _wait_until_ready(self) -> None:
        end = time.monotonic() + self.start_timeout
        while time.monotonic() < end:
            code = self.process.poll()
            if code is not None:
                raise StartError(f"ComfyUI ended with code {code} while it started.\n{self.log_tail()}")
            try:
                self.get_json("/system_stats")
                return
            except ComfyServerError:
                time.sleep(0.2)
        raise StartError(f"ComfyUI did not answer within {self.start_timeout:.0f} s.\n{self.log_tail()}")

    def stop(self) -> None:
        """End the server with everything that it started, and delete the base directory."""
        if self._process is not None:
            end_process_tree(self._process)
            self._process = None
        if self._base is not None and self._base.exists():
            # The link goes first: nothing below may reach into the pack through it.
            unlink_folder(self._base / "custom_nodes" / "xlard")
            shutil.rmtree(self._base)

    def log(self) -> str:
        """Everything that the server has printed."""
        path = self.base / "comfyui.log"
        return path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""

    def log_tail(self, lines: int = LOG_TAIL) -> str:
        """The last `lines` lines of the log."""
        return "\n".join(self.log().splitlines()[-lines:])

    def unreachable(self, cause: Exception) -> ComfyServerError:
        """The error to raise if the server does not answer."""
        return ComfyServerError(f"ComfyUI does not answer ({cause}). Its last lines:\n{self.log_tail()}")


def device_arguments() -> list[str]:
    """ComfyUI's flags for this machine: none where torch sees a GPU."""
    import torch

    if torch.cuda.is_available() or torch.backends.mps.is_available():
        return []
    # ComfyUI's default attention is 1.5 times slower on a CPU.
    return ["--cpu", "--use-pytorch-cross-attention"]


def free_port() -> int:
    """A port of the loopback address that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def link_folder(target: Path, link: Path) -> None:
    """Make `link` show the folder `target`: a symbolic link, on Windows a junction, which needs no privilege."""
    if os.name == "nt":
        subprocess.run(["cmd", "/c", "mklink", "/J", str(link), str(target)], check=True, capture_output=True)
    else:
        link.symlink_to(target, target_is_directory=True)


def unlink_folder(link: Path) -> None:
    """Remove what `link_folder` made, leaving the target alone."""
    if not os.path.lexists(link):
        return
    # A junction is removed like an empty folder.
    link.rmdir() if os.name == "nt" else link.unlink()


def end_process_tree(process: subprocess.Popen, grace: float = 10.0) -> None:
    """End `process` and its descendants, by force after `grace` seconds."""
    import psutil

    try:
        tree = psutil.Process(process.pid).children(recursive=True)
    except psutil.NoSuchProcess:
        tree = []
    for member in [*tree, process]:
        _signal(member.terminate)
    try:
        process.wait(grace)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    _, alive = psutil.wait_procs(tree, timeout=grace)
    for survivor in alive:
        _signal(survivor.kill)


def _signal(send: Callable[[], None]) -> None:
    import psutil

    try:
        send()
    except psutil.NoSuchProcess:
        # It has ended by itself in the meantime.
        return
