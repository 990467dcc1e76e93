"""A ComfyUI that somebody else runs, seen over HTTP."""

from __future__ import annotations

import json
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager

from .errors import BenchError
from .job import JobError, JobResult, follow_job


class RunningServer:
    """The server at an address such as http://127.0.0.1:8188. Raises BenchError wherever it does not answer."""

    def __init__(self, url: str):
        self.url, self._queued = url.rstrip("/"), ""
        if urllib.parse.urlparse(self.url).scheme not in ("http", "https"):
            raise BenchError(f"{url!r} is no server's address. Write it as http://127.0.0.1:8188.")

    def get_json(self, path: str, timeout: float = 60.0):
        """GET ``path`` and parse the answer."""
        text = self._read(path, timeout)
        try:
            return json.loads(text)
        except ValueError as error:
            raise BenchError(
                f"{self.url}{path} answers with what is no JSON. Is that a ComfyUI? Correct --server."
            ) from error

    def post_json(self, path: str, body: dict, timeout: float = 60.0):
        """POST ``body`` and parse the answer, None if it is empty. Raises urllib.error.HTTPError for a refusal."""
        data = json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, {"Content-Type": "application/json"})
        with self._reachable(), urllib.request.urlopen(request, timeout=timeout) as answer:
            text = answer.read()
        return json.loads(text) if text else None

    def submit(self, job: dict, client_id: str) -> dict:
        """Queue a job in the API format. Raises JobError if the server refuses it."""
        try:
            answer = self.post_json("/prompt", {"prompt": job, "client_id": client_id})
        except urllib.error.HTTPError as refusal:
            if refusal.code != 400:
                raise
            raise JobError.from_refusal(json.loads(refusal.read()), job) from None
        self._queued = answer["prompt_id"]
        return answer

    def run(self, job: dict, timeout: float, name: str) -> JobResult:
        """Queue a job and follow it to its end; ``name`` is what errors call it.

        Raises BenchError if it is refused, fails, is cancelled, or takes more than ``timeout`` seconds.
        """
        with self._reachable():
            try:
                result = follow_job(self, job, timeout, None)
            except JobError as error:
                raise BenchError(
                    f"The job for {name}: {error}\nOpen the workflow in ComfyUI and run it there once."
                ) from error
            except TimeoutError as error:
                raise BenchError(
                    f"The job for {name} did not end within {timeout:.0f} s and was cancelled. Give --timeout more"
                    " seconds if the server is slow or busy with other jobs, and run again."
                ) from error
        _check(result, name)
        return result

    def interrupt(self) -> None:
        """Cancel the job that was queued last, whether it runs or waits, and no other."""
        self.post_json("/queue", {"delete": [self._queued]})
        self.post_json("/interrupt", {"prompt_id": self._queued})

    def free(self) -> None:
        """Have the server give its models' memory back."""
        self.post_json("/free", {"unload_models": True, "free_memory": True})

    def view(self, entry: dict) -> bytes:
        """The bytes of an output file; ``entry`` has filename, subfolder and type."""
        return self._read(
            "/view?" + urllib.parse.urlencode({key: entry[key] for key in ("filename", "subfolder", "type")}), 60.0
        )

    def log_tail(self) -> str:
        """Nothing: the log is where the server was started."""
        return ""

    def _read(self, path: str, timeout: float) -> bytes:
        try:
            with self._reachable(), urllib.request.urlopen(self.url + path, timeout=timeout) as answer:
                return answer.read()
        except urllib.error.HTTPError as error:
            raise BenchError(
                f"{self.url}{path} is answered with {error.code} {error.reason}. Is that a ComfyUI? Correct --server."
            ) from error

    @contextmanager
    def _reachable(self) -> Iterator[None]:
        import aiohttp

        try:
            yield
        except urllib.error.HTTPError:
            raise
        except (urllib.error.URLError, aiohttp.ClientError, ConnectionError) as error:
            raise BenchError(
                f"ComfyUI does not answer at {self.url} ({error}). Start it, or correct --server, and run again."
            ) from error


def _check(result: JobResult, name: str) -> None:
    if result.error is not None:
        raise BenchError(
            f"The job for {name} failed in node {result.error['node_id']} ({result.error['node_type']}): "
            f"{result.error['exception_message'].strip()}\nMend it in ComfyUI, and run again."
        )
    if result.status != "success":
        raise BenchError(f"The job for {name} was cancelled in ComfyUI. Run again.")
    if result.node_errors:
        raise BenchError(
            f"ComfyUI left out a part of the job for {name}: {json.dumps(result.node_errors)}. Mend it in ComfyUI, and"
            " run again."
        )
