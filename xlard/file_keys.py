"""Keys in files that differ from the names in the code.

Heads, correctors, data sets and histories outlive a renaming in the code, so their files keep the names that they were
first written with.
"""

from __future__ import annotations

from typing import Any

FILE_KEYS = {
    "noise_level": "sigma",
    "noise_level_range": "sigma_range",
    "noise_level_start": "sigma_start",
    "noise_level_end": "sigma_end",
    "single_step_level": "acts_at",
    "repair": "mended",
    "objective": "way",
}
"""The key in files, by the name in the code."""

_CODE_KEYS = {in_file: in_code for in_code, in_file in FILE_KEYS.items()}


def to_file(values: Any) -> Any:
    """JSON-ready values, dictionaries and lists of any depth, with the names that files have for their keys."""
    return _renamed(values, FILE_KEYS)


def from_file(values: Any) -> Any:
    """Values that were read from a file, with the names that the code has for their keys."""
    return _renamed(values, _CODE_KEYS)


def _renamed(values: Any, names: dict[str, str]) -> Any:
    if isinstance(values, dict):
        return {names.get(key, key): _renamed(value, names) for key, value in values.items()}
    if isinstance(values, (list, tuple)):
        return [_renamed(value, names) for value in values]
    return values
