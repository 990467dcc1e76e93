"""The claims of a prompt by the critic's model, for wordings that the built-in parser does not know."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..claims import (
    MOST_CLAIMS_IN_ALL,
    MOST_COUNT,
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
from ..prompts.parser import read_claims
from ..prompts.unclaimed import taken_whole
from . import questions
from .asking import ask_all
from .backend import Answer, Ask, CannotDo, CriticError, UnreadableAnswer
from .parsing import read_json, validated
from .split_examples import example_turns
from .split_words import foreign_nouns

if TYPE_CHECKING:
    from .mllm import MLLMCritic
    from .schemas import DecomposedClaim

_NEEDED = {
    "object": ("noun",),
    "count": ("noun", "number"),
    "color": ("noun", "color"),
    "position": ("noun", "direction", "other"),
}


class SplitError(CriticError):
    """A critic's model did not split a prompt, and ``cause`` says why."""

    def __init__(self, name: str, cause: str):
        self.cause = cause
        super().__init__(
            f"{name} cannot split the prompt into claims: {cause} Disconnect the critic to use the built-in parser, or"
            " write the claims yourself."
        )


def decompose(critic: MLLMCritic, prompt: str) -> list[Claim]:
    """Have the critic's model split a prompt into claims, at most ``MOST_CLAIMS_IN_ALL`` and none twice.

    It is shown examples first, if it knows their words. A claim about a thing that the prompt does not name is dropped.
    Only where the rules cannot read the prompt, as one in another language, and it names less than half of the claims'
    things, these are taken for translations. Raises CriticError if its answer cannot be read or nothing is left of it,
    not even of the second one, and if the model does not know most of the prompt's words.
    """
    from .schemas import DECOMPOSED, answer_schema

    backend, is_readable = critic.backend, not taken_whole(read_claims(prompt))
    unknown_share = getattr(backend, "unknown_share", None)
    if unknown_share and unknown_share(prompt) > 0.5:
        raise CannotDo(f"{backend.name} does not know most of the words of the prompt.")

    def read(ask: Ask, answer: Answer) -> list[Claim]:
        value = read_json(answer.text, "{[")
        claims = validated(DECOMPOSED, {"claims": value} if isinstance(value, list) else value, answer.text).claims
        return _claims(claims, prompt, is_readable)

    ask = Ask(questions.decompose(prompt), turns=example_turns(unknown_share), schema=answer_schema(DECOMPOSED))
    (reply,) = ask_all(backend, [ask], read)
    if reply.value is None:
        raise SplitError(backend.name, reply.error)
    return reply.value


def _claims(answers: Sequence[DecomposedClaim], prompt: str, is_readable: bool) -> list[Claim]:
    """The claims, without those about things that the prompt does not name; see ``decompose``.

    Raises UnreadableAnswer for one that lacks something, and if none is left.
    """
    if not answers:
        raise UnreadableAnswer("It holds no claim.")
    totals: dict[str, int] = {}
    for answer in answers:
        if answer.type == "count" and answer.noun and answer.number is not None and not answer.color:
            totals.setdefault(parse_label(answer.noun)[1], answer.number)
    claims = [_claim(index, answer, totals) for index, answer in enumerate(answers, 1)]
    foreign = [_foreign(answer, prompt) for answer in answers]
    kept = [claim for claim, nouns in zip(claims, foreign, strict=True) if not nouns]
    if not is_readable and 2 * len(kept) < len(claims):
        kept = claims
    if not kept:
        nouns = dict.fromkeys(noun for nouns in foreign for noun in nouns)
        raise UnreadableAnswer(f"The prompt does not name what the claims are about: {', '.join(nouns)}.")
    return list(dict.fromkeys(kept))[:MOST_CLAIMS_IN_ALL]


def _foreign(answer: DecomposedClaim, prompt: str) -> list[str]:
    nouns = [noun for noun in (parse_label(label or "")[1] for label in (answer.noun, answer.other)) if noun]
    return foreign_nouns(nouns, answer.text or "", prompt)


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
    many = number > MOST_COUNT
    if many:
        # Nobody counts them.
        number = 2
    if answer.type == "count" and not many:
        return _editable(count_claim(noun, number, color))
    if answer.type in ("object", "count"):
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
