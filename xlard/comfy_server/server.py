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
import urllib.error
import urllib.parse
import urllib.request
import uuid
from collections.abc import Callable, Sequence
from pathlib import Path

from .job import JobError, JobResult, follow_job

# Keeps the front end from opening tours and notices over the graph.
QUIET_SETTINGS = {
    "Comfy.TutorialCompleted": True,
    "Comfy.Notification.ShowVersionUpdates": False,
    "Comfy.InstalledVersion": "1.32.9",
}
LOG_TAIL = 40


class ServerError(Exception):
    """ComfyUI did not start or does not answer; the message ends with the last lines of its log."""


class ComfyServer:
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
        settings: dict | None = None,
        variables: dict[str, str] | None = None,
        start_timeout: float = 300.0,
    ):
        self.comfyui = Path(comfyui)
        self.pack = pack
        self.python = str(python)
        self.arguments = list(arguments)
        self.settings = {**QUIET_SETTINGS, **(settings or {})}
        self.variables = variables or {}
        self.start_timeout = start_timeout
        self.base: Path | None = None
        self.port = 0
        self._process: subprocess.Popen | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        """The number of the server's process."""
        return self._process.pid

    def __enter__(self) -> ComfyServer:
        self.start()
        return self

    def __exit__(self, *exception) -> None:
        self.stop()

    def start(self) -> None:
        """Start the server and wait until it answers. Raises ServerError with the end of its log."""
        self.base = Path(tempfile.mkdtemp(prefix="xlard-comfyui-"))
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

    def command(self) -> list[str]:
        """The command line that starts the server."""
        database = (self.base / "user" / "comfyui.db").as_posix()
        return [
            self.python,
            str(self.comfyui / "main.py"),
            *("--listen", "127.0.0.1", "--port", str(self.port)),
            *("--base-directory", str(self.base)),
            *("--database-url", f"sqlite:///{database}"),
            *("--disable-auto-launch", "--disable-api-nodes"),
            *device_arguments(),
            *self.arguments,
        ]

    def _launch(self) -> None:
        self.port = free_port()
        environment = {**os.environ, "HF_HUB_OFFLINE": "1", "DO_NOT_TRACK": "1", "PYTHONUNBUFFERED": "1"}
        environment.update(self.variables)
        with open(self.base / "comfyui.log", "wb") as log:
            # Not in the checkout: an import that only works from there would go unnoticed.
            self._process = subprocess.Popen(
                self.command(),
                cwd=self.base,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def _wait_until_ready(self) -> None:
        end = time.monotonic() + self.start_timeout
        while time.monotonic() < end:
            code = self._process.poll()
            if code is not None:
                raise ServerError(f"ComfyUI ended with code {code} while it started.\n{self.log_tail()}")
            try:
                self.get_json("/system_stats")
                return
            except (urllib.error.URLError, ConnectionError, TimeoutError):
                time.sleep(0.2)
        raise ServerError(f"ComfyUI did not answer within {self.start_timeout:.0f} s.\n{self.log_tail()}")

    def stop(self) -> None:
        """End the server with everything that it started, and delete the base directory."""
        if self._process is not None:
            end_process_tree(self._process)
            self._process = None
        if self.base is not None and self.base.exists():
            # The link goes first, so that nothing below can reach into the pack through it.
            unlink_folder(self.base / "custom_nodes" / "xlard")
            shutil.rmtree(self.base)

    def log(self) -> str:
        """Everything that the server has printed."""
        path = self.base / "comfyui.log"
        return path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""

    def log_tail(self, lines: int = LOG_TAIL) -> str:
        """The last `lines` lines of the log."""
        return "\n".join(self.log().splitlines()[-lines:])

    def get_json(self, path: str, timeout: float = 60.0):
        """GET `path` and parse the answer. Raises urllib.error.HTTPError for a status of 400 and more."""
        with urllib.request.urlopen(self.url + path, timeout=timeout) as answer:
            return json.load(answer)

    def post_json(self, path: str, body: dict, timeout: float = 60.0):
        """POST `body` as JSON and parse the answer, None if it is empty. Raises urllib.error.HTTPError."""
        data = json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=timeout) as answer:
            text = answer.read()
        return json.loads(text) if text else None

    def object_info(self) -> dict:
        """The declarations of all nodes, by class."""
        return self.get_json("/object_info")

    def submit(self, prompt: dict, client_id: str | None = None) -> dict:
        """Queue an API-format `prompt` and return the server's answer: prompt_id, number, node_errors.

        Raises JobError with the node errors if nothing of it can run; a prompt of which only some outputs can run
        is accepted, with the others' node_errors in the answer.
        """
        body = {"prompt": prompt, "client_id": client_id or uuid.uuid4().hex}
        try:
            return self.post_json("/prompt", body)
        except urllib.error.HTTPError as refusal:
            if refusal.code != 400:
                raise
            raise JobError.from_refusal(json.loads(refusal.read()), prompt) from None

    def run(self, prompt: dict, timeout: float = 600.0, on_progress: Callable | None = None) -> JobResult:
        """Queue an API-format `prompt`, follow it to its end and return its result.

        `on_progress(node_id, value, maximum)` is called for each progress message, and with (node_id, 0, 0) when a
        node starts. A node that fails does not raise: the result's `status` is "error". Raises JobError if the
        server refuses the prompt, TimeoutError after `timeout` seconds (the job is interrupted then).
        """
        return follow_job(self, prompt, timeout, on_progress)

    def interrupt(self) -> None:
        """Cancel the job that is running."""
        self.post_json("/interrupt", {})

    def upload_image(self, path: Path) -> str:
        """Put a picture into the server's input folder and return the name that LoadImage takes."""
        boundary = uuid.uuid4().hex
        head = f'--{boundary}\r\nContent-Disposition: form-data; name="image"; filename="{path.name}"\r\n'
        body = head.encode() + b"Content-Type: application/octet-stream\r\n\r\n" + path.read_bytes()
        body += f"\r\n--{boundary}--\r\n".encode()
        kind = {"Content-Type": f"multipart/form-data; boundary={boundary}"}
        request = urllib.request.Request(self.url + "/upload/image", body, kind)
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)["name"]

    def view(self, entry: dict) -> bytes:
        """The bytes of an output file; `entry` has filename, subfolder and type as a node's outputs state them."""
        query = urllib.parse.urlencode({key: entry[key] for key in ("filename", "subfolder", "type")})
        with urllib.request.urlopen(f"{self.url}/view?{query}", timeout=60) as answer:
            return answer.read()


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
    everyone = [*tree, process]
    for each in everyone:
        _signal(each.terminate)
    try:
        process.wait(grace)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    _, alive = psutil.wait_procs(tree, timeout=grace)
    for each in alive:
        _signal(each.kill)


def _signal(send: Callable[[], None]) -> None:
    import psutil

    try:
        send()
    except psutil.NoSuchProcess:
        # It ended by itself in between, which is what was wanted.
        return
