"""What can go wrong in a bench."""

from __future__ import annotations


class BenchError(RuntimeError):
    """A bench cannot continue; the message names the thing, the cause and the fix."""
