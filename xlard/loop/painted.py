"""What an artist painted on a picture: where repairs must not go, and where alone they may."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor


@dataclass(frozen=True, eq=False)
class Painted:
    """Masks (H, W) of a picture, in [0, 1] and of any size, each stretched over the whole of it.

    What ``protect`` marks never changes after the first picture; with ``fix_here`` nothing but what it marks does. None
    where nothing is painted.
    """

    protect: Tensor | None = None
    fix_here: Tensor | None = None

    def area(self, size: tuple[int, int]) -> Tensor:
        """The cells (h, w) of a latent that may change, as booleans. A cell that both masks touch is protected."""
        area = torch.ones(size, dtype=torch.bool) if self.fix_here is None else _touched(self.fix_here, size)
        return area if self.protect is None else area & ~_touched(self.protect, size)


def painted_on(
    protect: Tensor | None, fix_here: Tensor | None, batch: int, size: tuple[int, int]
) -> tuple[Painted | None, ...]:
    """What masks (1 or B, H, W) say of each picture of a batch, whose latents have ``size`` (height, width).

    None for a picture on which nothing is painted. Raises ValueError for another number of masks, for values that are
    not finite, and where nothing of a picture would be left to change.
    """
    rows = zip(_rows(protect, "protect", batch), _rows(fix_here, "fix_here", batch))
    painted = tuple(Painted(*masks) if any(mask is not None for mask in masks) else None for masks in rows)
    for number, masks in enumerate(painted, start=1):
        if masks is not None and not masks.area(size).any():
            raise ValueError(
                f"protect leaves nothing of picture {number} to change"
                f"{'' if masks.fix_here is None else ' inside of fix_here'}, at latents of {size[1]} x {size[0]}. Paint"
                " less of it, or disconnect it."
            )
    return painted


def _rows(masks: Tensor | None, name: str, batch: int) -> Sequence[Tensor | None]:
    """The mask of each picture, None where it is empty: what Load Image gives for a picture without one."""
    if masks is None:
        return (None,) * batch
    masks = masks.detach().cpu().float().reshape(-1, *masks.shape[-2:])
    if len(masks) not in (1, batch):
        raise ValueError(
            f"{name} holds {len(masks)} masks for {batch} pictures. Connect one mask for all, or one for each."
        )
    if not torch.isfinite(masks).all():
        raise ValueError(f"{name} holds NaN or infinite values. The node that made it failed; paint the mask again.")
    rows = masks.expand(batch, -1, -1)
    return [mask if (mask > 0.5).any() else None for mask in rows]


def _touched(mask: Tensor, size: tuple[int, int]) -> Tensor:
    """The cells (h, w) of which a mask marks some."""
    return F.adaptive_max_pool2d((mask > 0.5).float()[None], size)[0] > 0
