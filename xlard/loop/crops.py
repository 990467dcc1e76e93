"""Parts of pictures, enlarged to be redrawn, scaled back and stitched in with soft edges."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import torch.nn.functional as F
from torch import Tensor

from ..detections import Detection
from ..protocols import Window
from .cutouts import moved_to

FEATHER = 0.01
"""Width of the soft edge of what is stitched in, as a share of the picture's longer side."""


@dataclass(frozen=True, eq=False)
class Crop:
    """A part of a picture (H, W, 3) that is redrawn enlarged, and what of it is stitched in.

    The part has its top left corner at (``top``, ``left``) in pixels, and the size of ``opacity`` (h, w) in [0, 1],
    which says how much of each of its pixels is replaced. It is drawn at latents of ``size`` (height, width in cells)
    of ``cell`` (height, width in pixels). ``picture`` is the height and width of the whole in pixels. ``prompt`` is
    what to draw in the place of the picture's prompt, None: the same; ``avoid`` is added to what is avoided. An
    ``emptied`` one is filled from what is around before it is redrawn.
    """

    top: int
    left: int
    opacity: Tensor
    size: tuple[int, int]
    cell: tuple[int, int]
    picture: tuple[int, int]
    prompt: str | None = None
    avoid: str = ""
    emptied: bool = False

    @property
    def place(self) -> tuple[slice, slice]:
        """The rows and columns of the picture that it takes."""
        height, width = self.opacity.shape
        return slice(self.top, self.top + height), slice(self.left, self.left + width)

    @property
    def window(self) -> Window:
        """Where it is, in shares of the picture."""
        (rows, columns), (height, width) = self.place, self.picture
        return Window(
            rows.start / height,
            columns.start / width,
            (rows.stop - rows.start) / height,
            (columns.stop - columns.start) / width,
        )

    @property
    def opened(self) -> Tensor:
        """The cells of the enlarged part that are redrawn, as booleans of its ``size``."""
        return F.adaptive_max_pool2d((self.opacity > 0).float()[None], self.size)[0] > 0

    @property
    def drawn_as(self) -> tuple:
        """Equal for parts that can be drawn together."""
        return self.size, self.prompt, self.avoid

    def nfe(self, calls: int, size: tuple[int, int]) -> int:
        """What ``calls`` of the model on the part cost, in calls on latents of the whole picture's ``size``."""
        return max(1, math.ceil(calls * self.size[0] * self.size[1] / (size[0] * size[1])))

    def touched(self, size: tuple[int, int]) -> Tensor:
        """The cells of the whole picture's latent, of ``size`` (height, width), that some of it is stitched into."""
        whole = self.opacity.new_zeros(self.picture)
        whole[self.place] = self.opacity
        return F.adaptive_max_pool2d((whole > 0).float()[None], size)[0] > 0

    def within(self, area: Tensor) -> Crop:
        """The same part, stitched in as far as an area (h, w) in [0, 1] of the picture's latent allows."""
        allowed = F.interpolate(area[None, None].float(), self.picture, mode="nearest")[0, 0]
        return replace(self, opacity=self.opacity * allowed[self.place].to(self.opacity))


def shown_in(detection: Detection, crop: tuple[slice, slice]) -> Detection:
    """An object of a picture in the pixels of a part of it, its rows and columns."""
    rows, columns = crop
    moved = moved_to(replace(detection, mask=None), detection.x - columns.start, detection.y - rows.start)
    return replace(moved, mask=None if detection.mask is None else detection.mask[crop])


def soft_edged(opened: Tensor, size: tuple[int, int], radius: int) -> Tensor:
    """Cells (h, w) as an opacity in [0, 1] of ``size`` (height, width) in pixels that is 0 outside of them.

    It falls from 1 to 0 over some 2 ``radius`` pixels inside of their edge, at the picture's own borders not at all;
    over fewer where cells are so thin that it would nowhere be 1.
    """
    hard = F.interpolate(opened[None, None].float(), size, mode="nearest")
    for reach in range(radius, 0, -1):
        # What lies beyond the border is neither inside nor outside.
        core = -F.max_pool2d(-hard, 2 * reach + 1, 1, reach)
        soft = F.avg_pool2d(core, 2 * reach + 1, 1, reach, count_include_pad=False) * hard
        if soft.max() == 1:
            return soft[0, 0]
    return hard[0, 0]


def enlarged(image: Tensor, crop: Crop) -> Tensor:
    """The part of an image (H, W, 3) in [0, 1], scaled to the pixels that its latents stand for."""
    size = crop.size[0] * crop.cell[0], crop.size[1] * crop.cell[1]
    return _scaled(image[crop.place], size)


def stitched(image: Tensor, part: Tensor, crop: Crop) -> Tensor:
    """An image (H, W, 3) in [0, 1] with a redrawn, enlarged part (h, w, 3) of it in its place.

    Pixels where the part's opacity is 0 are the same to the last bit.
    """
    opacity = crop.opacity.to(image)[..., None]
    before = image[crop.place]
    after = before.lerp(_scaled(part.to(image), tuple(crop.opacity.shape)), opacity)
    whole = image.clone()
    whole[crop.place] = after.where(opacity > 0, before)
    return whole


def redrawn_in(image: Tensor, redrawn: Tensor, region: Tensor) -> Tensor:
    """An image (H, W, 3) with another one of its size in place of it where the latent's cells (h, w) were redrawn."""
    radius = round(FEATHER * max(image.shape[:2]))
    opacity = soft_edged(region, (image.shape[0], image.shape[1]), radius).to(image)[..., None]
    return image.lerp(redrawn, opacity).where(opacity > 0, image)


def _scaled(image: Tensor, size: tuple[int, ...]) -> Tensor:
    channels_first = image.movedim(-1, 0)[None]
    scaled = F.interpolate(channels_first, list(size), mode="bicubic", antialias=True)
    return scaled[0].movedim(0, -1).clamp(0, 1)
