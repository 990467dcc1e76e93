"""The command of a training in words: it is saved with the weights."""

from __future__ import annotations

from typing import Any

from ...training.engine import processes

_NO_PART_OF_IT = ("max_seconds", "export")
"""Options that say when a run ends or is saved, and change nothing in what it learns."""


def training_command(world: str, model: str, options: dict[str, Any]) -> str:
    """The command that trains a world's model with these options, those left at their defaults included."""
    launcher = f"torchrun --nproc-per-node {processes()}" if processes() > 1 else "python"
    return f"{launcher} -m xlard.worlds.{world} train {model}" + "".join(
        f" --{key.replace('_', '-')}" + ("" if value is True else f" {value}")
        for key, value in options.items()
        if value is not None and value is not False and key not in _NO_PART_OF_IT
    )
