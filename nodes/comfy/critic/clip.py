"""A CLIP whose text encoder can write, as a critic's backend: ComfyUI loads it, runs it and takes it off the GPU."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import comfy.model_management
import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from ....xlard.critics import questions
from ....xlard.critics.backend import GREEDY, Answer, Ask, CannotDo, CriticError, Sampling
from ....xlard.critics.boxes import convention_of
from ....xlard.critics.chat_text import GEMMA4_LARGE, ChatFormat, format_of
from ....xlard.critics.memory import in_batches
from ....xlard.critics.mllm import MLLMCritic
from ....xlard.critics.pictures import resized_picture
from .folder import check_interrupt, show_progress

_OTHERS = (
    "Those that write and see are Qwen3-VL, Qwen3.5, Gemma 3 and Gemma 4 with their vision weights: load one "
    "with Load CLIP, or use xLARD Load Critic."
)
_ONLY_WORDS = (
    "A text encoder gives words and no probabilities. Take a way of scoring that asks for words, such as "
    "grounded, per claim or rubric, or load the model with xLARD Load Critic."
)

_PATCH = 32
"""Sides in multiples of what Qwen3-VL and Qwen3.5 look at reach them as they are."""
_GEMMA3_SIDE = 896
"""ComfyUI gives Gemma 3 the middle square of a picture of any other shape, and so no sight of the rest."""


class ClipBackend:
    """Asks the text encoder of a CLIP; implements ``xlard.critics.backend.Backend``.

    ``clip`` is ComfyUI's, ``encoder`` the name that its tokens carry. One question is answered at a time: ComfyUI
    writes one text at once, shows its tokens in the running node's progress and stops at any of them when the artist
    cancels."""

    def __init__(
        self,
        clip,
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

        def run(done: int, part: list[Ask]) -> list[Answer]:
            check_interrupt()
            written = self._clip.generate(
                self.tokens(part[0]),
                do_sample=sampling.temperature > 0,
                max_length=self._max_tokens,
                temperature=sampling.temperature,
                top_k=0,
                top_p=1.0,
                min_p=0.0,
                repetition_penalty=1.0,
                seed=sampling.seed,
            )
            return [Answer(self._clip.decode(written).strip())]

        weights = sum(weight.numel() * weight.element_size() for weight in self._clip.cond_stage_model.parameters())
        answers = []
        for answer in in_batches(asks, 1, run, _make_room, self.name, weights):
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
        # The encoders' own templates are for drawing, so the text brings its turns along.
        return self._clip.tokenize(text, image=image, skip_template=True)

    def _picture(self, image: Tensor) -> Image.Image:
        picture = resized_picture(image, _PATCH)
        if self._is_gemma3:
            return picture.resize((_GEMMA3_SIDE, _GEMMA3_SIDE), Image.Resampling.LANCZOS)
        return picture


def load_clip_critic(clip, max_tokens: int = 1024) -> MLLMCritic:
    """A CLIP as critic; loads nothing. Raises CriticError if ComfyUI or the text encoder cannot write, or cannot
    see."""
    if not hasattr(clip, "generate"):
        raise CriticError(
            "This ComfyUI cannot have a text encoder write: 0.15 and newer can, 0.26 and newer with Qwen3-VL. "
            "Update ComfyUI, or use xLARD Load Critic."
        )
    encoder = " and ".join(_batches(clip.tokenize("")))
    transformer = _transformer(clip.cond_stage_model)
    if not hasattr(clip.cond_stage_model, "generate") or not _writes(transformer):
        raise CriticError(f"ComfyUI cannot have the text encoder '{encoder}' write, only encode prompts. {_OTHERS}")
    chat = _chat_format(clip, encoder)
    backend = chat and ClipBackend(clip, encoder, chat, max_tokens, show_progress)
    # Without this attribute, ComfyUI would drop the picture and say nothing.
    if not backend or not hasattr(transformer, "preprocess_embed") or not _has_picture(backend):
        raise CriticError(f"The text encoder '{encoder}' can write but not see pictures. {_OTHERS}")
    return MLLMCritic(backend)


def _make_room() -> None:
    # ComfyUI loads the encoder again for the next question.
    comfy.model_management.unload_all_models()
    comfy.model_management.soft_empty_cache()


def _transformer(model: nn.Module) -> nn.Module | None:
    """The network inside ComfyUI's wrappers of a text encoder."""
    return next((part.transformer for part in model.modules() if hasattr(part, "transformer")), None)


def _writes(transformer: nn.Module | None) -> bool:
    """Whether ComfyUI has all of a language model, and not only the layers that prompts need.

    Qwen2.5-VL lacks the tokens that end an answer and the layer that makes words (ComfyUI issues 15032 and 15047),
    MiniMax's Qwen3-VL its last layers."""
    config = getattr(getattr(transformer, "model", None), "config", None)
    return hasattr(transformer, "generate") and hasattr(config, "stop_tokens") and getattr(config, "final_norm", True)


def _chat_format(clip, encoder: str) -> ChatFormat | None:
    """How the encoder is spoken to; ComfyUI's tokenizers know which sizes of Gemma 4 would think first."""
    large = any(getattr(part, "prime_empty_thought", False) for part in vars(clip.tokenizer).values())
    return GEMMA4_LARGE if large else format_of(encoder)


def _has_picture(backend: ClipBackend) -> bool:
    """Whether a picture gets a place among the tokens."""
    tokens = backend.tokens(Ask(questions.DESCRIBE, torch.zeros(64, 64, 3)))
    return any(
        isinstance(token[0], dict) for batches in _batches(tokens).values() for batch in batches for token in batch
    )


def _batches(tokens: dict) -> dict[str, list]:
    """The tokens by encoder, without the options that a tokenizer puts beside them for it."""
    return {encoder: batches for encoder, batches in tokens.items() if isinstance(batches, list)}


def _to_image(picture: Image.Image) -> Tensor:
    return torch.from_numpy(np.asarray(picture, dtype=np.float32) / 255)[None]
