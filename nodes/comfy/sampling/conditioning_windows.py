"""A CONDITIONING for parts of pictures: what it says of places is cut out with each of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import comfy.utils
import torch
import torch.nn.functional as F
from torch import Tensor

from ....xlard.protocols import Window
from ..compat.sampling import control_chain, control_with_hints

_WHOLE = frozenset(
    {"concat_image", "concat_latent_image", "concat_mask", "gligen", "noise_concat", "reference_latents"}
)
"""What a CONDITIONING may hold that is of a whole picture and cannot be cut out."""

_OF_AREAS = ("area", "mask", "set_area_to_bounds")


def can_be_cut(conditioning: list) -> bool:
    """Whether a CONDITIONING holds nothing that only fits a whole picture: latents beside it, or GLIGEN's boxes."""
    return not any(_WHOLE & options.keys() for _, options in conditioning)


def conditioning_of_windows(conditioning: list, windows: Sequence[Window], size: tuple[int, int]) -> list:
    """A CONDITIONING for one part of each picture, from that of whole pictures at latents of ``size`` (height, width).

    Areas, masks and hints of ControlNets are cut out. A prompt whose area or mask touches no part is left out; where
    that leaves a part without any, each prompt counts for all of it. Raises ValueError for a ControlNet that cannot be
    copied.
    """
    masks = [_cut_mask(options, windows, size) for _, options in conditioning]
    touched = [[True] * len(windows) if mask is None else mask.flatten(1).any(1).tolist() for mask in masks]
    covered = all(any(parts) for parts in zip(*touched))
    return [
        [embedding, _of_windows(options, mask if covered else None, windows)]
        for (embedding, options), mask, parts in zip(conditioning, masks, touched)
        if any(parts) or not covered
    ]


def _of_windows(options: dict, mask: Tensor | None, windows: Sequence[Window]) -> dict:
    cut = {key: value for key, value in options.items() if key not in _OF_AREAS}
    if mask is not None:
        cut["mask"] = mask
    return {key: _of_control(value, windows) if control_chain(value) else value for key, value in cut.items()}


def _of_control(control: Any, windows: Sequence[Window]) -> Any:
    return control_with_hints(control, lambda hint: _cut(hint, windows))


def _cut_mask(options: dict, windows: Sequence[Window], size: tuple[int, int]) -> Tensor | None:
    """The parts (B, H, W) of a prompt's area or mask; None where it has neither."""
    mask, area = options.get("mask"), options.get("area")
    if mask is None and area is None:
        return None
    if mask is None:
        mask = torch.ones(size)
    mask = mask.reshape(-1, *mask.shape[-2:])
    if area is not None:
        mask = mask * F.interpolate(_area_mask(area, size)[None, None], mask.shape[-2:], mode="nearest")[0].to(mask)
    return _cut(mask[:, None], windows)[:, 0]


def _area_mask(area: tuple, size: tuple[int, int]) -> Tensor:
    """An area, in shares or in cells, as a mask (h, w) of a latent's size."""
    shares = [float(value) for value in area[1:]] if area[0] == "percentage" else None
    height, width, y, x = (
        [round(value * size[index % 2]) for index, value in enumerate(shares)] if shares else [int(v) for v in area]
    )
    mask = torch.zeros(size)
    mask[y : y + height, x : x + width] = 1
    return mask


def _cut(pictures: Tensor, windows: Sequence[Window]) -> Tensor:
    """One part of each picture (B, C, H, W), or of the only one, enlarged to the size of the whole."""
    pictures = comfy.utils.repeat_to_batch_size(pictures, len(windows))
    size = pictures.shape[-2:]
    parts = []
    for picture, window in zip(pictures, windows):
        rows = _span(window.top, window.height, size[0])
        columns = _span(window.left, window.width, size[1])
        parts.append(F.interpolate(picture[None, :, rows, columns].float(), size, mode="bilinear"))
    return torch.cat(parts).to(pictures)


def _span(begin: float, length: float, whole: int) -> slice:
    """The pixels of a side that a share of it takes, at least one."""
    first = min(round(begin * whole), whole - 1)
    return slice(first, max(first + 1, round((begin + length) * whole)))
