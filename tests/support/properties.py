"""How many examples property tests take: few by default; the variable XLARD_EXAMPLES multiplies them."""

from __future__ import annotations

import os

from hypothesis import settings

FACTOR = int(os.environ.get("XLARD_EXAMPLES", "1"))


def examples(number: int) -> settings:
    """Settings with so many examples, and no deadline for each of them: machines of CI pause at times."""
    return settings(max_examples=number * FACTOR, deadline=None)
