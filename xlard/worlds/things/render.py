"""Renderer of scenes: objects with shading and contact shadows on a place."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from .icons import Icons
from .places import Light, place_picture
from .scenes import Scene, Thing, random_scene
from .vocabulary import SIDE

Array = NDArray[np.floating]

_FEET = 0.12
"""The lowest share of an object, which touches the ground."""


def pixel_box(thing: Thing) -> tuple[int, int, int, int]:
    """Left, top, right and bottom of an object in whole pixels."""
    left, top, width, height = (value * SIDE for value in thing.box)
    return round(left), round(top), max(round(left + width), round(left) + 2), max(round(top + height), round(top) + 2)


def _drawn(thing: Thing, icons: Icons) -> Array:
    """The object's icon at its size (H, W, 4) in [0, 1], mirrored if the object is."""
    left, top, right, bottom = pixel_box(thing)
    size = right - left, bottom - top
    icon = icons[thing.name, thing.color].resize(size, Image.Resampling.LANCZOS, reducing_gap=2.0)
    pixels = np.asarray(icon).astype(np.float32) / 255
    return pixels[:, ::-1] if thing.mirrored else pixels


def _cast_shadow(picture: Array, thing: Thing, alpha: Array, strength: float, lean: float) -> None:
    """Darken the ground under an object, in place: tight where it touches, wide and soft to one side."""
    left, top, right, bottom = pixel_box(thing)
    feet = np.flatnonzero(alpha[-max(2, round(_FEET * len(alpha))) :].max(axis=0) > 0.3)
    first, last = (int(feet[0]), int(feet[-1]) + 1) if len(feet) else (0, right - left)
    middle, half = left + (first + last) / 2, max((last - first) / 2, 2.0)
    wide = half + 0.12 * (bottom - top)
    rows = slice(max(0, int(bottom - wide)), min(SIDE, int(bottom + wide) + 1))
    columns = slice(max(0, int(middle - 2 * wide)), min(SIDE, int(middle + 2 * wide) + 1))
    y = np.arange(rows.start, rows.stop, dtype=np.float32)[:, None] + 0.5 - bottom
    x = np.arange(columns.start, columns.stop, dtype=np.float32)[None, :] + 0.5 - middle
    tight = np.exp(-((x / (0.95 * half)) ** 4) - ((y + 0.5) / (0.1 * half + 1.2)) ** 2)
    soft = np.exp(-(((x - lean * wide) / wide) ** 2) * 1.4 - (y / (0.28 * wide + 1)) ** 2)
    picture[rows, columns] *= (1 - strength * np.maximum(tight, 0.7 * soft))[..., None]


def _place_object(picture: Array, thing: Thing, pixels: Array, light: Light, exposure: float) -> None:
    """Blend an object into the picture, in place, lit from above and in the light of its place."""
    left, top, right, bottom = pixel_box(thing)
    shade = np.linspace(1.05, 0.87, bottom - top, dtype=np.float32)[:, None, None]
    lit = np.clip(pixels[..., :3] * shade * np.array(light.tint, np.float32) * exposure, 0, 1)
    rows, columns = slice(max(0, top), min(SIDE, bottom)), slice(max(0, left), min(SIDE, right))
    inside = slice(rows.start - top, rows.stop - top), slice(columns.start - left, columns.stop - left)
    alpha = pixels[inside][..., 3:]
    picture[rows, columns] += alpha * (lit[inside] - picture[rows, columns])


def _by_distance(scene: Scene) -> list[Thing]:
    return sorted(scene.things, key=lambda thing: thing.box[1] + thing.box[3])


def render_scene(
    scene: Scene, icons: Icons, rng: np.random.Generator, exposure: float | None = None
) -> NDArray[np.uint8]:
    """A picture (SIDE, SIDE, 3) of a scene, 0 to 255; ``rng`` draws the place's details and the light.

    An object that stands lower in the picture is nearer and covers those that stand higher. Each is a little lighter or
    darker than the others, or all have one ``exposure``: then an object looks the same in two scenes of one ``rng``.
    """
    picture, light = place_picture(scene.place, rng)
    lean, strength = rng.uniform(-0.35, 0.35), light.shadow * rng.uniform(0.85, 1.1)
    ordered = _by_distance(scene)
    drawn = [_drawn(thing, icons) for thing in ordered]
    for thing, pixels in zip(ordered, drawn):
        _cast_shadow(picture, thing, pixels[..., 3], strength, lean)
    for thing, pixels in zip(ordered, drawn):
        _place_object(picture, thing, pixels, light, rng.uniform(0.95, 1.04) if exposure is None else exposure)
    return (picture * 255 + 0.5).astype(np.uint8)


def visible_masks(scene: Scene, icons: Icons) -> list[NDArray[np.bool_]]:
    """The pixels (SIDE, SIDE) of a scene's picture that show more of each object than of all else, farthest first."""
    masks: list[Array] = []
    for thing in _by_distance(scene):
        left, top, right, bottom = pixel_box(thing)
        rows, columns = slice(max(0, top), min(SIDE, bottom)), slice(max(0, left), min(SIDE, right))
        alpha = np.zeros((SIDE, SIDE), np.float32)
        inside = slice(rows.start - top, rows.stop - top), slice(columns.start - left, columns.stop - left)
        alpha[rows, columns] = _drawn(thing, icons)[inside][..., 3]
        masks = [*(mask * (1 - alpha) for mask in masks), alpha]
    return [mask > 0.5 for mask in masks]


def render_random(seed: int, icons: Icons) -> tuple[NDArray[np.uint8], Scene]:
    """A random scene and its picture (SIDE, SIDE, 3), 0 to 255; the same for the same seed."""
    rng = np.random.default_rng(seed)
    scene = random_scene(rng)
    return render_scene(scene, icons, rng), scene
