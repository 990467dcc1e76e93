"""What can go wrong in a run."""

from __future__ import annotations


class GenEvalError(RuntimeError):
    """The benchmark cannot go on. The message names the thing, the cause and the mend."""
