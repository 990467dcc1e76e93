"""Pictures of the report: resized, with the critic's boxes, with an attribution map, with what was redrawn."""

from __future__ import annotations

import base64
import io
import math

import torch
from PIL import Image
from torch import Tensor

from ..loop.state import Round
from .drawing import annotate, to_picture


def fit(picture: Image.Image, side: int) -> Image.Image:
    """Resize a picture to a longer side of ``side`` pixels."""
    factor = side / max(picture.size)
    width, height = (max(1, round(length * factor)) for length in picture.size)
    return picture if (width, height) == picture.size else picture.resize((width, height), Image.Resampling.LANCZOS)


def data_uri(picture: Image.Image) -> str:
    """A picture as a data: URI in PNG."""
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")


def annotated(loop_round: Round, side: int) -> Image.Image:
    """A round's picture with the critic's boxes, ``side`` pixels on its longer side.

    A larger picture is drawn on at full size and then reduced; a smaller one is enlarged first.
    """
    scale = max(1, math.ceil(side / max(loop_round.image.shape[:2])))
    return fit(annotate(loop_round.image, loop_round.critique, scale), side)


def heat(attribution: Tensor, image: Tensor, side: int) -> Image.Image:
    """An attribution map (h, w) in [0, 1] glowing over the greyed picture (H, W, 3), ``side`` pixels on its longer
    side.
    """
    picture = fit(to_picture(image), side).convert("L").convert("RGB")
    glow = Image.new("RGB", picture.size, (255, 214, 64))
    return Image.composite(glow, _darkened(picture, 0.45), _mask(attribution, 230, picture.size))


def redrawn(region: Tensor, image: Tensor, side: int) -> Image.Image:
    """A picture (H, W, 3) that is dark where ``region`` (h, w), in latent pixels, is false: there it stays."""
    picture = fit(to_picture(image), side)
    return Image.composite(picture, _darkened(picture, 0.75), _mask(region, 255, picture.size))


def _darkened(picture: Image.Image, share: float) -> Image.Image:
    return Image.blend(picture, Image.new("RGB", picture.size), share)


def _mask(levels: Tensor, brightest: int, size: tuple[int, int]) -> Image.Image:
    levels = torch.nan_to_num(levels.detach().float().cpu()).clamp(0, 1)
    # NEAREST keeps latent pixels visible.
    return Image.fromarray((levels * brightest).round().to(torch.uint8).numpy()).resize(size, Image.Resampling.NEAREST)
