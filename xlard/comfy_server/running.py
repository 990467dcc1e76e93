"""A ComfyUI that somebody else runs."""

from __future__ import annotations

import json
import urllib.parse

from .client import ServerClient
from .errors import ComfyServerError, JobError, JobTimeout
from .job_result import JobResult


class RunningServer(ServerClient):
    """The server at an address such as http://127.0.0.1:8188. Raises ComfyServerError for what is no address."""

    def __init__(self, url: str):
        super().__init__(url.rstrip("/"))
        if urllib.parse.urlparse(self.url).scheme not in ("http", "https"):
            raise ComfyServerError(f"{url!r} is no server's address. Write it as http://127.0.0.1:8188.")

    def complete(self, job: dict, timeout: float, name: str) -> JobResult:
        """Run a job that must succeed as a whole; ``name`` is what errors call it.

        Raises JobError if it is refused, fails, is cancelled, or takes more than ``timeout`` seconds.
        """
        try:
            result = self.run(job, timeout)
        except JobTimeout as error:
            raise JobTimeout(
                f"The job for {name} did not end within {timeout:.0f} s and was cancelled. Give --timeout more"
                " seconds if the server is slow or busy with other jobs, and run again."
            ) from error
        except JobError as error:
            raise JobError(
                f"The job for {name}: {error}\nOpen the workflow in ComfyUI and run it there once.", error.node_errors
            ) from error
        _check(result, name)
        return result


def _check(result: JobResult, name: str) -> None:
    if result.error is not None:
        raise JobError(
            f"The job for {name} failed in node {result.error['node_id']} ({result.error['node_type']}): "
            f"{result.error['exception_message'].strip()}\nFix it in ComfyUI, and run again."
        )
    if result.status != "success":
        raise JobError(f"The job for {name} was cancelled in ComfyUI. Run again.")
    if result.node_errors:
        raise JobError(
            f"ComfyUI left out a part of the job for {name}: {json.dumps(result.node_errors)}. Fix it in ComfyUI, and"
            " run again.",
            result.node_errors,
        )
