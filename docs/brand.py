"""Draws the pack's icon and banner for Comfy's registry: ``python docs/brand.py``.

Both show the same idea: a picture that breaks its prompt, and the same picture with only the wrong object changed.
"""

from __future__ import annotations

from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

HERE = Path(__file__).parent
OVERSAMPLING = 4
"""Pillow draws without antialiasing: everything is drawn this many times larger, then reduced."""

NIGHT, SLATE, PAPER, MUTED = "#161a24", "#242b3a", "#e9ebef", "#9aa4b8"
RED, BLUE, YELLOW, GREEN = "#e0433f", "#3f6fe0", "#efc53a", "#2fb36a"

Box = tuple[float, float, float, float]


class Canvas:
    """A picture to draw on in its final pixels."""

    def __init__(self, width: int, height: int):
        self.size = (width, height)
        self._image = Image.new("RGB", (width * OVERSAMPLING, height * OVERSAMPLING), NIGHT)
        self._draw = ImageDraw.Draw(self._image)

    def save(self, path: Path) -> None:
        self._image.resize(self.size, Image.Resampling.LANCZOS).save(path, optimize=True)

    def card(self, box: Box, radius: float, fill: str) -> None:
        self._draw.rounded_rectangle(_scaled(box), radius * OVERSAMPLING, fill)

    def circle(self, x: float, y: float, radius: float, fill: str) -> None:
        self._draw.ellipse(_scaled((x - radius, y - radius, x + radius, y + radius)), fill)

    def square(self, x: float, y: float, radius: float, fill: str) -> None:
        self._draw.rectangle(_scaled((x - radius, y - radius, x + radius, y + radius)), fill)

    def triangle(self, x: float, y: float, radius: float, fill: str) -> None:
        corners = (x - radius, y + radius, x, y - radius, x + radius, y + radius)
        self._draw.polygon(_scaled(corners), fill)

    def line(self, points: tuple[float, ...], width: float, fill: str) -> None:
        """A line with round ends and corners; ``points`` is x, y, x, y, …"""
        self._draw.line(_scaled(points), fill, round(width * OVERSAMPLING), joint="curve")
        for x, y in zip(points[::2], points[1::2], strict=True):
            self.circle(x, y, width / 2, fill)

    def dashed_frame(self, box: Box, width: float, dash: float, fill: str) -> None:
        left, top, right, bottom = box
        for start in _steps(left, right, dash):
            stop = min(start + dash * 0.5, right)
            self.line((start, top, stop, top), width, fill)
            self.line((start, bottom, stop, bottom), width, fill)
        for start in _steps(top, bottom, dash):
            stop = min(start + dash * 0.5, bottom)
            self.line((left, start, left, stop), width, fill)
            self.line((right, start, right, stop), width, fill)

    def badge(self, x: float, y: float, radius: float, right: bool) -> None:
        """A round sign with a tick, or with a cross."""
        self.circle(x, y, radius * 1.16, NIGHT)
        self.circle(x, y, radius, GREEN if right else RED)
        stroke, arm = radius * 0.22, radius * 0.36
        if right:
            points = (x - radius * 0.46, y + radius * 0.04, x - radius * 0.1, y + arm, x + radius * 0.48, y - arm)
            self.line(points, stroke, "white")
        else:
            self.line((x - arm, y - arm, x + arm, y + arm), stroke, "white")
            self.line((x - arm, y + arm, x + arm, y - arm), stroke, "white")

    def text(self, x: float, y: float, text: str, size: float, fill: str) -> None:
        """Text from its left end, ``y`` being its middle."""
        font = ImageFont.load_default(size * OVERSAMPLING)
        self._draw.text(_scaled((x, y)), text, fill, font, anchor="lm")

    def scene(self, box: Box, right: bool) -> None:
        """The picture: a circle, a square and a triangle; before, the triangle is a second square."""
        left, top, side = box[0], box[1], box[2] - box[0]
        self.card(box, side * 0.09, PAPER)
        self.circle(left + side * 0.29, top + side * 0.3, side * 0.15, RED)
        self.square(left + side * 0.7, top + side * 0.33, side * 0.13, BLUE)
        x, y, radius = left + side * 0.45, top + side * 0.71, side * 0.14
        if right:
            self.triangle(x, y, radius, YELLOW)
        else:
            self.square(x, y, radius * 0.9, BLUE)
            around = radius * 1.35
            self.dashed_frame((x - around, y - around, x + around, y + around), side * 0.016, side * 0.075, RED)
        self.badge(left + side * 0.95, top + side * 0.95, side * 0.13, right)


def _scaled(numbers: tuple[float, ...]) -> list[float]:
    return [number * OVERSAMPLING for number in numbers]


def _steps(start: float, stop: float, step: float) -> list[float]:
    return [start + step * index for index in range(int((stop - start) / step + 0.999))]


def icon() -> Canvas:
    """The square icon, 400 pixels wide."""
    canvas = Canvas(400, 400)
    canvas.scene((40, 40, 346, 346), right=True)
    return canvas


def banner() -> Canvas:
    """The banner, in 21:9."""
    canvas = Canvas(1260, 540)
    canvas.card((570, -10, 1270, 550), 0, SLATE)
    canvas.text(60, 190, "xLARD", 118, "white")
    canvas.text(64, 300, "See which claims of the prompt", 30, MUTED)
    canvas.text(64, 342, "a picture breaks,", 30, MUTED)
    canvas.text(64, 384, "and change only what is wrong.", 30, MUTED)
    canvas.scene((630, 150, 870, 390), right=False)
    canvas.line((906, 270, 944, 270), 5, PAPER)
    canvas.line((930, 256, 944, 270, 930, 284), 5, PAPER)
    canvas.scene((964, 150, 1204, 390), right=True)
    return canvas


if __name__ == "__main__":
    icon().save(HERE / "icon.png")
    banner().save(HERE / "banner.png")
