"""A prompt reworded by the critic's model: it says more clearly what failed, and leaves the rest alone.

After RationalRewards (critique, then a rewritten prompt); the new wording must still make the claims that boxes decide.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..claims import Claim, one_line
from ..critique import Critique, Verdict
from ..rewards import decidable
from .asking import Reply, ask_all
from .backend import Answer, Ask, CriticError, UnreadableAnswer
from .parsing import excerpt, read_json
from .questions import quoted
from .registry import as_writer

if TYPE_CHECKING:
    from .mllm import MLLMCritic

_LOG = logging.getLogger(__name__)

QUESTION = (
    "A picture was drawn from a prompt, and not all of it came out right. Reword the prompt so that what is wrong"
    " cannot be overlooked: say it early, plainly, and with the number of things as a word. Keep all else that the"
    " prompt asks for, with the same names of things, numbers, colors, places and style; name each thing once, and add"
    " nothing new."
)
ANSWER = 'Answer only with JSON: {"prompt": "the new prompt, on one line"}.'

LONGEST_FACTOR, LONGEST_SHORT = 3, 300
"""A new prompt may be this many times as long as the old one, and this many characters in any case."""

_LONGEST_REASON = 160
_MIRRORED = {"right of": "left of", "below": "above"}


def rewritten(critic: MLLMCritic, prompt: str, critique: Critique, tried: Sequence[str] = ()) -> str | None:
    """The prompt with other wording, on one line, that says more clearly what the critique calls wrong.

    ``tried`` are wordings that have failed before. None if no claim has failed, if there is no prompt, and if the
    critic gives no usable wording, not even at the second try. A usable wording is new, not much longer than the
    prompt, and still makes each claim of the prompt that boxes can decide. Raises CriticError.
    """
    question = _question(prompt, critique, tried)
    return _reply(critic, prompt, question, tried).value if question else None


class PromptRewriter:
    """Rewords prompts by one critic for one run of the loop; implements ``protocols.Rewriter``.

    It asks each question once: pictures with the same faults get the same wording. A critic that only judges is not
    asked at all, one that cannot write not again: ``refusal`` and the log then say why. Never raises CriticError.
    """

    def __init__(self, critic: object):
        self._wordings: dict[str, str | None] = {}
        self.refusal = ""
        self._critic: MLLMCritic | None = None
        try:
            self._critic = as_writer(critic)
        except TypeError as error:
            self._refuse(error)

    def __call__(self, prompt: str, critique: Critique, tried: Sequence[str] = ()) -> str | None:
        """As ``rewritten``."""
        question = _question(prompt, critique, tried)
        if not question or self.refusal or self._critic is None:
            return None
        if question not in self._wordings:
            self._wordings[question] = self._ask(self._critic, prompt, question, tried)
        return self._wordings[question]

    def _ask(self, critic: MLLMCritic, prompt: str, question: str, tried: Sequence[str]) -> str | None:
        try:
            reply = _reply(critic, prompt, question, tried)
        except CriticError as error:
            self._refuse(error)
            return None
        if reply.value is None:
            _LOG.warning("xLARD: %s gave no usable other wording of the prompt: %s", critic.backend.name, reply.error)
        return reply.value

    def _refuse(self, error: Exception) -> None:
        self.refusal = f"The critic cannot reword the prompt: {error}"
        _LOG.warning("xLARD: %s", self.refusal)


def _question(prompt: str, critique: Critique, tried: Sequence[str]) -> str:
    """The question about a prompt and its critique; empty if no claim has failed, or there is no prompt."""
    wrong = [verdict for verdict in critique.verdicts if verdict.passed is False]
    if not wrong or not prompt.strip():
        return ""
    sentences = [QUESTION, f"The prompt: {quoted(prompt)}.", f"Wrong: {'; '.join(map(_with_reason, wrong))}."]
    right = [quoted(verdict.claim.text) for verdict in critique.verdicts if verdict.passed]
    if right:
        sentences.append(f"Right, and to stay so: {'; '.join(right)}.")
    if tried:
        sentences.append(f"These wordings were not enough: {'; '.join(map(quoted, tried))}.")
    return " ".join([*sentences, ANSWER])


def _with_reason(verdict: Verdict) -> str:
    reason = one_line(verdict.reason)[:_LONGEST_REASON]
    return quoted(verdict.claim.text) + (f" ({quoted(reason)})" if reason else "")


def _reply(critic: MLLMCritic, prompt: str, question: str, tried: Sequence[str]) -> Reply[str]:
    from ..prompts import claims_from_prompt
    from .schemas import REWRITTEN, answer_schema

    required = {_meaning(claim): claim for claim in claims_from_prompt(prompt) if decidable(claim)}

    def read(ask: Ask, answer: Answer) -> str:
        text = _text(answer, prompt, tried)
        meanings = {_meaning(claim) for claim in claims_from_prompt(text)}
        lost = [claim.text for meaning, claim in required.items() if meaning not in meanings]
        if lost:
            raise UnreadableAnswer(f"It no longer says clearly: {'; '.join(map(quoted, lost))}.")
        return text

    (reply,) = ask_all(critic.backend, [Ask(question, schema=answer_schema(REWRITTEN))], read)
    return reply


def _text(answer: Answer, prompt: str, tried: Sequence[str]) -> str:
    """The wording in an answer; raises UnreadableAnswer if there is none, or it is too long or not new."""
    # Not by pydantic: the text of each error is a part of the next question.
    value = read_json(answer.text, "{")
    text = value.get("prompt") if isinstance(value, dict) else None
    if not isinstance(text, str) or not text.strip():
        raise UnreadableAnswer(f"It holds no prompt: {excerpt(answer.text)}.")
    if len(text.strip().splitlines()) > 1:
        raise UnreadableAnswer(f"The prompt has more than one line: {excerpt(text)}.")
    text, longest = one_line(text), max(LONGEST_SHORT, LONGEST_FACTOR * len(prompt))
    if len(text) > longest:
        raise UnreadableAnswer(f"The prompt has {len(text)} characters, {longest} are the most.")
    if text.lower() in {one_line(wording).lower() for wording in (prompt, *tried)}:
        raise UnreadableAnswer(f"The prompt is one that has failed already: {json.dumps(text, ensure_ascii=False)}.")
    return text


def _meaning(claim: Claim) -> tuple:
    """What a claim says, the same for ``a left of b`` and ``b right of a``; numbers of positions do not count."""
    if claim.type != "position":
        return claim.type, claim.noun, claim.number, claim.color, claim.text
    first, second = (claim.noun, claim.color), (claim.other, claim.other_color)
    if claim.direction in _MIRRORED:
        return claim.type, second, _MIRRORED[claim.direction], first
    return claim.type, first, claim.direction, second
