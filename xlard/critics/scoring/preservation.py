"""Whether all else is as it was: a picture compared with its source outside of what an instruction may change."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from ...claims import Claim
from ...critique import Critique, Verdict, critique_of, no_verdict
from ...detections import Detection
from ...edit import GROWTH, Edit, pixels_of

TOLERANCE = 0.1
"""How far a pixel may be from the source's, as the mean over its channels in [0, 1], and still be as it was."""

STAYED = 0.98
"""Share of the pixels outside that must be as they were."""


def judge_with_source(
    images: Tensor, claims: Sequence[Sequence[Claim]], judge: Callable[[Sequence[Sequence[Claim]]], list[Critique]]
) -> list[Critique]:
    """Critiques of images (B, H, W, 3) in [0, 1], where claims with an edit are judged here and all others by
    ``judge``.

    Raises ValueError for an image of another size than its source.
    """
    critiques = judge([[claim for claim in own if claim.edit is None] for own in claims])
    return [
        _completed(image, own, critique) if any(claim.edit for claim in own) else critique
        for image, own, critique in zip(images, claims, critiques)
    ]


def judge_rest(claim: Claim, image: Tensor, found: Sequence[Detection]) -> Verdict:
    """Whether an image (H, W, 3) is the source outside of what the claim's edit touches.

    The score is the share of pixels outside that stayed, times the share of things that are where they were and of
    those that nobody asked for. Without any ``found`` only pixels count: not every way of scoring lists things."""
    edit = claim.edit
    asked, others = edit.arrived(found)
    stayed = stayed_outside(edit, image, asked)
    lost = [kept for kept, there in edit.still_there(found) if there is None] if found else []
    things = len(edit.staying) + len(others)
    score = stayed * (len(edit.staying) - len(lost)) / things if things and found else stayed
    # Rounded down: a share that is too small must not read as one that is not.
    reason = [f"{math.floor(1000 * stayed) / 10:.1f}% of its pixels stayed"] if not edit.statements else []
    reason += [
        f"{word}: {', '.join(d.label for d in those)}"
        for word, those in (("gone or moved", lost), ("new", others))
        if those
    ]
    return Verdict(claim, stayed >= STAYED and not lost and not others, score, tuple(others), "; ".join(reason))


def stayed_outside(edit: Edit, image: Tensor, asked: Sequence[Detection]) -> float:
    """The share in [0, 1] of an image's pixels (H, W, 3) that are the source's, outside of what is touched and
    ``asked`` for.

    1 where all of the picture may change. Raises ValueError for another size than the source's.
    """
    if image.shape != edit.image.shape:
        raise ValueError(
            f"The picture is {image.shape[1]} x {image.shape[0]} pixels, its source {edit.size[1]} x {edit.size[0]}:"
            " they cannot be compared. Scale the source to the size of the result before it goes into xLARD Edit"
            " Claims. VAE Encode cuts off what is no whole cell of the latent: with sides that are multiples of 16 or"
            " 32 pixels it cuts nothing."
        )
    outside = ~pixels_of((*edit.touched, *asked), edit.size, GROWTH)
    if edit.statements or not outside.any():
        return 1.0
    # The mean over neighbours, so that grain and a contour that moved by a fraction of a pixel are no change.
    difference = (image.float().cpu() - edit.image).movedim(-1, 0)
    around = (
        torch.nn.functional.avg_pool2d(difference, 3, stride=1, padding=1, count_include_pad=False).abs().mean(dim=0)
    )
    return (around[outside] <= TOLERANCE).float().mean().item()


def _completed(image: Tensor, claims: Sequence[Claim], critique: Critique) -> Critique:
    judged = {verdict.claim: verdict for verdict in critique.verdicts}
    for claim in claims:
        if claim.edit is not None:
            judged[claim] = (
                no_verdict(claim, "the critic gave no verdict on anything else")
                if critique.abstained
                else judge_rest(claim, image, critique.detections)
            )
    verdicts = [judged[claim] for claim in claims]
    return critique_of(verdicts, critique.detections, critique.confidence, critique.answer, critique.regions)
