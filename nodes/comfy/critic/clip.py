"""A CLIP whose text encoder can write, as a critic's backend: ComfyUI loads it, runs it and takes it off the GPU."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from itertools import dropwhile
from typing import Any, TypeVar

import comfy.model_management
import numpy as np
import torch
from PIL import Image
from torch import Tensor

from ....xlard.critics import questions, yes_no
from ....xlard.critics.backend import GREEDY, Answer, Ask, CannotDo, CriticError, Sampling
from ....xlard.critics.boxes import convention_of
from ....xlard.critics.chat_text import GEMMA4_LARGE, ChatFormat, format_of
from ....xlard.critics.memory import in_batches
from ....xlard.critics.mllm import MLLMCritic
from ....xlard.critics.pictures import resized_picture
from ..compat import encoders as compat
from .folder import check_interrupt, show_progress

T = TypeVar("T")

_SUITABLE = (
    "Text encoders that write and see are Qwen3-VL, Qwen3.5, Gemma 3 and Gemma 4 with their vision weights: load one "
    "with Load CLIP, or use xLARD Load Critic."
)
_ONLY_WORDS = (
    "This ComfyUI keeps the probabilities of a text encoder's words to itself. Update ComfyUI, take a scoring that "
    "asks for words (grounded, per claim or rubric), or load the model with xLARD Load Critic."
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
        """An answer for each question, of unknown confidence where words are drawn by chance.

        Raises CriticError if memory does not suffice for one.
        """

        def run(done: int, batch: list[Ask]) -> list[Answer]:
            check_interrupt()
            (ask,) = batch
            text, ended, confidence = compat.written(
                self._clip, self.tokens(ask), self._max_tokens, sampling.temperature, sampling.seed
            )
            return [Answer(text.strip(), confidence, "" if ended else self._cut())]

        return self._one_by_one(asks, run)

    @torch.inference_mode()
    def probability_of_yes(self, asks: Sequence[Ask]) -> list[float | None]:
        """P(yes) / (P(yes) + P(no)) in [0, 1] of the next word; None if both are unlikely.

        Raises CannotDo where ComfyUI keeps the probabilities of words to itself.
        """

        def run(done: int, batch: list[Ask]) -> list[float | None]:
            (ask,) = batch
            return [yes_no.probability_of_yes(self._logits(self.tokens(ask), 1)[0], *self._yes_and_no)]

        return self._one_by_one(asks, run)

    @torch.inference_mode()
    def log_likelihood(self, asks: Sequence[Ask], texts: Sequence[str]) -> list[float]:
        """Mean log-probability, at most 0, of a text's tokens as the answer to each question.

        Raises CannotDo where ComfyUI keeps the probabilities of words to itself.
        """

        def run(done: int, batch: list[Ask]) -> list[float]:
            (ask,) = batch
            answered = self.tokens(ask, texts[done])
            words = _added(self.tokens(ask), answered)
            logits = self._logits(answered, len(words) + 1)
            return [yes_no.mean_log_likelihood(logits[:-1], torch.tensor(words, dtype=torch.long))]

        return self._one_by_one(asks, run)

    def _one_by_one(self, asks: Sequence[Ask], run: Callable[[int, list[Ask]], list[T]]) -> list[T]:
        def checked(done: int, batch: list[Ask]) -> list[T]:
            check_interrupt()
            return run(done, batch)

        results: list[T] = []
        for result in in_batches(asks, 1, checked, _make_room, self.name, compat.weight_bytes(self._clip)):
            results.append(result)
            self._on_progress(len(results), len(asks))
        return results

    def _logits(self, tokens: dict, count: int) -> Tensor:
        logits = compat.logits_of_last(self._clip, tokens, count) if compat.tells_probabilities(self._clip) else None
        if logits is None:
            raise CannotDo(_ONLY_WORDS)
        return logits

    @cached_property
    def _yes_and_no(self) -> tuple[list[int], list[int]]:
        """The tokens that an answer of yes, and of no, may begin with: whole words only, if any is one token."""
        question = Ask(questions.DESCRIBE)
        before = self.tokens(question)
        yes, no = ([_added(before, self.tokens(question, word)) for word in words] for words in (yes_no.YES, yes_no.NO))
        return _first_of_each(yes), _first_of_each(no)

    def tokens(self, ask: Ask, answer: str = "") -> dict:
        """A question as ComfyUI's tokens, among them its picture, and what an answer begins with."""
        image = None if ask.image is None else _to_image(self._picture(ask.image))
        # ComfyUI drops the first token of a text for Gemma 3, taking it for one that it put there itself.
        text = ("\n" if self._is_gemma3 else "") + self._chat.write(ask) + answer
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


def _added(before: dict, after: dict) -> list[int]:
    """The tokens at the end that only the second of two conversations has."""
    first, second = (
        _unpadded([token[0] for (row,) in compat.token_lists(tokens).values() for token in row])
        for tokens in (before, after)
    )
    is_picture = [not isinstance(token, int) for token in second]
    same = next(
        (index for index, (a, b) in enumerate(zip(first, second)) if not is_picture[index] and a != b),
        min(len(first), len(second)),
    )
    return second[same:]


def _unpadded(tokens: list[Any]) -> list[Any]:
    """Tokens without what fills them up on the left, as for LTX-2; of others the first one is left out."""
    filling = tokens[0]
    if not isinstance(filling, int):
        return tokens
    return list(dropwhile(lambda token: isinstance(token, int) and token == filling, tokens))


def _first_of_each(words: Sequence[list[int]]) -> list[int]:
    return sorted({tokens[0] for tokens in words if len(tokens) == 1} or {words[0][0]})


def _make_room() -> None:
    # ComfyUI loads the encoder again for the next question.
    comfy.model_management.unload_all_models()
    comfy.model_management.soft_empty_cache()


def _has_picture(backend: ClipBackend) -> bool:
    """Whether a picture gets a place among the tokens."""
    return compat.holds_picture(backend.tokens(Ask(questions.DESCRIBE, torch.zeros(64, 64, 3))))


def _to_image(picture: Image.Image) -> Tensor:
    return torch.from_numpy(np.asarray(picture, dtype=np.float32) / 255)[None]
