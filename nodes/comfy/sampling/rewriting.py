"""The artist's prompt with another wording: the critic writes it, CLIP encodes it, the conditioning takes it in."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

from torch import Tensor

from ....xlard.critics.rewrite import PromptRewriter
from ....xlard.critique import Critique

_LOG = logging.getLogger(__name__)

_SAME = 0.01
"""Embeddings that differ by less than this share of their size are of the same text: GPUs do not always round alike."""

_FOREIGN = (
    "no part of the positive conditioning is what the connected CLIP makes of it. Connect the CLIP of CLIP Text "
    "Encode, and write the same text into both nodes."
)

_FOREIGN_SECOND = (
    "no part of the second model's positive conditioning is what its CLIP makes of it. Connect clip of xLARD Second "
    "Model to the CLIP of its CLIP Text Encode, and write the same text there."
)

_OF_HOOKS = frozenset({"hooks", "clip_start_percent", "clip_end_percent"})
"""What ComfyUI writes beside an embedding that says nothing of the text; nodes may have changed it since."""


class ConditioningRewriter:
    """Rewords the prompt of CONDITIONINGs; implements ``xlard.protocols.Rewriter``.

    Nothing is asked or encoded before it is needed. Where none of ``parts``, a CONDITIONING or several in a row, is
    what ``clip`` makes of ``prompt``, replacing it would lose what else the artist wrote: then there is no other
    wording, and the log says so once. ``second`` does the same for a second model, where that has a CLIP or
    conditionings of its own.
    """

    def __init__(self, critic: object, clip: Any, prompt: str, parts: list, second: ConditioningRewriter | None = None):
        self._rewriter, self._second = PromptRewriter(critic), second
        self._clip, self._prompt, self._parts = clip, prompt, parts
        self._encoded: dict[str, list] = {}
        self._misfit = ""

    def __call__(self, prompt: str, critique: Critique, tried: Sequence[str] = ()) -> str | None:
        """The prompt with another wording, or None."""
        return self._rewriter(prompt, critique, tried) if prompt.strip() and self._fits() else None

    @property
    def refusal(self) -> str:
        """Why the critic or the conditioning allows no other wording; empty if they do."""
        return self._misfit or self._rewriter.refusal

    @property
    def encoders(self) -> tuple[ConditioningRewriter, ConditioningRewriter]:
        """What rewords the CONDITIONINGs of the first model, and of a second."""
        return self, self._second or self

    def reworded(self, conditioning: list, text: str) -> list:
        """A CONDITIONING with the embedding of the prompt, and what CLIP writes beside it, replaced by those of another
        text. Other parts, ControlNets, masks, areas and ranges stay.
        """
        return [self._replaced(embedding, options, text) for embedding, options in conditioning]

    def avoiding(self, negative: list, text: str) -> list:
        """A negative CONDITIONING that avoids a text, too, with what its first part holds beside its embedding."""
        of_text = {key for part in (*self._encode(self._prompt), *self._encode(text)) for key in part[1]}
        beside_first = negative[0][1] if negative else {}
        unrelated = {key: value for key, value in beside_first.items() if key not in of_text}
        return [*negative, *([embedding, {**unrelated, **beside}] for embedding, beside in self._encode(text))]

    @property
    def takes_prompts(self) -> bool:
        """Whether ``conditioning`` replaces anything."""
        return bool(self._prompt.strip()) and not self._foreign()

    def check(self) -> None:
        """Raise ValueError where another wording would leave the conditioning as it is."""
        if foreign := self._foreign():
            raise ValueError(f"The prompt cannot be split into objects: {foreign}")

    def _fits(self) -> bool:
        if not self._misfit and (foreign := self._foreign()):
            self._misfit = f"The prompt cannot be reworded: {foreign}"
            _LOG.warning("xLARD: %s", self._misfit)
        return not self._misfit

    def _foreign(self) -> str:
        """Why the prompt cannot be replaced in each model's conditioning; empty if it can."""
        if not self._belongs():
            return _FOREIGN
        return "" if self._second is None or self._second._belongs() else _FOREIGN_SECOND

    def _belongs(self) -> bool:
        """Whether some part of the conditioning is what CLIP makes of the prompt."""
        return any(self._place(embedding) is not None for embedding, _ in self._parts)

    def _replaced(self, embedding: Tensor, options: dict, text: str) -> list:
        place = self._place(embedding)
        if place is None:
            return [embedding, options]
        before, (new, beside) = self._encode(self._prompt)[place][1], self._encode(text)[place]
        of_text = (before.keys() | beside.keys()) - _OF_HOOKS
        unrelated = {key: value for key, value in options.items() if key not in of_text}
        return [new, {**unrelated, **{key: value for key, value in beside.items() if key in of_text}}]

    def _place(self, embedding: Tensor) -> int | None:
        """Which part of the encoded prompt an embedding is; a CLIP with scheduled hooks makes several."""
        encoded = enumerate(self._encode(self._prompt))
        return next((index for index, (expected, _) in encoded if _same(expected, embedding)), None)

    def _encode(self, text: str) -> list:
        if text not in self._encoded:
            self._encoded[text] = self._clip.encode_from_tokens_scheduled(self._clip.tokenize(text))
        return self._encoded[text]


def _same(expected: Tensor, embedding: object) -> bool:
    if not isinstance(embedding, Tensor) or expected.shape != embedding.shape:
        return False
    expected, embedding = expected.float().cpu(), embedding.float().cpu()
    return bool((expected - embedding).norm() <= _SAME * expected.norm())
