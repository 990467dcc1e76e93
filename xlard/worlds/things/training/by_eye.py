"""How far the checker agrees with somebody who looked at generated pictures."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch

from ....prompts import claims_from_prompt
from ...sampling import generate
from ..checker import judge, read, sights
from ..world import ThingsWorld

JUDGED = Path(__file__).with_name("judged_by_eye.json")
"""Prompts and seeds of generated validation pictures, in the order of their judging, and whether each is right: every
object there as often as asked, in its colour and place; "at night" was not asked for. The reader did not know the
checker's verdicts.
"""

_TOGETHER = 50


def agreement(world: ThingsWorld, certain: float) -> dict[str, Any]:
    """Draw the pictures again and compare the checker, to which something is an object from ``certain`` on."""
    rows = json.loads(JUDGED.read_text())
    verdicts: list[bool] = []
    with torch.no_grad():
        for start in range(0, len(rows), _TOGETHER):
            part = rows[start : start + _TOGETHER]
            images = world.decoder.decode(
                generate(world.sampler([row["prompt"] for row in part]), [row["seed"] for row in part])
            )
            seen = sights(read(world.checker.detector, world.checker.pictures(images)), certain)
            verdicts += [judge(sight, claims_from_prompt(row["prompt"])).passed for sight, row in zip(seen, part)]
    pairs = [(bool(row["right"]), passed) for row, passed in zip(rows, verdicts)]
    return {
        "pictures": len(pairs),
        "right by eye": sum(right for right, _ in pairs),
        "right by the checker": sum(passed for _, passed in pairs),
        "agree": sum(right == passed for right, passed in pairs),
        "passed wrongly": sum(passed and not right for right, passed in pairs),
        "failed wrongly": sum(right and not passed for right, passed in pairs),
    }
