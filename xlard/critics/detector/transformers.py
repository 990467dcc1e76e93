"""A detector of transformers, from a folder: which nouns it looks for, and where it sees them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any

import torch
from torch import Tensor, nn

from ...detections import Detection
from ..backend import Ask
from ..memory import empty_cache, in_batches
from ..pictures import full_picture
from .folder import DetectorFolder
from .reading import inputs_of, read
from .suppression import without_duplicates

THRESHOLD, OVERLAP = 0.3, 0.7
"""Defaults of the score from which a box counts, and of the overlap (IoU) above which two boxes show one object."""

SMALLER_DETECTOR = (
    "Take a smaller detector, or a smaller size in its preprocessor_config.json: it scales each picture to that size."
)
"""What helps where its memory does not suffice: scaling the pictures does not."""

NOUNS_AT_ONCE = 16
"""So many nouns are asked for in one text: longer ones make open detectors miss things."""


class TransformersDetector:
    """Looks for nouns with the model that ``model()`` returns, which must be on its device; implements ``Detector``.

    Boxes count from a score of ``threshold`` on; of two boxes of one thing that overlap (IoU) by more than
    ``most_overlap`` the surer one counts; both in [0, 1]. ``check_interrupt`` is called before each picture, and may
    raise. If memory runs out, ``make_room`` is called and the picture tried again.
    """

    def __init__(
        self,
        folder: DetectorFolder,
        model: Callable[[], nn.Module],
        threshold: float = THRESHOLD,
        most_overlap: float = OVERLAP,
        check_interrupt: Callable[[], None] | None = None,
        make_room: Callable[[], None] = empty_cache,
    ):
        self.folder, self.model, self.threshold, self.most_overlap = folder, model, threshold, most_overlap
        self.check_interrupt, self.make_room = check_interrupt or (lambda: None), make_room
        self.name, self.exact = folder.name, not folder.is_open

    @cached_property
    def _labels(self) -> frozenset[str]:
        return frozenset(self.folder.labels.values())

    def knows(self, noun: str) -> bool:
        """Whether it can look for a noun: an open detector for any whose tokens it knows, a closed one for its
        labels.
        """
        if not self.folder.is_open:
            return noun in self._labels
        tokenizer = self.folder.processor.tokenizer
        tokens = tokenizer(noun, add_special_tokens=False).input_ids
        return bool(tokens) and tokenizer.unk_token_id not in tokens

    def detect(self, image: Tensor, nouns: Sequence[str]) -> list[Detection]:
        """Where nouns that it knows are in an image (H, W, 3) in [0, 1], surest first, without colours.

        Raises UnreadableAnswer if what it computes are no numbers, CriticError if memory does not suffice.
        """
        at_once = NOUNS_AT_ONCE if self.folder.is_open else len(nouns)
        found: list[Detection] = []
        for start in range(0, len(nouns), max(at_once, 1)):
            found += self._found(image, nouns[start : start + at_once])
        # Suppressed with all labels of a closed detector: a surer cat takes its box from a dog that is asked for.
        return [detection for detection in without_duplicates(found, self.most_overlap) if detection.noun in nouns]

    def _found(self, image: Tensor, nouns: Sequence[str]) -> list[Detection]:
        def run(done: int, asks: list[Ask]) -> list[list[Detection]]:
            self.check_interrupt()
            return [self._seen(image, nouns)]

        ask = Ask(", ".join(nouns), image)
        (found,) = in_batches(
            [ask], 1, run, self.make_room, self.name, self.folder.weights, self.folder.role, SMALLER_DETECTOR
        )
        return found

    @torch.inference_mode()
    def _seen(self, image: Tensor, nouns: Sequence[str]) -> list[Detection]:
        # A full stop or a question mark would end a noun before its last word.
        asked = [" ".join(noun.replace(".", " ").replace("?", " ").split()) for noun in nouns]
        inputs: Any = inputs_of(self.folder, full_picture(image), asked)
        model = self.model()
        inputs = inputs.to(next(model.parameters()).device)
        outputs = model(**inputs)
        return read(self.folder, inputs, outputs, nouns, (image.shape[0], image.shape[1]), self.threshold)


def loaded_detector(folder: DetectorFolder, device: str = "cpu", **options: Any) -> TransformersDetector:
    """A detector outside ComfyUI with its model on one device; ``options`` are those of TransformersDetector."""
    model = folder.load_module().to(device)
    return TransformersDetector(folder, lambda: model, **options)
