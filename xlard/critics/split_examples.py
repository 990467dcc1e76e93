"""Prompts that were split into claims, as earlier turns of the conversation in which a critic is asked to split one."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from . import questions

EXAMPLES: dict[str, list[dict[str, Any]]] = {
    "a blue kite above two boys, one of them riding a bike, golden hour, award-winning photo": [
        {"type": "count", "noun": "kite", "number": 1},
        {"type": "count", "noun": "boy", "number": 2},
        {"type": "count", "noun": "bike", "number": 1},
        {"type": "color", "noun": "kite", "number": 1, "color": "blue"},
        {"type": "position", "noun": "kite", "color": "blue", "direction": "above", "other": "boy"},
        {"type": "relation", "text": "one boy is riding a bike", "noun": "boy", "other": "bike"},
    ],
    "masterpiece, highres, 1girl, red hair, holding umbrella, no hat, waist up, dark fantasy": [
        {"type": "count", "noun": "girl", "number": 1},
        {"type": "object", "noun": "umbrella", "number": 1},
        {"type": "count", "noun": "hat", "number": 0},
        {"type": "attribute", "text": "the girl has red hair", "noun": "girl", "number": 1},
        {"type": "relation", "text": "the girl is holding an umbrella", "noun": "girl", "other": "umbrella"},
    ],
    "zwei gr\u00fcne \u00c4pfel auf einem Tisch": [
        {"type": "count", "noun": "apple", "number": 2},
        {"type": "count", "noun": "table", "number": 1},
        {"type": "color", "noun": "apple", "number": 2, "color": "green"},
        {"type": "relation", "text": "the apples are on the table", "noun": "apple", "other": "table"},
    ],
}
"""A sentence, tags, and a prompt in another language; quality, mood and framing make no claims."""


def example_turns(unknown_share: Callable[[str], float] | None = None) -> tuple[tuple[str, str], ...]:
    """Questions with their answers; none for a model to which a word of them is unknown."""
    turns = tuple((questions.decompose(prompt), json.dumps({"claims": claims})) for prompt, claims in EXAMPLES.items())
    if unknown_share and any(unknown_share(text) for turn in turns for text in turn):
        return ()
    return turns
