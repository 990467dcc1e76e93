"""Text from outside as text that can be sent on: half a surrogate pair is no character, and cannot be encoded."""

from __future__ import annotations

from typing import Any


def whole_characters(text: str, errors: str = "replace") -> str:
    """A text whose halves of surrogate pairs are joined, or, where one stands alone, replaced by U+FFFD.

    With ``errors`` ``strict`` a lone half raises UnicodeDecodeError.
    """
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", errors)


def in_whole_characters(value: Any) -> Any:
    """A JSON value with all its texts, keys included, in whole characters. Raises RecursionError for a deep one."""
    if isinstance(value, str):
        return whole_characters(value)
    if isinstance(value, list):
        return [in_whole_characters(item) for item in value]
    if isinstance(value, dict):
        return {in_whole_characters(key): in_whole_characters(item) for key, item in value.items()}
    return value


def is_whole(text: str) -> bool:
    """Whether a text can be encoded: it holds no half of a surrogate pair."""
    return text.isascii() or not any("\ud800" <= character <= "\udfff" for character in text)


def shown_value(value: object, most: int = 80) -> str:
    """A value for a message, in at most about ``most`` characters, all of which can be encoded."""
    if isinstance(value, int) and value.bit_length() > 256:
        # Python refuses to write out numbers of some thousand digits.
        return f"a whole number of {value.bit_length()} bits"
    if isinstance(value, str):
        text = ascii(value[: most + 1]) if not is_whole(value) else repr(value[: most + 1])
        return text if len(value) <= most else f"{text[: most + 1]} ... ({len(value)} characters)"
    if value is None or isinstance(value, (bool, int, float)):
        return repr(value)
    return f"a {type(value).__name__}"


def said_by(error: BaseException) -> str:
    """What an error says, in whole characters; nothing where it cannot say it, as errors of other packs may not."""
    try:
        return whole_characters(str(error))
    except Exception:
        return ""
