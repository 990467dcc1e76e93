"""What every finished training of the things world says of itself."""

from __future__ import annotations

import time
from typing import Any

from ....training.trainer import Trainer, machine


def run_figures(model: str, command: str, trainer: Trainer) -> dict[str, Any]:
    """The model's name, the command, when and where it ran, its seed, steps and minutes."""
    return {
        "model": model,
        "command": command,
        "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "machine": machine(),
        "seed": trainer.seed,
        "steps": trainer.step,
        "minutes": round(trainer.seconds / 60, 1),
    }
