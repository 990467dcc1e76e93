"""Boxes and masks that another program has made, as ComfyUI's BOUNDING_BOX and MASK: what they say about claims."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from itertools import chain

import torch
from pydantic import BaseModel, TypeAdapter, ValidationError
from torch import Tensor

from ...claims import Claim
from ...critique import Critique
from ...detections import Detection
from ...english import parse_label
from ...rewards import abstention
from .judging import judge_seen

NOT_FINITE = "a box or its score is no number (NaN). Check the node that made it."


class GivenBox(BaseModel):
    """A BOUNDING_BOX: top-left corner, width and height in pixels, and what not every node adds."""

    x: float
    y: float
    width: float
    height: float
    label: str | None = None
    score: float = 1.0

    @property
    def is_finite(self) -> bool:
        """Whether all its numbers are numbers."""
        return all(map(math.isfinite, (self.x, self.y, self.width, self.height, self.score)))


_FORMS = TypeAdapter(GivenBox | list[GivenBox] | list[list[GivenBox] | None] | None)


def critiques_of_boxes(
    images: Tensor,
    claims: Sequence[Claim],
    boxes: object,
    label: str = "",
    masks: Tensor | None = None,
    individual: bool = False,
) -> list[Critique]:
    """Critiques of images (B, H, W, 3) in [0, 1] on the same claims, by boxes that another program found.

    ``boxes`` is a box, a list of boxes, which stand in every picture, or a list of such lists, one for each picture.
    ``label`` names what was looked for, separated by commas: it tells a noun that is not there from one that nobody
    has looked for, and what boxes show that carry no label. ``masks`` (B, H, W) show all objects of a picture together,
    or ``individual`` ones (N, H, W) one object each, in the order of the boxes. Raises ValueError if the boxes, their
    number or the masks do not fit, or nothing says what a box shows.
    """
    lists = _listed(boxes, len(images))
    nouns = list(dict.fromkeys(parse_label(part)[1] for part in re.split(r"[,;\n]", label) if part.strip()))
    labelled = {parse_label(box.label)[1] for box in chain(*lists) if box.label}
    looked_for = labelled.union(nouns)
    masks_of = _shared_out(masks, lists, individual, images.shape[1:3])

    def why_unknown(noun: str) -> str:
        # A tabby cat is a cat, as in ``matching``.
        known = any(other == noun or other.endswith(f" {noun}") for other in looked_for)
        return "" if known else f"nobody has looked for '{noun}': write it into label if somebody has"

    critiques = []
    for image, own, own_masks in zip(images, lists, masks_of):
        if all(box.is_finite for box in own):
            for box in own:
                _check_inside(box, image)
            objects = [_detection(box, mask, nouns) for box, mask in zip(own, own_masks)]
            critiques.append(judge_seen(claims, objects, image, why_unknown))
        else:
            critiques.append(abstention(claims, "", NOT_FINITE))
    return critiques


def _check_inside(box: GivenBox, image: Tensor) -> None:
    """Raises ValueError for a box that shows nothing of an image (H, W, 3)."""
    height, width = image.shape[:2]
    if box.width <= 0 or box.height <= 0:
        raise ValueError(
            f"A box is {box.width:g} pixels wide and {box.height:g} high, so it shows nothing. Boxes are x, y, width "
            "and height, and not two corners: check the node that made it."
        )
    if box.x >= width or box.y >= height or box.x + box.width <= 0 or box.y + box.height <= 0:
        raise ValueError(
            f"A box at {box.x:g}, {box.y:g} lies outside of the picture of {width} x {height} pixels. Connect the "
            "pictures that the boxes were found in, of the same size."
        )


def _listed(boxes: object, number: int) -> list[list[GivenBox]]:
    """The boxes of each of ``number`` pictures."""
    try:
        given = _FORMS.validate_python(boxes)
    except ValidationError as error:
        raise ValueError(
            "The boxes cannot be read: they must be BOUNDING_BOX, with x, y, width and height in pixels, one, a list, "
            "or a list for each picture. Lists of two corners have to be made into these by another node."
        ) from error
    if isinstance(given, GivenBox):
        given = [given]
    if given is None or all(isinstance(box, GivenBox) for box in given):
        # ComfyUI's own nodes take a plain list as the boxes of every picture.
        return [list(given or [])] * number  # type: ignore[arg-type]
    if len(given) != number:
        raise ValueError(
            f"There are lists of boxes for {len(given)} pictures, and {number} pictures. Connect the same pictures"
            " here and to the node that finds the boxes."
        )
    return [list(own or []) for own in given]  # type: ignore[arg-type]


def _detection(box: GivenBox, mask: Tensor | None, nouns: Sequence[str]) -> Detection:
    if box.label and box.label.strip():
        color, noun = parse_label(box.label)
    elif len(nouns) == 1:
        color, noun = None, nouns[0]
    else:
        named = f"label names {len(nouns)} things" if nouns else "label is empty"
        raise ValueError(
            f"A box does not say what it shows, and {named}. Write into label what it is, one thing such as "
            "'cat', or take a node whose boxes carry labels."
        )
    part = None if mask is None else _inside(mask, box)
    return Detection(box.x, box.y, box.width, box.height, noun, color, box.score, part)


def _inside(mask: Tensor, box: GivenBox) -> Tensor | None:
    """What of a mask (H, W) lies in a box; None if that is nothing, since then only the box is known."""
    part = torch.zeros_like(mask)
    rows = slice(max(0, math.floor(box.y)), max(0, math.ceil(box.y + box.height)))
    columns = slice(max(0, math.floor(box.x)), max(0, math.ceil(box.x + box.width)))
    part[rows, columns] = (mask[rows, columns] > 0.5).to(mask.dtype)
    return part if part.any() else None


def _shared_out(
    masks: Tensor | None, lists: Sequence[Sequence[GivenBox]], individual: bool, size: Sequence[int]
) -> list[list[Tensor | None]]:
    """For each box of each picture its mask, (H, W)."""
    if masks is None:
        return [[None] * len(own) for own in lists]
    masks = masks[None] if masks.ndim == 2 else masks
    if tuple(masks.shape[1:]) != tuple(size):
        raise ValueError(
            f"The masks are {masks.shape[2]} x {masks.shape[1]} pixels, the pictures {size[1]} x {size[0]}. Connect the"
            " pictures that the masks were made of."
        )
    needed = sum(map(len, lists)) if individual else len(lists)
    if len(masks) != needed:
        kind = "boxes, and individual_masks is on" if individual else "pictures, and individual_masks is off"
        raise ValueError(
            f"There are {len(masks)} masks for {needed} {kind}. Set individual_masks here as it is set in the node that"
            " made them."
        )
    if not individual:
        return [[mask] * len(own) for mask, own in zip(masks, lists)]
    single = iter(masks)
    return [[next(single) for _ in own] for own in lists]
