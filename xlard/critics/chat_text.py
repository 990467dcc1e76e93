"""Conversations as raw text in the format of a model's family, for runners that take no list of messages."""

from __future__ import annotations

from dataclasses import dataclass, replace

from . import questions
from .backend import Ask


@dataclass(frozen=True)
class ChatFormat:
    """How a family marks turns (``opening`` with a ``{role}``, ``closing``) and the place of a picture.

    ``assistant`` is the name of the model's role. Without a ``system_turn`` the system sentence begins the first
    question. ``answer`` begins each answer: an empty thought, for models that would think first.
    """

    opening: str
    closing: str
    picture: str
    assistant: str
    system_turn: bool
    answer: str = ""

    def write(self, ask: Ask) -> str:
        """The conversation up to where the model's answer begins, with the system sentence."""
        system = "" if self.system_turn else f"{questions.SYSTEM}\n\n"
        preamble = system + (self.picture if ask.image is not None else "")
        turns = [("system", questions.SYSTEM)] if self.system_turn else []
        for question, answer in ask.turns:
            turns += [("user", preamble + question), (self.assistant, answer)]
            preamble = ""
        turns.append(("user", preamble + ask.question))
        conversation = "".join(f"{self.opening.format(role=role)}{text}{self.closing}" for role, text in turns)
        return conversation + self.opening.format(role=self.assistant) + self.answer


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
"""For the sizes that would think first; with this, the small ones would begin to think."""

_FAMILIES = (("qwen", QWEN), ("gemma4", GEMMA4), ("gemma3", GEMMA3))


def format_of(encoder: str) -> ChatFormat | None:
    """The format of a text encoder by ComfyUI's name for it, e.g. ``qwen3vl_8b`` or ``gemma3_12b``; None for others."""
    return next((chat_format for family, chat_format in _FAMILIES if encoder.startswith(family)), None)
