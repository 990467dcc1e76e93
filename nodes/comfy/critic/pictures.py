"""Critiques as IMAGE, MASK and text."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from comfy_api.latest import io
from PIL import Image
from torch import Tensor

from ....xlard.critics.broken_pictures import MENDS
from ....xlard.critique import Critique
from ....xlard.loop.state import LoopState
from ....xlard.report.drawing import NO_CLAIM, annotate, card, object_masks, summarise, wrong_mask
from ..result_card import critiques_card, preview_files

_CARD_WIDTH = 384
_PREVIEW_SIDE = 512
_MARKS = {True: "\u2713", False: "\u2717", None: "?"}


def checked_images(images: Tensor) -> Tensor:
    """An IMAGE as (B, H, W, 3) in [0, 1], alpha dropped; raises ValueError if it is empty or holds NaN."""
    if not torch.isfinite(images).all():
        raise ValueError(f"The image holds NaN or infinite values. {MENDS}")
    return shaped_images(images)


def shaped_images(images: Tensor) -> Tensor:
    """An IMAGE as (B, H, W, 3) in [0, 1] but for NaN, alpha dropped; raises ValueError if it is empty."""
    if images.ndim != 4 or images.numel() == 0:
        raise ValueError(
            "An image must have the shape (batch, height, width, 3) with no empty side; this one is "
            f"{tuple(images.shape)}. Check the node that made it."
        )
    return images[..., :3].float().clamp(0, 1)


def one_image(images: Tensor) -> Tensor:
    """The only picture (H, W, 3) in [0, 1] of an IMAGE; raises ValueError for a batch of several, and for an image that
    cannot be judged.
    """
    if len(images) > 1:
        raise ValueError(
            f"An edit has one source; this image is a batch of {len(images)}. Take one picture of it, for example with "
            "ImageFromBatch."
        )
    return checked_images(images)[0]


def preview(image: Tensor, critique: Critique) -> tuple[str, Image.Image, int]:
    """An image (H, W, 3) with boxes, as ComfyUI's progress bar shows it on the running node."""
    return "JPEG", annotate(image.cpu(), critique), _PREVIEW_SIDE


def annotated_images(images: Tensor, critiques: Sequence[Critique], notes: Sequence[str] = ()) -> Tensor:
    """Images (B, H, W, 3) with boxes, each beside the card of its claims and the ``notes``, as one IMAGE batch."""
    sheets = []
    for image, critique in zip(images, critiques):
        picture = annotate(image, critique)
        claims = card(critique, _CARD_WIDTH, notes)
        sheet = Image.new("RGB", (picture.width + claims.width, max(picture.height, claims.height)), "white")
        sheet.paste(picture, (0, 0))
        sheet.paste(claims, (picture.width, 0))
        sheets.append(sheet)
    height = max(sheet.height for sheet in sheets)
    # Cards differ in height, and a batch must not.
    padded = [np.asarray(sheet.crop((0, 0, sheet.width, height))) for sheet in sheets]
    return torch.from_numpy(np.stack(padded)).float() / 255


def critique_output(
    node: type[io.ComfyNode], images: Tensor, critiques: Sequence[Critique], notes: Sequence[str] = ()
) -> io.NodeOutput:
    """What ``sockets.judgement`` declares, of images (B, H, W, 3); the ``node`` shows boxes and claims."""
    annotated = annotated_images(images, critiques, notes)
    size = images.shape[1:3]
    return io.NodeOutput(
        critiques,
        annotated,
        [[detection.to_bounding_box() for detection in critique.detections] for critique in critiques],
        wrong_masks(images, critiques),
        [critique.score for critique in critiques],
        [critique.passed for critique in critiques],
        critique_text(critiques, notes),
        torch.cat([object_masks(critique, *size) for critique in critiques]),
        ui={**preview_files(_with_boxes(images, critiques), node), **critiques_card(node, images, critiques, notes)},
    )


def _with_boxes(images: Tensor, critiques: Sequence[Critique]) -> Tensor:
    pictures = [annotate(image, critique) for image, critique in zip(images, critiques)]
    return torch.from_numpy(np.stack([np.asarray(picture) for picture in pictures])).float() / 255


def wrong_masks(images: Tensor, critiques: Sequence[Critique]) -> Tensor:
    """What is wrong in each picture, as MASK (B, H, W)."""
    return torch.stack([wrong_mask(critique, *images.shape[1:3]) for critique in critiques])


def critique_text(critiques: Sequence[Critique], notes: Sequence[str] = ()) -> str:
    """A report in plain words: one line for each claim of each picture, and for each box that claims rest on; then the
    ``notes``.

    What is true of all claims of a picture without a verdict is said once.
    """
    lines = []
    abstained = sum(critique.abstained for critique in critiques)
    if abstained and len(critiques) > 1:
        lines.append(f"No verdict on {abstained} of {len(critiques)} pictures")
    for number, critique in enumerate(critiques, 1):
        reasons = {verdict.reason for verdict in critique.verdicts}
        cause = "".join(reasons) if critique.abstained and len(reasons) == 1 else ""
        why = cause if critique.verdicts else NO_CLAIM
        lines.append(f"Picture {number}: {summarise(critique)}" + (f". {why}" if why else ""))
        lines += [
            f"  {_MARKS[verdict.passed]} {verdict.claim.shown}" + ("" if cause else f": {verdict.reason}")
            for verdict in critique.verdicts
        ]
        lines += [
            f"  box of a {region.detection.label} at {region.detection.x:.0f}, {region.detection.y:.0f}: "
            f"{region.score:.2f}, {region.reason}"
            for region in critique.regions
        ]
    return "\n".join([*lines, *notes])


def states_text(states: Sequence[LoopState]) -> str:
    """The critiques of the best pictures of a loop in plain words, what of the prompts became no claim, and why it
    ended early if the critic failed.
    """
    notes = dict.fromkeys(note for state in states for note in state.notes)
    ended = dict.fromkeys(state.ended for state in states if state.ended)
    return "\n".join([critique_text([state.best.critique for state in states], list(notes)), *ended])
