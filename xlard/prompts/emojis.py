"""Emojis and other pictorial signs in prompts."""

from __future__ import annotations

_SIGN = (
    r"[\u2190-\u21ff\u2300-\u23ff\u2460-\u27bf\u2900-\u297f\u2b00-\u2bff\u3030\u303d\u3297\u3299\U0001f000-\U0001faff]"
)
_JOINER = r"[\u200d\u20e3\ufe0e\ufe0f\U000e0020-\U000e007f]"

EMOJI = rf"{_SIGN}(?:{_SIGN}|{_JOINER})*"
"""A pattern of one or more emojis that stand together, with what joins and varies them."""
