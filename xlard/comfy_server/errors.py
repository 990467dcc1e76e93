"""What can go wrong between this code and a ComfyUI server."""

from __future__ import annotations


class ComfyServerError(RuntimeError):
    """A server does not start, does not answer, or answers something unexpected; the message says what to do."""


class StartError(ComfyServerError):
    """ComfyUI did not start; the message ends with the last lines of its log."""


class StatusError(ComfyServerError):
    """The server answered with an HTTP status of 400 or more; `body` is what it sent along."""

    def __init__(self, url: str, code: int, reason: str, body: bytes):
        super().__init__(f"{url} is answered with {code} {reason}. Is that a ComfyUI? Correct its address.")
        self.code = code
        self.body = body


class WorkflowError(ComfyServerError):
    """A workflow cannot be read, converted or used; the message says why."""


class JobError(ComfyServerError):
    """A job was refused, failed, was cancelled or took too long; `node_errors` is why it was refused, by node id."""

    def __init__(self, message: str, node_errors: dict | None = None):
        super().__init__(message)
        self.node_errors = node_errors or {}

    @classmethod
    def from_refusal(cls, answer: dict, job: dict) -> JobError:
        """Put the body of a 400 answer to POST /prompt into words."""
        error = answer.get("error", {})
        node_errors = answer.get("node_errors") or {}
        lines = [f"ComfyUI refused the prompt: {error.get('message')} {error.get('details', '')}".strip()]
        for node_id, refused in node_errors.items():
            class_type = job.get(node_id, {}).get("class_type", "?")
            for problem in refused["errors"]:
                lines.append(f"  node {node_id} ({class_type}): {problem['message']}: {problem['details']}")
        return cls("\n".join(lines), node_errors)


class JobTimeout(JobError):
    """A job did not end in time and was cancelled."""
