"""The claims of a prompt by the critic's model, for wordings that the built-in parser does not know."""

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
from .parsing import read_json, validated

if TYPE_CHECKING:
    from .mllm import MLLMCritic
    from .schemas import DecomposedClaim

MOST_CLAIMS = 64
"""More claims than this are the answer of a model that repeats itself."""

_NEEDED = {
    "object": ("noun",),
    "count": ("noun", "number"),
    "color": ("noun", "color"),
    "position": ("noun", "direction", "other"),
}


def decompose(critic: MLLMCritic, prompt: str) -> list[Claim]:
    """Have the critic's model split a prompt into claims, at most ``MOST_CLAIMS`` and none twice.

    Raises CriticError if its answer cannot be read, not even the second one.
    """
    from .schemas import DECOMPOSED, answer_schema

    def read(ask: Ask, answer: Answer) -> list[Claim]:
        value = read_json(answer.text, "{[")
        return _claims(
            validated(DECOMPOSED, {"claims": value} if isinstance(value, list) else value, answer.text).claims
        )

    (reply,) = ask_all(critic.backend, [Ask(questions.decompose(prompt), schema=answer_schema(DECOMPOSED))], read)
    if reply.value is None:
        raise CriticError(
            f"{critic.backend.name} cannot split the prompt into claims: {reply.error} Disconnect the critic "
            "to use the built-in parser, or write the claims yourself."
        )
    return reply.value


def _claims(answers: Sequence[DecomposedClaim]) -> list[Claim]:
    if not answers:
        raise UnreadableAnswer("It holds no claim.")
    totals: dict[str, int] = {}
    for answer in answers:
        if answer.type == "count" and answer.noun and answer.number is not None and not answer.color:
            totals.setdefault(parse_label(answer.noun)[1], answer.number)
    claims = [_claim(index, answer, totals) for index, answer in enumerate(answers, 1)]
    return list(dict.fromkeys(claims))[:MOST_CLAIMS]


def _claim(index: int, answer: DecomposedClaim, totals: dict[str, int]) -> Claim:
    """The claim at a place of the list; ``totals`` says how many things of a noun there are in all."""
    (color, noun), (other_color, other) = parse_label(answer.noun or ""), parse_label(answer.other or "")
    color_text, text = (answer.color or "").strip(), one_line(answer.text or "")
    colors = split_colors(color_text.lower().split())[1]
    color = colors[0] if colors and " " not in colors[0] else color
    other_color = next(iter(split_colors((answer.other_color or "").lower().split())[1]), other_color)
    values = {
        "noun": noun,
        "other": other,
        "number": answer.number,
        "color": color_text,
        "direction": answer.direction,
        "text": text,
    }
    missing = [name for name in _NEEDED.get(answer.type, ("text",)) if values[name] in (None, "")]
    if missing:
        raise UnreadableAnswer(f"Claim {index} of type {answer.type} needs {' and '.join(missing)}.")
    number = 1 if answer.number is None else answer.number
    if answer.type == "count":
        return _editable(count_claim(noun, number, color))
    if answer.type == "object":
        if number == 0:
            raise UnreadableAnswer(f"Claim {index} of type object has the number 0; what must not be there is a count.")
        return _editable(object_claim(noun, number, color))
    if answer.type == "color":
        total = totals.get(noun, number)
        if color is None or len(colors) != 1 or " " in colors[0]:
            # No box is labelled with such a colour.
            return attribute_claim(noun, number, color_text.lower(), total)
        return _editable(color_claim(noun, number, color, total) if number else count_claim(noun, 0, color))
    if answer.type == "position":
        assert answer.direction is not None
        return _editable(position_claim(noun, answer.direction, other, max(number, 1), color, other_color))
    return Claim(answer.type, text, noun, number, other=other or None)


def _editable(claim: Claim) -> Claim:
    """The claim; one that its line in the editor would not give back becomes a criterion for the critic."""
    try:
        same = parse_lines(format_lines([claim])) == [claim]
    except ValueError:
        same = False
    return claim if same else custom_claim(claim.text)
