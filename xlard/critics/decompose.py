"""Claims of a prompt by the critic's own model, for wordings that the built-in parser does not know."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..claims import (
    Claim,
    attribute_claim,
    color_claim,
    count_claim,
    custom_claim,
    object_claim,
    one_line,
    position_claim,
)
from ..english import parse_label
from ..prompts.claim_lines import format_lines, parse_lines
from ..prompts.noun_phrases import split_colors
from . import questions
from .asking import ask_all
from .backend import Answer, Ask, CriticError, UnreadableAnswer
from .parsing import bare, read_json, validated

if TYPE_CHECKING:
    from .mllm import MLLMCritic
    from .schemas import DecomposedClaim

MOST_CLAIMS = 64
"""A model that repeats itself stops here."""

_NEEDED = {
    "object": ("noun",),
    "count": ("noun", "number"),
    "color": ("noun", "color"),
    "position": ("noun", "direction", "other"),
}


def decompose(critic: MLLMCritic, prompt: str) -> list[Claim]:
    """Have the critic's model split a prompt into claims, at most ``MOST_CLAIMS`` and none twice.

    Raises CriticError if its answer cannot be read, also when it was asked once more.
    """
    from .schemas import DECOMPOSED, decomposed_schema

    def read(ask: Ask, answer: Answer) -> list[Claim]:
        listed = bare(answer.text).startswith("[")
        value = read_json(answer.text, "[" if listed else "{")
        return _claims(validated(DECOMPOSED, {"claims": value} if listed else value, answer.text).claims)

    (reply,) = ask_all(critic.backend, [Ask(questions.decompose(prompt), schema=decomposed_schema())], read)
    if reply.value is None:
        raise CriticError(
            f"{critic.backend.name} cannot split the prompt into claims: {reply.error} Disconnect the critic "
            "to use the built-in parser, or write the claims yourself."
        )
    return reply.value


def _claims(parts: Sequence[DecomposedClaim]) -> list[Claim]:
    if not parts:
        raise UnreadableAnswer("It holds no claim.")
    totals: dict[str, int] = {}
    for part in parts:
        if part.type == "count" and part.noun and part.number is not None and not part.color:
            totals.setdefault(parse_label(part.noun)[1], part.number)
    found = [_claim(index, part, totals) for index, part in enumerate(parts, 1)]
    return list(dict.fromkeys(found))[:MOST_CLAIMS]


def _claim(index: int, part: DecomposedClaim, totals: dict[str, int]) -> Claim:
    (color, noun), (other_color, other) = parse_label(part.noun or ""), parse_label(part.other or "")
    said = split_colors((part.color or "").lower().split())[1]
    color = said[0] if said and " " not in said[0] else color
    other_color = next(iter(split_colors((part.other_color or "").lower().split())[1]), other_color)
    given = {
        "noun": noun,
        "other": other,
        "number": part.number,
        "color": (part.color or "").strip(),
        "direction": part.direction,
        "text": one_line(part.text or ""),
    }
    missing = [name for name in _NEEDED.get(part.type, ("text",)) if given[name] in (None, "")]
    if missing:
        raise UnreadableAnswer(f"Claim {index} of type {part.type} needs {' and '.join(missing)}.")
    number = 1 if part.number is None else part.number
    if part.type == "count":
        return _editable(count_claim(noun, number, color))
    if part.type == "object":
        if number == 0:
            raise UnreadableAnswer(f"Claim {index} of type object has the number 0; what must not be there is a count.")
        return _editable(object_claim(noun, number, color))
    if part.type == "color":
        total = totals.get(noun, number)
        if color is None or len(said) != 1 or " " in said[0]:
            # No box is labelled with such a colour.
            return attribute_claim(noun, number, given["color"].lower(), total)
        return _editable(color_claim(noun, number, color, total) if number else count_claim(noun, 0, color))
    if part.type == "position":
        return _editable(position_claim(noun, part.direction, other, max(number, 1), color, other_color))
    return Claim(part.type, given["text"], noun, number, other=other or None)


def _editable(claim: Claim) -> Claim:
    """The claim, or its text for the critic to judge if that does not tell what boxes would have to decide."""
    try:
        same = parse_lines(format_lines([claim])) == [claim]
    except ValueError:
        same = False
    return claim if same else custom_claim(claim.text)
