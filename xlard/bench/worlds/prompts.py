"""The prompts of a run: those of a file, or of a world's split."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ...prompts import claims_from_prompt


def read_prompts(path: Path) -> list[str]:
    """The prompts of a file, one a line. Raises ValueError for a prompt without a readable claim."""
    lines = [line.strip() for line in path.read_text(encoding="utf-8").splitlines()]
    return readable_prompts([line for line in lines if line])


def readable_prompts(prompts: Sequence[str]) -> list[str]:
    """The prompts themselves. Raises ValueError for one without a readable claim, and for none."""
    unreadable = [prompt for prompt in prompts if not claims_from_prompt(prompt)]
    if unreadable or not prompts:
        raise ValueError(
            f"No claim can be read out of: {unreadable[:3] or 'an empty list of prompts'}. "
            "Write what the picture must show, one prompt a line."
        )
    return list(prompts)
