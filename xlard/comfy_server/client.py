"""Talking to a ComfyUI server over HTTP and its websocket: queue jobs, follow them, fetch what they made."""

from __future__ import annotations

import asyncio
import json
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from .errors import ComfyServerError, JobError, JobTimeout, StatusError
from .job_result import ENDINGS, JobResult, OnProgress, read_until_end

_FILE_KEYS = ("filename", "subfolder", "type")


class ServerClient:
    """The server at `url`, such as http://127.0.0.1:8188. All methods raise ComfyServerError if it does not answer."""

    def __init__(self, url: str):
        self.url = url

    def get_json(self, path: str, timeout: float = 60.0) -> Any:
        """GET `path` and parse the answer. Raises StatusError for a status of 400 and more."""
        body = self._request(path, timeout=timeout)
        try:
            return json.loads(body)
        except ValueError as error:
            raise ComfyServerError(
                f"{self.url}{path} answers something that is no JSON. Is that a ComfyUI? Correct its address."
            ) from error

    def post_json(self, path: str, content: dict, timeout: float = 60.0) -> Any:
        """POST `content` as JSON and parse the answer, None if it is empty. Raises StatusError."""
        body = self._request(path, json.dumps(content).encode(), timeout=timeout)
        return json.loads(body) if body else None

    def object_info(self) -> dict:
        """The declarations of all nodes, by class."""
        return self.get_json("/object_info")

    def submit(self, job: dict, client_id: str | None = None) -> dict:
        """Queue a job in the API format and return the server's answer: prompt_id, number, node_errors.

        Raises JobError with the node errors if nothing of it can run. A job of which only some outputs can run is
        accepted; the node errors of the rest are in the answer.
        """
        try:
            return self.post_json("/prompt", {"prompt": job, "client_id": client_id or uuid.uuid4().hex})
        except StatusError as refusal:
            if refusal.code != 400:
                raise
            raise JobError.from_refusal(json.loads(refusal.body), job) from None

    def run(self, job: dict, timeout: float = 600.0, on_progress: OnProgress | None = None) -> JobResult:
        """Queue a job in the API format, follow it to its end and return its result.

        `on_progress(node_id, value, maximum)` is called for each progress message, and with (node_id, 0, 0) when a
        node starts. A node that fails does not raise: the result's `status` is "error". Raises JobError if the
        server refuses the job, JobTimeout after `timeout` seconds (the job is cancelled then).
        """
        # In a new thread: the caller's may run an event loop already, as a browser driver's does.
        with ThreadPoolExecutor(1) as pool:
            return pool.submit(asyncio.run, self._follow(job, timeout, on_progress)).result()

    def interrupt(self) -> None:
        """Cancel the job that is running."""
        self.post_json("/interrupt", {})

    def cancel(self, prompt_id: str) -> None:
        """Cancel one job, whether it runs or waits, and no other."""
        self.post_json("/queue", {"delete": [prompt_id]})
        self.post_json("/interrupt", {"prompt_id": prompt_id})

    def free(self) -> None:
        """Have the server unload its models and free their memory."""
        self.post_json("/free", {"unload_models": True, "free_memory": True})

    def view(self, file: dict) -> bytes:
        """The bytes of an output file; `file` has filename, subfolder and type as a node's outputs state them."""
        return self._request("/view?" + urllib.parse.urlencode({key: file[key] for key in _FILE_KEYS}))

    def upload_image(self, path: Path) -> str:
        """Put a picture into the server's input folder and return the name that LoadImage takes."""
        boundary = uuid.uuid4().hex
        head = f'--{boundary}\r\nContent-Disposition: form-data; name="image"; filename="{path.name}"\r\n'
        body = head.encode() + b"Content-Type: application/octet-stream\r\n\r\n" + path.read_bytes()
        body += f"\r\n--{boundary}--\r\n".encode()
        return json.loads(self._request("/upload/image", body, f"multipart/form-data; boundary={boundary}"))["name"]

    def unreachable(self, cause: Exception) -> ComfyServerError:
        """The error to raise if the server does not answer."""
        return ComfyServerError(
            f"ComfyUI does not answer at {self.url} ({cause}). Start it, or correct its address, and run again."
        )

    def _request(
        self, path: str, content: bytes | None = None, content_type: str = "application/json", timeout: float = 60.0
    ) -> bytes:
        """The body of the answer to a GET, or to a POST of `content`."""
        headers = {} if content is None else {"Content-Type": content_type}
        request = urllib.request.Request(self.url + path, content, headers)
        try:
            with urllib.request.urlopen(request, timeout=timeout) as answer:
                return answer.read()
        except urllib.error.HTTPError as error:
            raise StatusError(self.url + path, error.code, error.reason, error.read()) from error
        except (urllib.error.URLError, ConnectionError, TimeoutError) as error:
            raise self.unreachable(error) from error

    async def _follow(self, job: dict, timeout: float, on_progress: OnProgress | None) -> JobResult:
        import aiohttp

        client_id = uuid.uuid4().hex
        socket_url = f"{self.url.replace('http', 'ws', 1)}/ws?clientId={client_id}"
        start = time.monotonic()
        executed: list[str] = []
        try:
            async with aiohttp.ClientSession() as session, session.ws_connect(socket_url, max_msg_size=0) as socket:
                answer = await asyncio.to_thread(self.submit, job, client_id)
                prompt_id = answer["prompt_id"]
                try:
                    ending = await asyncio.wait_for(read_until_end(socket, prompt_id, executed, on_progress), timeout)
                except asyncio.TimeoutError:
                    await asyncio.to_thread(self.cancel, prompt_id)
                    raise JobTimeout(f"The job did not end within {timeout:.0f} s and was cancelled.") from None
                if ending is None:
                    raise ConnectionError("it closed the connection during the job")
        except (aiohttp.ClientError, ConnectionError) as error:
            raise self.unreachable(error) from error
        event_type, data = ending
        history = await asyncio.to_thread(self._history, prompt_id)
        return JobResult(
            prompt_id=prompt_id,
            status=ENDINGS[event_type],
            outputs=history.get("outputs", {}),
            error=data if event_type == "execution_error" else None,
            history=history,
            seconds=time.monotonic() - start,
            executed=executed,
            node_errors=answer.get("node_errors") or {},
        )

    def _history(self, prompt_id: str) -> dict:
        # The end is announced a moment before the history is written.
        end = time.monotonic() + 10
        while time.monotonic() < end:
            histories = self.get_json(f"/history/{prompt_id}")
            if prompt_id in histories:
                return histories[prompt_id]
            time.sleep(0.05)
        raise ComfyServerError(f"ComfyUI has no history of the finished job {prompt_id}. Run it again.")
