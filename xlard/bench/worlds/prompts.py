"""The prompts of a run: those of a file, or of a world's split."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ...prompts.unclaimed import prompts_with_claims, skipped_note


def read_prompts(path: Path) -> list[str]:
    """The prompts of a file, one a line."""
    lines = [line.strip() for line in path.read_text(encoding="utf-8").splitlines()]
    return [line for line in lines if line]


def readable_prompts(prompts: Sequence[str]) -> list[str]:
    """The prompts that make claims; the others are named and skipped. Raises ValueError if none makes any."""
    kept, without = prompts_with_claims(prompts)
    if without:
        print(f"{skipped_note(without)}\nPictures are numbered without them.", flush=True)
    return kept
