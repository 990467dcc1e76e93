"""Text from outside as text that can be sent on: half a surrogate pair is no character, and cannot be encoded."""

from __future__ import annotations

from typing import Any


def whole_characters(text: str) -> str:
    """A text whose halves of surrogate pairs are joined, or, where one stands alone, replaced by U+FFFD."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def in_whole_characters(value: Any) -> Any:
    """A JSON value with all its texts, keys included, in whole characters. Raises RecursionError for a deep one."""
    if isinstance(value, str):
        return whole_characters(value)
    if isinstance(value, list):
        return [in_whole_characters(item) for item in value]
    if isinstance(value, dict):
        return {in_whole_characters(key): in_whole_characters(item) for key, item in value.items()}
    return value
