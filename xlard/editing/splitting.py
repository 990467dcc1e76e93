"""Splits an instruction in free wording by the critic's model: into steps that the grammar can read, and statements.

Importing pydantic takes longer than the pack may add to ComfyUI's start: import this module late.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import BaseModel, TypeAdapter, ValidationError

from ..claims import one_line
from ..critics.asking import ask_all
from ..critics.backend import Answer, Ask, CannotDo, CriticError, UnreadableAnswer
from ..critics.parsing import excerpt, read_json
from ..critics.questions import quoted
from ..critics.schemas import answer_schema
from .instructions import EXAMPLES, Step, UnreadableInstruction, read_instruction

if TYPE_CHECKING:
    from ..critics.mllm import MLLMCritic

MOST_STEPS = 16
"""How many steps are read at most: some models repeat themselves."""

QUESTION = (
    "An instruction asks for a picture to be changed. Say the same in single steps. Where a step recolors, removes,"
    " replaces, adds or moves things, write it like one of these: {examples}. Where it does anything else, write no"
    ' step but a statement that is true of the finished picture, like "it is winter". The instruction: {instruction}.'
    ' Answer only with JSON: {{"steps": ["make the red square blue"], "statements": []}}.'
)


class SplitInstruction(BaseModel):
    """An answer to the question: steps that the grammar can read, and statements about the finished picture."""

    steps: list[str] = []
    statements: list[str] = []


SPLIT = TypeAdapter(SplitInstruction)


def split_instruction(critic: MLLMCritic, instruction: str, cause: str) -> list[Step]:
    """The steps of an instruction that the grammar cannot read; ``cause`` is its error.

    Raises CriticError with both reasons if the model cannot be asked, or if neither its first nor its second answer
    can be read.
    """
    question = QUESTION.format(examples="; ".join(map(quoted, EXAMPLES)), instruction=quoted(instruction))
    ask = Ask(question, schema=answer_schema(SPLIT))
    try:
        (reply,) = ask_all(critic.backend, [ask], lambda _, answer: _steps(answer))
    except CannotDo as error:
        raise CannotDo(f"{cause} {error}") from error
    if reply.value is None:
        raise CriticError(f"{cause} {critic.backend.name} cannot split it into steps either: {reply.error}")
    return reply.value


def _steps(answer: Answer) -> list[Step]:
    value = read_json(answer.text, "{")
    try:
        split = SPLIT.validate_python(value)
    except ValidationError as error:
        # Without pydantic's reason: this text is a part of the next question, whose wording is fixed.
        raise UnreadableAnswer(f"It does not have the form that was asked for: {excerpt(answer.text)}.") from error
    instructions = [one_line(text) for text in split.steps if text.strip()]
    statements = [one_line(text) for text in split.statements if text.strip()]
    if not instructions + statements:
        raise UnreadableAnswer("It holds neither a step nor a statement.")
    try:
        steps = [step for text in instructions for step in read_instruction(text)]
    except UnreadableInstruction as error:
        raise UnreadableAnswer(str(error)) from error
    return [*steps, *(Step("other", statement=text) for text in statements)][:MOST_STEPS]
