"""Runs that a failure ended early: to ComfyUI they have succeeded, and without this its cache would repeat them."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from typing import Any

from .compat.jobs import JobGraph

_FAILURES: Counter[int] = Counter()


def note_failure(node: Any) -> None:
    """Count a failure of a running node, and of those that expanded into it; the next job has them run again."""
    job = JobGraph(node)
    failed: str | None = job.own_id
    while failed is not None:
        _FAILURES[_run(job.kind(failed), job.settings(failed))] += 1
        failed = job.parent(failed)


def failures(kind: str, given: Mapping[str, Any]) -> int:
    """How often nodes of this class type failed with these values, of which None are links: 0 as long as none did.

    As what ``fingerprint_inputs`` returns, it has a node run again after each failure, and only then. Two nodes of
    equal settings count as one, since ComfyUI does not say which of them it asks for.
    """
    return _FAILURES[_run(kind, given)]


def _run(kind: str, values: Mapping[str, Any]) -> int:
    known = {name: value for name, value in values.items() if value is not None}
    return hash((kind, json.dumps(known, sort_keys=True, default=repr)))
