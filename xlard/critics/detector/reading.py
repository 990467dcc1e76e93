"""What a detector's outputs say: boxes, scores and nouns, for each way in which detectors are asked."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from ...detections import Detection
from ..backend import UnreadableAnswer
from .folder import DetectorFolder

NOT_FINITE = (
    "The detector computed no numbers (NaN), so its boxes mean nothing. Copy or download its weights again, and check"
    " the picture."
)

_SCORES_AND_BOXES = ("logits", "pred_boxes", "decoder_class_logits", "decoder_coord_logits")
"""What transformers' detectors call their scores and boxes; -inf there stands for a token that is not part of the
text.
"""
_GROUNDING = ("grounding-dino", "mm-grounding-dino")
"""Architectures whose scores belong to the tokens of one text with all nouns, not to the nouns."""
_OMDET = "omdet-turbo"
_PHOTO = ("owlvit", "owlv2")
"""Architectures that know things by their captions."""


def inputs_of(folder: DetectorFolder, picture: Any, nouns: Sequence[str]) -> Any:
    """The inputs for a picture (of Pillow): a batch of one, with the nouns as text if the detector is open."""
    if not folder.is_open:
        return folder.processor(images=picture, return_tensors="pt")
    texts = [f"a photo of a {noun}" for noun in nouns] if folder.model_type in _PHOTO else list(nouns)
    return folder.processor(images=picture, text=[texts], return_tensors="pt", truncation=True)


def read(
    folder: DetectorFolder, inputs: Any, outputs: Any, nouns: Sequence[str], size: tuple[int, int], threshold: float
) -> list[Detection]:
    """The objects above a threshold in [0, 1] in a picture of ``size`` (height, width) in pixels, cut off at its edge.

    Raises UnreadableAnswer if scores or boxes are no numbers.
    """
    found = [getattr(outputs, name, None) for name in _SCORES_AND_BOXES]
    if any(value is not None and bool(torch.isnan(value).any()) for value in found):
        raise UnreadableAnswer(NOT_FINITE)
    settings = {"threshold": threshold, "target_sizes": [size]}
    if not folder.is_open:
        (result,) = folder.processor.post_process_object_detection(outputs, **settings)
        # Heads with more numbers than names leave some without one, and nobody can ask for these.
        names = [folder.labels.get(int(label), "") for label in result["labels"]]
    elif folder.model_type in _GROUNDING:
        scores = _scores_of_spans(folder.processor.tokenizer, inputs["input_ids"][0], outputs.logits[0])
        result = _best_noun(scores, outputs.pred_boxes[0], size, threshold)
        names = [nouns[place] for place in result["labels"]]
    elif folder.model_type == _OMDET:
        # Its processor needs compiled parts of torchvision, which must fit the installed PyTorch.
        result = _best_noun(
            outputs.decoder_class_logits[0, :, : len(nouns)].float().sigmoid(),
            outputs.decoder_coord_logits[0],
            size,
            threshold,
        )
        names = [nouns[place] for place in result["labels"]]
    else:
        (result,) = folder.processor.post_process_grounded_object_detection(
            outputs, text_labels=[list(nouns)], **settings
        )
        names = result["text_labels"]
    boxes, scores = result["boxes"].tolist(), result["scores"].tolist()
    return list(_inside(boxes, names, scores, size))


def noun_spans(tokens: Sequence[int], stop: int, special: Sequence[int]) -> list[list[int]]:
    """For each noun of a text "cat. fire truck." the places of its tokens; ``stop`` is the token of the full stop, and
    ``special`` ones begin, end and pad the text.
    """
    spans: list[list[int]] = [[]]
    for place, token in enumerate(tokens):
        if token == stop:
            spans.append([])
        elif token not in special:
            spans[-1].append(place)
    return spans[:-1]


def _scores_of_spans(tokenizer: Any, tokens: Tensor, logits: Tensor) -> Tensor:
    """Grounding DINO's score in [0, 1] of each query for each noun, (Q, N): the mean probability of the noun's tokens,
    as in MM-Grounding-DINO's evaluation on COCO (arXiv 2401.02361).

    The processor's own reading gives words of several nouns mixed together, and the score of any one token.
    """
    special = (tokenizer.cls_token_id, tokenizer.sep_token_id, tokenizer.pad_token_id)
    spans = noun_spans(tokens.tolist(), tokenizer.convert_tokens_to_ids("."), special)
    probabilities = logits.float().sigmoid()
    nothing = torch.zeros_like(probabilities[:, 0])
    return torch.stack([probabilities[:, span].mean(dim=-1) if span else nothing for span in spans], dim=-1)


def _best_noun(scores: Tensor, boxes: Tensor, size: tuple[int, int], threshold: float) -> dict[str, Any]:
    """The queries whose best score (Q, N) in [0, 1] is above the threshold; boxes (Q, 4) are their middles and sizes as
    shares of the picture's.
    """
    best, labels = scores.cpu().max(dim=-1)
    (x, y, width, height), (rows, columns) = boxes.float().cpu().unbind(-1), size
    corners = torch.stack([x - width / 2, y - height / 2, x + width / 2, y + height / 2], dim=-1)
    corners = corners * torch.tensor([columns, rows, columns, rows])
    kept = best > threshold
    return {"boxes": corners[kept], "scores": best[kept], "labels": labels[kept].tolist()}


def _inside(
    boxes: Sequence[Sequence[float]], names: Sequence[str], scores: Sequence[float], size: tuple[int, int]
) -> Iterator[Detection]:
    height, width = size
    for box, name, score in zip(boxes, names, scores):
        left, right = (min(max(x, 0.0), float(width)) for x in box[::2])
        top, bottom = (min(max(y, 0.0), float(height)) for y in box[1::2])
        if right > left and bottom > top:
            yield Detection(left, top, right - left, bottom - top, name, None, score)
