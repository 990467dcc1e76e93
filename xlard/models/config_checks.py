"""Configs of heads and correctors from files: checked before anything is built of them.

A file's metadata is text from outside. Millions of layers would be built for minutes, and a trust region that is no
number would be found in use, or never.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

WHOLE = {
    "latent_channels": (1, 4096),
    "context_width": (1, 65536),
    "width": (4, 8192),
    "layers": (1, 64),
    "heads": (1, 256),
    "patch": (1, 32),
}
"""The whole numbers of a config and what they may be: many times what trains on one GPU."""

NUMBERS = {
    "trust_region": (0.0, 100.0),
    "single_step_level": (0.0, 1.0),
    "reward_threshold": (0.0, 1000.0),
    "noise_share": (0.0, 100.0),
}
TEXTS = {"base_model": 1000, "family": 200}
MOST_ASPECTS = 64


def check_config(config: Any) -> None:
    """Raises ValueError for a config with a value that no head or corrector has; the message names it.

    What is missing, or unknown, is for the one who builds the module to say.
    """
    if not isinstance(config, Mapping):
        raise ValueError("its config is no JSON object")
    for name, (low, high) in WHOLE.items():
        value = config.get(name, low)
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise ValueError(f"{name} is a whole number from {low} to {high}, not {_shown(value)}")
    for name, (least, most) in NUMBERS.items():
        if not _is_number(value := config.get(name, least), least, most):
            raise ValueError(f"{name} is a number from {least:g} to {most:g}, not {_shown(value)}")
    for name, longest in TEXTS.items():
        value = config.get(name, "")
        if not isinstance(value, str) or len(value) > longest:
            raise ValueError(f"{name} is a text of at most {longest} characters, not {_shown(value)}")
    levels = config.get("noise_level_range", [0.0, 1.0])
    if not (isinstance(levels, list) and len(levels) == 2 and all(_is_number(level, 0.0, 1.0) for level in levels)):
        raise ValueError(f"noise_level_range is two numbers from 0 to 1, not {_shown(levels)}")
    if levels[0] > levels[1]:
        raise ValueError(f"noise_level_range begins with the lower number, not {_shown(levels)}")
    aspects = config.get("aspects", ["count"])
    if not (isinstance(aspects, list) and 0 < len(aspects) <= MOST_ASPECTS and all(map(_is_name, aspects))):
        raise ValueError(f"aspects is a list of up to {MOST_ASPECTS} names, not {_shown(aspects)}")
    if not isinstance(config.get("moves_noise", False), bool):
        raise ValueError(f"moves_noise is true or false, not {_shown(config['moves_noise'])}")
    width, heads = config.get("width", 128), config.get("heads", 1)
    if width % heads or width % 4:
        raise ValueError(f"width, {width}, is not a multiple of 4 and of heads, {heads}")


def _is_number(value: object, least: float, most: float) -> bool:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return False
    return math.isfinite(value) and least <= value <= most if isinstance(value, float) else least <= value <= most


def _is_name(value: object) -> bool:
    return isinstance(value, str) and 0 < len(value) <= 100


def _shown(value: object) -> str:
    return ascii(value)[:80] if not isinstance(value, int) or value.bit_length() < 64 else "a number of many digits"
