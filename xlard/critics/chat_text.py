"""Conversations as raw text in the turns of a model's family, for runners that take text and no messages."""

from __future__ import annotations

from dataclasses import dataclass, replace

from . import questions
from .backend import Ask


@dataclass(frozen=True)
class ChatFormat:
    """How a family marks whose turn it is (``opening`` with a ``{role}``, ``closing``) and where a picture stands.

    ``system_turn`` is whether there is such a role; if not, the system sentence begins the first question. ``answer``
    is what an answer begins with: an empty thought, for models that would think first."""

    opening: str
    closing: str
    picture: str
    assistant: str
    system_turn: bool
    answer: str = ""

    def write(self, ask: Ask) -> str:
        """The conversation up to where the model's answer begins, with the system sentence."""
        before = "" if self.system_turn else f"{questions.SYSTEM}\n\n"
        first = before + (self.picture if ask.image is not None else "")
        turns = [("system", questions.SYSTEM)] if self.system_turn else []
        for question, answer in ask.turns:
            turns += [("user", first + question), (self.assistant, answer)]
            first = ""
        turns.append(("user", first + ask.question))
        spoken = "".join(f"{self.opening.format(role=role)}{text}{self.closing}" for role, text in turns)
        return spoken + self.opening.format(role=self.assistant) + self.answer


QWEN = ChatFormat(
    "<|im_start|>{role}\n",
    "<|im_end|>\n",
    "<|vision_start|><|image_pad|><|vision_end|>",
    "assistant",
    True,
    "<think>\n\n</think>\n\n",
)
GEMMA3 = ChatFormat("<start_of_turn>{role}\n", "<end_of_turn>\n", "\n\n<image_soft_token>\n\n", "model", False)
GEMMA4 = ChatFormat("<|turn>{role}\n", "<turn|>\n", "<|image><|image|><image|>\n\n", "model", True)
GEMMA4_LARGE = replace(GEMMA4, answer="<|channel>thought\n<channel|>")
"""For the sizes that would think first; the small ones begin to think when they see it."""

_FAMILIES = (("qwen", QWEN), ("gemma4", GEMMA4), ("gemma3", GEMMA3))


def format_of(encoder: str) -> ChatFormat | None:
    """The format of a text encoder by ComfyUI's name for it, e.g. ``qwen3vl_8b`` or ``gemma3_12b``; None for others."""
    return next((form for family, form in _FAMILIES if encoder.startswith(family)), None)
