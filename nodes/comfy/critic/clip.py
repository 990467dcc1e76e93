"""A CLIP whose text encoder can write, as a critic's backend: ComfyUI loads it, runs it and takes it off the GPU."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import comfy.model_management
import numpy as np
import torch
from PIL import Image
from torch import Tensor

from ....xlard.critics import questions
from ....xlard.critics.backend import GREEDY, Answer, Ask, CannotDo, CriticError, Sampling
from ....xlard.critics.boxes import convention_of
from ....xlard.critics.chat_text import GEMMA4_LARGE, ChatFormat, format_of
from ....xlard.critics.memory import in_batches
from ....xlard.critics.mllm import MLLMCritic
from ....xlard.critics.pictures import resized_picture
from ..compat import encoders as compat
from .folder import check_interrupt, show_progress

_SUITABLE = (
    "Text encoders that write and see are Qwen3-VL, Qwen3.5, Gemma 3 and Gemma 4 with their vision weights: load one "
    "with Load CLIP, or use xLARD Load Critic."
)
_ONLY_WORDS = (
    "A text encoder gives words and no probabilities. Take a scoring that asks for words, such as "
    "grounded, per claim or rubric, or load the model with xLARD Load Critic."
)

_PATCH = 32
"""Sides in multiples of what Qwen3-VL and Qwen3.5 look at reach them as they are."""
_GEMMA3_SIDE = 896
"""ComfyUI gives Gemma 3 the middle square of a picture of any other shape, and so no sight of the rest."""


class ClipBackend:
    """Asks the text encoder of a CLIP; implements ``xlard.critics.backend.Backend``.

    ``clip`` is ComfyUI's, ``encoder`` the name that its tokens carry. Questions are answered one at a time: ComfyUI
    writes one text at once, shows its tokens in the running node's progress and stops at any of them when the artist
    cancels.
    """

    def __init__(
        self,
        clip: Any,
        encoder: str,
        chat: ChatFormat,
        max_tokens: int = 1024,
        on_progress: Callable[[float, int], None] | None = None,
    ):
        self._clip, self._chat, self._max_tokens = clip, chat, max_tokens
        self._on_progress = on_progress or (lambda done, total: None)
        self._is_gemma3 = encoder.startswith("gemma3")
        self.name, self.boxes = f"text encoder {encoder}", convention_of(encoder)

    def seen_size(self, image: Tensor) -> tuple[int, int]:
        """Width and height at which the encoder gets an image (H, W, 3)."""
        return self._picture(image).size

    @torch.inference_mode()
    def answer(self, asks: Sequence[Ask], sampling: Sampling = GREEDY) -> list[Answer]:
        """An answer for each question, of unknown confidence. Raises CriticError if memory does not suffice for one."""

        def run(done: int, batch: list[Ask]) -> list[Answer]:
            check_interrupt()
            (ask,) = batch
            text, ended = compat.written(
                self._clip, self.tokens(ask), self._max_tokens, sampling.temperature, sampling.seed
            )
            return [Answer(text.strip(), fault="" if ended else self._cut())]

        answers = []
        for answer in in_batches(asks, 1, run, _make_room, self.name, compat.weight_bytes(self._clip)):
            answers.append(answer)
            self._on_progress(len(answers), len(asks))
        return answers

    def probability_of_yes(self, asks: Sequence[Ask]) -> list[float | None]:
        """Raises CannotDo: ComfyUI keeps the probabilities of words to itself."""
        raise CannotDo(_ONLY_WORDS)

    def log_likelihood(self, asks: Sequence[Ask], texts: Sequence[str]) -> list[float]:
        """Raises CannotDo: ComfyUI keeps the probabilities of words to itself."""
        raise CannotDo(_ONLY_WORDS)

    def tokens(self, ask: Ask) -> dict:
        """A question as ComfyUI's tokens, among them its picture."""
        image = None if ask.image is None else _to_image(self._picture(ask.image))
        # ComfyUI drops the first token of a text for Gemma 3, taking it for one that it put there itself.
        text = ("\n" if self._is_gemma3 else "") + self._chat.write(ask)
        return compat.tokens_with_picture(self._clip, text, image)

    def _cut(self) -> str:
        return (
            f"The {self.name} was still writing after {self._max_tokens} tokens, so its answer is not whole. Raise"
            " max_tokens; a model that repeats itself needs a larger one in its place."
        )

    def _picture(self, image: Tensor) -> Image.Image:
        picture = resized_picture(image, _PATCH)
        if self._is_gemma3:
            return picture.resize((_GEMMA3_SIDE, _GEMMA3_SIDE), Image.Resampling.LANCZOS)
        return picture


def load_clip_critic(clip: Any, max_tokens: int = 1024) -> MLLMCritic:
    """A CLIP as critic; loads nothing. Raises CriticError if ComfyUI or the text encoder cannot write, or cannot
    see.
    """
    if not compat.can_write(clip):
        raise CriticError(
            "This ComfyUI cannot have a text encoder write: 0.15 and newer can, 0.26 and newer with Qwen3-VL. "
            "Update ComfyUI, or use xLARD Load Critic."
        )
    encoder = " and ".join(compat.token_lists(clip.tokenize("")))
    if not compat.encoder_writes(clip):
        raise CriticError(f"ComfyUI cannot have the text encoder '{encoder}' write, only encode prompts. {_SUITABLE}")
    # ComfyUI's tokenizers know which sizes of Gemma 4 would think first.
    chat = GEMMA4_LARGE if compat.thinks_first(clip) else format_of(encoder)
    backend = chat and ClipBackend(clip, encoder, chat, max_tokens, show_progress)
    if not backend or not compat.encoder_sees(clip) or not _has_picture(backend):
        raise CriticError(f"The text encoder '{encoder}' can write but not see pictures. {_SUITABLE}")
    return MLLMCritic(backend)


def _make_room() -> None:
    # ComfyUI loads the encoder again for the next question.
    comfy.model_management.unload_all_models()
    comfy.model_management.soft_empty_cache()


def _has_picture(backend: ClipBackend) -> bool:
    """Whether a picture gets a place among the tokens."""
    return compat.holds_picture(backend.tokens(Ask(questions.DESCRIBE, torch.zeros(64, 64, 3))))


def _to_image(picture: Image.Image) -> Tensor:
    return torch.from_numpy(np.asarray(picture, dtype=np.float32) / 255)[None]
