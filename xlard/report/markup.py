"""Small pieces of the report's HTML: marks, numbers, pictures."""

from __future__ import annotations

import base64
import io

import torch
from PIL import Image
from torch import Tensor

from ..critique import Verdict
from .drawing import to_picture
from .picture import fit


def picture_uri(picture: Image.Image) -> str:
    """A picture as a data: URI in PNG."""
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")


def mark(verdict: Verdict) -> str:
    """A tick, a cross or a question mark, with words for who cannot see it."""
    kind, sign, said = (
        ("unknown", "?", "not judged")
        if verdict.passed is None
        else ("right", "✓", "holds")
        if verdict.passed
        else ("wrong", "✗", "fails")
    )
    return f'<span class="mark {kind}" aria-hidden="true">{sign}</span><span class="said">{said}:</span>'


def decimal(value: float | None) -> str:
    """A score with two decimals."""
    return "no score" if value is None else f"{value:.2f}"


def count(number: int, word: str) -> str:
    """``1 round``, ``2 rounds``."""
    return f"{number} {word}{'' if number == 1 else 's'}"


def heat(attribution: Tensor, image: Tensor, side: int) -> Image.Image:
    """An attribution map (h, w) in [0, 1] glowing over the greyed picture (H, W, 3), ``side`` pixels on its longer
    side."""
    picture = fit(to_picture(image), side).convert("L").convert("RGB")
    glow = Image.new("RGB", picture.size, (255, 214, 64))
    return Image.composite(glow, _darkened(picture, 0.45), _mask(attribution, 230, picture.size))


def redrawn(region: Tensor, image: Tensor, side: int) -> Image.Image:
    """A picture (H, W, 3), dark where the latent pixels of ``region`` (h, w) say that it stays."""
    picture = fit(to_picture(image), side)
    return Image.composite(picture, _darkened(picture, 0.75), _mask(region, 255, picture.size))


def _darkened(picture: Image.Image, share: float) -> Image.Image:
    return Image.blend(picture, Image.new("RGB", picture.size), share)


def _mask(levels: Tensor, most: int, size: tuple[int, int]) -> Image.Image:
    levels = torch.nan_to_num(levels.detach().float().cpu()).clamp(0, 1)
    # NEAREST, so that latent pixels stay visible.
    return Image.fromarray((levels * most).round().to(torch.uint8).numpy()).resize(size, Image.Resampling.NEAREST)
