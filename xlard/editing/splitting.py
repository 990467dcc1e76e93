"""Instructions in free words: the critic's model splits them into the steps that the grammar knows, and statements."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..claims import one_line
from ..critics.asking import ask_all
from ..critics.backend import Answer, Ask, CannotDo, CriticError, UnreadableAnswer
from ..critics.parsing import read_json, shown
from ..critics.questions import quoted
from .instructions import EXAMPLES, Step, UnreadableInstruction, read_instruction

if TYPE_CHECKING:
    from ..critics.mllm import MLLMCritic

MOST_STEPS = 16
"""A model that repeats itself stops here."""

QUESTION = (
    "An instruction asks for a picture to be changed. Say the same in single steps. Where a step recolors, removes,"
    " replaces, adds or moves things, write it like one of these: {examples}. Where it does anything else, write no"
    ' step but a statement that is true of the finished picture, like "it is winter". The instruction: {instruction}.'
    ' Answer only with JSON: {{"steps": ["make the red square blue"], "statements": []}}.'
)
_TEXTS = {"type": "array", "items": {"type": "string"}}
SCHEMA = {
    "type": "object",
    "properties": {"steps": _TEXTS, "statements": _TEXTS},
    "required": ["steps", "statements"],
    "additionalProperties": False,
}


def split_instruction(critic: MLLMCritic, instruction: str, cause: str) -> list[Step]:
    """The steps of an instruction that the grammar cannot read, for which it gives the ``cause``.

    Raises CriticError with both reasons if the model cannot be asked, or its answer cannot be read, also when it was
    asked once more."""
    question = QUESTION.format(examples="; ".join(map(quoted, EXAMPLES)), instruction=quoted(instruction))
    try:
        (reply,) = ask_all(critic.backend, [Ask(question, schema=SCHEMA)], lambda _, answer: _steps(answer))
    except CannotDo as error:
        raise CannotDo(f"{cause} {error}") from error
    if reply.value is None:
        raise CriticError(f"{cause} {critic.backend.name} cannot split it into steps either: {reply.error}")
    return reply.value


def _steps(answer: Answer) -> list[Step]:
    value = read_json(answer.text, "{")
    steps, statements = (_texts(value, name, answer) for name in ("steps", "statements"))
    if not steps + statements:
        raise UnreadableAnswer("It holds neither a step nor a statement.")
    try:
        found = [step for text in steps for step in read_instruction(text)]
    except UnreadableInstruction as error:
        raise UnreadableAnswer(str(error)) from error
    return [*found, *(Step("other", statement=text) for text in statements)][:MOST_STEPS]


def _texts(value: Any, name: str, answer: Answer) -> list[str]:
    found = value.get(name, []) if isinstance(value, dict) else None
    if not isinstance(found, list) or not all(isinstance(text, str) for text in found):
        raise UnreadableAnswer(f"It does not have the form that was asked for: {shown(answer.text)}.")
    return [one_line(text) for text in found if text.strip()]
