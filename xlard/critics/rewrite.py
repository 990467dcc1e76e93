"""A prompt in other words, by the critic's model: what failed said more clearly, all else as it was.

After RationalRewards (critique, then a rewritten prompt); the new wording must still say what boxes can check.
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
from .parsing import read_json, shown
from .questions import quoted

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
SCHEMA = {
    "type": "object",
    "properties": {"prompt": {"type": "string"}},
    "required": ["prompt"],
    "additionalProperties": False,
}

LONGEST_FACTOR, LONGEST_SHORT = 3, 300
"""A new prompt may be so many times as long as the old one, and so many characters in any case."""

_LONGEST_REASON = 160
_MIRRORED = {"right of": "left of", "below": "above"}


def rewritten(critic: MLLMCritic, prompt: str, critique: Critique, tried: Sequence[str] = ()) -> str | None:
    """The prompt in other words, on one line, that says more clearly what the critique found wrong.

    ``tried`` are wordings that have failed before. None where nothing failed for sure, where there is no prompt, and
    where the critic gives no usable wording, also when it is asked once more with the reason. A usable one is new, not
    much longer than the prompt, and still makes each claim of the prompt that boxes can decide. Raises CriticError."""
    question = _question(prompt, critique, tried)
    return _reply(critic, prompt, question, tried).value if question else None


class PromptRewriter:
    """Rewords prompts by one critic for one run of the loop; implements ``loop.engine.Rewriter``.

    It asks each question once, so that pictures with the same faults get the same wording. A critic that cannot write
    is not asked again: ``refusal`` then says why, and so does the log. It never raises CriticError."""

    def __init__(self, critic: MLLMCritic):
        self._critic, self._known = critic, {}
        self.refusal = ""

    def __call__(self, prompt: str, critique: Critique, tried: Sequence[str] = ()) -> str | None:
        """As ``rewritten``."""
        question = _question(prompt, critique, tried)
        if not question or self.refusal:
            return None
        if question not in self._known:
            self._known[question] = self._ask(prompt, question, tried)
        return self._known[question]

    def _ask(self, prompt: str, question: str, tried: Sequence[str]) -> str | None:
        try:
            reply = _reply(self._critic, prompt, question, tried)
        except CriticError as error:
            self.refusal = f"The critic cannot put the prompt into other words: {error}"
            _LOG.warning("xLARD: %s", self.refusal)
            return None
        if reply.value is None:
            _LOG.warning(
                "xLARD: %s gave no usable other wording of the prompt: %s", self._critic.backend.name, reply.error
            )
        return reply.value


def _question(prompt: str, critique: Critique, tried: Sequence[str]) -> str:
    """What to ask; empty where there is nothing to ask about."""
    wrong = [verdict for verdict in critique.verdicts if verdict.passed is False]
    if not wrong or not prompt.strip():
        return ""
    parts = [QUESTION, f"The prompt: {quoted(prompt)}.", f"Wrong: {'; '.join(map(_told, wrong))}."]
    right = [quoted(verdict.claim.text) for verdict in critique.verdicts if verdict.passed]
    if right:
        parts.append(f"Right, and to stay so: {'; '.join(right)}.")
    if tried:
        parts.append(f"These wordings were not enough: {'; '.join(map(quoted, tried))}.")
    return " ".join([*parts, ANSWER])


def _told(verdict: Verdict) -> str:
    reason = one_line(verdict.reason)[:_LONGEST_REASON]
    return quoted(verdict.claim.text) + (f" ({quoted(reason)})" if reason else "")


def _reply(critic: MLLMCritic, prompt: str, question: str, tried: Sequence[str]) -> Reply[str]:
    from ..prompts import claims_from_prompt

    wanted = {_meaning(claim): claim for claim in claims_from_prompt(prompt) if decidable(claim)}

    def read(ask: Ask, answer: Answer) -> str:
        text = _text(answer, prompt, tried)
        said = {_meaning(claim) for claim in claims_from_prompt(text)}
        lost = [claim.text for meaning, claim in wanted.items() if meaning not in said]
        if lost:
            raise UnreadableAnswer(f"It no longer says clearly: {'; '.join(map(quoted, lost))}.")
        return text

    (reply,) = ask_all(critic.backend, [Ask(question, schema=SCHEMA)], read)
    return reply


def _text(answer: Answer, prompt: str, tried: Sequence[str]) -> str:
    """The wording in an answer; raises UnreadableAnswer where it is none, too long, or not new."""
    value = read_json(answer.text, "{")
    text = value.get("prompt") if isinstance(value, dict) else None
    if not isinstance(text, str) or not text.strip():
        raise UnreadableAnswer(f"It holds no prompt: {shown(answer.text)}.")
    if len(text.strip().splitlines()) > 1:
        raise UnreadableAnswer(f"The prompt has more than one line: {shown(text)}.")
    text, longest = one_line(text), max(LONGEST_SHORT, LONGEST_FACTOR * len(prompt))
    if len(text) > longest:
        raise UnreadableAnswer(f"The prompt has {len(text)} characters, {longest} are the most.")
    if text.lower() in {one_line(known).lower() for known in (prompt, *tried)}:
        raise UnreadableAnswer(f"The prompt is one that has failed already: {json.dumps(text, ensure_ascii=False)}.")
    return text


def _meaning(claim: Claim) -> tuple:
    """What a claim says, the same for ``a left of b`` and ``b right of a``; how many stand there, the counts say."""
    if claim.type != "position":
        return claim.type, claim.noun, claim.number, claim.color, claim.text
    first, second = (claim.noun, claim.color), (claim.other, claim.other_color)
    if claim.direction in _MIRRORED:
        return claim.type, second, _MIRRORED[claim.direction], first
    return claim.type, first, claim.direction, second
