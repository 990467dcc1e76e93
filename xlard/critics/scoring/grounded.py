"""Grounded: the model lists objects with boxes, and arithmetic decides. It never sees the prompt."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from ...claims import Claim
from ...critique import Critique, Verdict, critique_of, no_verdict
from ...detections import Detection
from ...rewards import decidable, judge_by_boxes, region_scores
from .. import questions
from ..asking import Reply, ask_all
from ..backend import GREEDY, Answer, Ask, Backend, Sampling
from ..parsing import read_detections, read_json, validated
from .base import grouped
from .per_claim import ask_verdicts


def list_objects(
    backend: Backend, images: Tensor, claims: Sequence[Sequence[Claim]], sampling: Sampling = GREEDY
) -> list[Reply[list[Detection]]]:
    """Ask for the objects of images (B, H, W, 3), naming the nouns of their claims; boxes are in pixels."""
    from ..schemas import LISTED, answer_schema

    height, width = images.shape[1:3]
    sizes = [backend.seen_size(image) for image in images]
    schema = answer_schema(LISTED, backend.boxes.key)
    asks = [
        Ask(questions.list_objects(claims_of_picture, backend.boxes, size), image, schema=schema)
        for claims_of_picture, size, image in zip(claims, sizes, images)
    ]
    size_of = {id(ask.image): size for ask, size in zip(asks, sizes)}

    def read(ask: Ask, answer: Answer) -> list[Detection]:
        objects = validated(LISTED, read_json(answer.text, "["), answer.text)
        score = 1.0 if answer.confidence is None else answer.confidence
        return read_detections(objects, backend.boxes, size_of[id(ask.image)], width, height, score)

    return ask_all(backend, asks, read, sampling)


class Grounded:
    """Boxes decide objects, counts, colours and positions; other claims are asked about as in ``per claim``."""

    name, samples = "grounded", True

    def judge(
        self, backend: Backend, images: Tensor, claims: Sequence[Sequence[Claim]], sampling: Sampling = GREEDY
    ) -> list[Critique]:
        """Judge images (B, H, W, 3) in [0, 1], each against its own claims. Raises CriticError."""
        replies = list_objects(backend, images, claims, sampling)
        undecidable = [[claim for claim in claims_of_picture if not decidable(claim)] for claims_of_picture in claims]
        verdicts = grouped(undecidable, ask_verdicts(backend, images, undecidable, sampling))
        side = max(images.shape[1:3])
        return [
            _critique(claims_of_picture, reply, {verdict.claim: verdict for verdict in verdicts_of_picture}, side)
            for claims_of_picture, reply, verdicts_of_picture in zip(claims, replies, verdicts)
        ]


def _critique(
    claims: Sequence[Claim], reply: Reply[list[Detection]], by_model: dict[Claim, Verdict], side: float
) -> Critique:
    if reply.value is None:
        verdicts = [by_model.get(claim) or no_verdict(claim, reply.error) for claim in claims]
        return critique_of(verdicts, confidence=0.0, answer=reply.answer.text)
    verdicts = [by_model.get(claim) or judge_by_boxes(claim, reply.value, side) for claim in claims]
    confidence = 1.0 if reply.answer.confidence is None else reply.answer.confidence
    return critique_of(verdicts, reply.value, confidence, reply.answer.text, region_scores(verdicts, reply.value))
