"""Preservation: a picture is compared with its source, outside of what an instruction may change."""

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
"""How far an unchanged pixel may be from the source's, as the mean over its channels in [0, 1]."""

STAYED = 0.98
"""Share of the pixels outside that must be unchanged."""


def judge_with_source(
    images: Tensor, claims: Sequence[Sequence[Claim]], judge: Callable[[Sequence[Sequence[Claim]]], list[Critique]]
) -> list[Critique]:
    """Critiques of images (B, H, W, 3) in [0, 1]; claims with an edit are judged here, all others by ``judge``.

    Raises ValueError for an image whose size is not that of its source.
    """
    critiques = judge([[claim for claim in claims_of_picture if claim.edit is None] for claims_of_picture in claims])
    return [
        _completed(image, claims_of_picture, critique) if any(claim.edit for claim in claims_of_picture) else critique
        for image, claims_of_picture, critique in zip(images, claims, critiques)
    ]


def judge_rest(claim: Claim, edit: Edit, image: Tensor, detections: Sequence[Detection]) -> Verdict:
    """Whether an image (H, W, 3) is the source of an edit outside of what the edit touches.

    The score is the share of pixels outside that are unchanged, times the share of objects in place among those that
    stay and those that nobody asked for. Without ``detections`` only pixels count: not every scoring lists objects.
    """
    requested, surplus = edit.arrived(detections)
    unchanged = stayed_outside(edit, image, requested)
    lost = [staying for staying, match in edit.still_there(detections) if match is None] if detections else []
    objects = len(edit.staying) + len(surplus)
    score = unchanged * (len(edit.staying) - len(lost)) / objects if objects and detections else unchanged
    # Rounded down: a share that is too small must not read as one that is not.
    reasons = [f"{math.floor(1000 * unchanged) / 10:.1f}% of its pixels stayed"] if not edit.statements else []
    reasons += [
        f"{change}: {', '.join(d.label for d in changed)}"
        for change, changed in (("gone or moved", lost), ("new", surplus))
        if changed
    ]
    passed = unchanged >= STAYED and not lost and not surplus
    return Verdict(claim, passed, score, tuple(surplus), "; ".join(reasons))


def stayed_outside(edit: Edit, image: Tensor, requested: Sequence[Detection]) -> float:
    """The share in [0, 1] of the pixels of an image (H, W, 3) that are unchanged, outside of what the edit touches and
    of ``requested`` new objects.

    1 where the whole picture may change. Raises ValueError for an image whose size is not that of the source.
    """
    if image.shape != edit.image.shape:
        raise ValueError(
            f"The picture is {image.shape[1]} x {image.shape[0]} pixels, its source {edit.size[1]} x {edit.size[0]}:"
            " they cannot be compared. Scale the source to the size of the result before it goes into xLARD Edit"
            " Claims. VAE Encode cuts sides to whole cells of the latent: it cuts nothing from sides that are multiples"
            " of 16 or 32 pixels."
        )
    outside = ~pixels_of((*edit.touched, *requested), edit.size, GROWTH)
    if edit.statements or not outside.any():
        return 1.0
    # The mean over neighbours: grain, and a contour that moved by a fraction of a pixel, are no change.
    difference = (image.float().cpu() - edit.image).movedim(-1, 0)
    smooth = torch.nn.functional.avg_pool2d(difference, 3, stride=1, padding=1, count_include_pad=False)
    return (smooth.abs().mean(dim=0)[outside] <= TOLERANCE).float().mean().item()


def _completed(image: Tensor, claims: Sequence[Claim], critique: Critique) -> Critique:
    """The critique with a verdict on each claim that has an edit."""
    verdict_on = {verdict.claim: verdict for verdict in critique.verdicts}
    for claim in claims:
        if claim.edit is not None:
            verdict_on[claim] = (
                no_verdict(claim, "the critic gave no verdict on anything else")
                if critique.abstained
                else judge_rest(claim, claim.edit, image, critique.detections)
            )
    verdicts = [verdict_on[claim] for claim in claims]
    return critique_of(verdicts, critique.detections, critique.confidence, critique.answer, critique.regions)
