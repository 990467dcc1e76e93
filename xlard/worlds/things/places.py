"""Places, drawn procedurally: noise in octaves, a horizon, and the light that falls on the objects."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from .vocabulary import SIDE

Array = NDArray[np.floating]

_X = ((np.arange(SIDE, dtype=np.float32) + 0.5) / SIDE)[None, :]
_Y = _X.T


@dataclass(frozen=True)
class Light:
    """How a place lights its objects: factors on red, green and blue, and the strength of shadows in [0, 1]."""

    tint: tuple[float, float, float] = (1.0, 1.0, 1.0)
    shadow: float = 0.5


def octaves(rng: np.random.Generator, grids: Sequence[tuple[int, int]]) -> Array:
    """Smooth noise (SIDE, SIDE) of about unit deviation: random grids (rows, columns), enlarged and added.

    Each has half the strength of the one before.
    """
    total, weight, power = np.zeros((SIDE, SIDE), np.float32), 1.0, 0.0
    for rows, columns in grids:
        grid = Image.fromarray(rng.standard_normal((rows, columns), dtype=np.float32))
        total += weight * np.asarray(grid.resize((SIDE, SIDE), Image.Resampling.BICUBIC))
        power += (0.75 * weight) ** 2
        weight *= 0.5
    return total / np.float32(power**0.5)


def _color(*rgb: int) -> Array:
    return np.array(rgb, np.float32) / 255


def _mix(share: Array | float, a: Array, b: Array) -> Array:
    """From ``a`` (share 0) to ``b`` (share 1); shares are (H, W) or (H, 1)."""
    weight = np.asarray(share, np.float32)[..., None]
    return a + weight * (b - a)


def _below(line: Array | float) -> Array:
    """Coverage (SIDE, SIDE) in [0, 1] of the area below a height in shares of the side, anti-aliased."""
    return np.broadcast_to(np.clip((_Y - line) * SIDE + 0.5, 0, 1), (SIDE, SIDE)).astype(np.float32)


def _sky(rng: np.random.Generator, line: float, top: Array, bottom: Array, clouds: float) -> Array:
    """A sky that is brightest at the horizon, with soft clouds of a strength in [0, 1]."""
    sky = _mix(np.clip(_Y / line, 0, 1), top, bottom)
    cloud = np.clip(octaves(rng, ((6, 3), (12, 6))) - 0.3, 0, 1) * clouds
    return _mix(cloud, sky, _color(255, 255, 255))


def _grass(rng: np.random.Generator) -> Array:
    line = rng.uniform(0.16, 0.3)
    sky = _sky(rng, line, _color(110, 175, 235), _color(200, 228, 245), 0.7)
    depth = np.clip((_Y - line) / (1 - line), 0, 1)
    ground = _mix(depth, _color(150, 190, 95), _color(70, 135, 50))
    patches, blades = octaves(rng, ((3, 4), (6, 8))), octaves(rng, ((16, 32), (32, 64)))
    ground = ground * (1 + 0.07 * patches + (0.03 + 0.07 * depth) * blades)[..., None]
    hill = line + 0.015 * octaves(rng, ((2, 5),))[:1]
    return _mix(_below(hill), sky, ground)


def _beach(rng: np.random.Generator) -> Array:
    horizon = rng.uniform(0.12, 0.22)
    shore = horizon + rng.uniform(0.12, 0.2)
    sky = _sky(rng, horizon, _color(90, 170, 240), _color(205, 232, 248), 0.5)
    sea = _mix(np.clip((_Y - horizon) / (shore - horizon), 0, 1), _color(35, 110, 175), _color(80, 185, 200))
    sea = sea * (1 + 0.07 * octaves(rng, ((24, 4), (48, 8))))[..., None]
    sand = _mix(np.clip((_Y - shore) / (1 - shore), 0, 1), _color(238, 218, 170), _color(222, 194, 140))
    sand = sand * (1 + 0.03 * octaves(rng, ((10, 5), (20, 10))) + 0.025 * octaves(rng, ((48, 48),)))[..., None]
    wave = shore + 0.012 * octaves(rng, ((2, 4), (2, 8)))[:1]
    picture = _mix(_below(horizon), sky, sea)
    picture = _mix(_below(wave - 0.02), picture, _color(245, 250, 250))
    return _mix(_below(wave), picture, sand)


def _snow(rng: np.random.Generator) -> Array:
    line = rng.uniform(0.16, 0.3)
    sky = _sky(rng, line, _color(150, 175, 205), _color(205, 215, 228), 0.4)
    depth = np.clip((_Y - line) / (1 - line), 0, 1)
    drifts = octaves(rng, ((8, 3), (16, 6)))
    ground = _mix(depth, _color(222, 230, 240), _color(240, 244, 250)) + 0.03 * drifts[..., None] * _color(
        255, 200, 120
    )
    far = line + 0.02 * octaves(rng, ((2, 4),))[:1]
    trees = far - 0.05 - 0.035 * np.abs(octaves(rng, ((2, 24),))[:1])
    picture = _mix(_below(trees), sky, _color(125, 150, 165))
    picture = _mix(_below(far), picture, ground)
    flakes = np.clip(octaves(rng, ((64, 64),)) - 2.0, 0, 1)
    return _mix(flakes, picture, _color(255, 255, 255))


def _table(rng: np.random.Generator) -> Array:
    line = rng.uniform(0.14, 0.26)
    hue = rng.uniform(0, 1)
    wall = _mix(
        np.clip(_Y / line, 0, 1), _mix(hue, _color(205, 200, 190), _color(170, 185, 190)), _color(185, 180, 172)
    )
    depth = np.clip((_Y - line) / (1 - line), 0, 1)
    # Planks run towards the viewer: they widen from the far edge on.
    fan = (_X - rng.uniform(0.3, 0.7)) / (0.55 + 0.45 * depth)
    plank = np.floor(fan * 5 + 20)
    tone = rng.uniform(-1, 1, 64).astype(np.float32)[plank.astype(np.int64) % 64]
    seam = np.clip(1 - np.abs((fan * 5 + 20) % 1 - 0.5 - 0.47) / 0.03, 0, 1)
    grain = octaves(rng, ((4, 40), (8, 64)))
    wood = (
        _mix(depth, _color(188, 138, 90), _color(160, 106, 62))
        * (1 + 0.07 * tone + 0.05 * grain - 0.25 * seam)[..., None]
    )
    edge = _mix(_below(line - 0.012), wall, _color(120, 78, 45))
    return _mix(_below(line), edge, wood)


def _bricks(rng: np.random.Generator) -> Array:
    line = rng.uniform(0.66, 0.82)
    rows = 14
    height = _Y * rows + rng.uniform(0, 1)
    row = np.floor(height)
    along = _X * 6 + 0.5 * (row % 2) + rng.uniform(0, 1)
    tone = rng.uniform(-1, 1, (rows + 1, 8)).astype(np.float32)[
        row.astype(np.int64), np.floor(along).astype(np.int64) % 8
    ]
    joint = np.minimum(np.minimum(height % 1, 1 - height % 1) / rows, np.minimum(along % 1, 1 - along % 1) / 6) * SIDE
    rough = octaves(rng, ((4, 4), (32, 32)))
    brick = _mix(0.5 + 0.5 * tone, _color(150, 72, 55), _color(178, 96, 74)) * (1 + 0.05 * rough)[..., None]
    wall = _mix(np.clip(joint - 0.4, 0, 1), _color(196, 184, 172), brick)
    depth = np.clip((_Y - line) / (1 - line), 0, 1)
    pavement = (
        _mix(depth, _color(140, 138, 136), _color(172, 170, 166))
        * (1 + 0.04 * octaves(rng, ((8, 6), (32, 24))))[..., None]
    )
    lit = wall * (0.92 + 0.12 * _X)[..., None]
    picture = _mix(_below(line - 0.02), lit, _color(105, 98, 94))
    return _mix(_below(line), picture, pavement)


def _night(rng: np.random.Generator) -> Array:
    line = rng.uniform(0.2, 0.34)
    sky = _mix(np.clip(_Y / line, 0, 1), _color(10, 14, 42), _color(38, 48, 98))
    stars = np.zeros((SIDE, SIDE), np.float32)
    for x, y in rng.uniform(0, 1, (14, 2)):
        distance = ((_X - x) ** 2 + (_Y - y * line) ** 2) * SIDE**2
        stars += np.exp(-distance / rng.uniform(0.5, 1.1)).astype(np.float32)
    sky = _mix(np.clip(stars, 0, 1), sky, _color(240, 240, 220))
    moon_x, moon_y = rng.uniform(0.08, 0.92), rng.uniform(0.05, 0.1)
    distance = np.hypot(_X - moon_x, _Y - moon_y) * SIDE
    sky = _mix(0.35 * np.exp(-distance / 12), sky, _color(200, 210, 255))
    sky = _mix(np.clip(5.5 - distance, 0, 1), sky, _color(244, 240, 214))
    depth = np.clip((_Y - line) / (1 - line), 0, 1)
    ground = (
        _mix(depth, _color(34, 42, 72), _color(54, 60, 94))
        * (1 + 0.1 * octaves(rng, ((6, 4), (12, 8), (24, 24))))[..., None]
    )
    hills = line + 0.03 * octaves(rng, ((2, 4), (2, 8)))[:1]
    return _mix(_below(hills), sky, ground)


_PLACES: dict[str, tuple[Callable[[np.random.Generator], Array], Light]] = {
    "grass": (_grass, Light()),
    "beach": (_beach, Light((1.03, 1.0, 0.95), 0.45)),
    "snow": (_snow, Light((0.97, 0.99, 1.03), 0.35)),
    "table": (_table, Light((1.02, 1.0, 0.96), 0.55)),
    "bricks": (_bricks, Light((0.98, 0.97, 0.96), 0.5)),
    "night": (_night, Light((0.84, 0.86, 0.98), 0.65)),
}


def place_picture(place: str, rng: np.random.Generator) -> tuple[Array, Light]:
    """An empty place of ``PLACES`` as a picture (SIDE, SIDE, 3) in [0, 1], a little different each time, and its light.

    Raises KeyError for a place that does not exist.
    """
    draw, light = _PLACES[place]
    exposure = np.float32(rng.uniform(0.93, 1.05))
    return np.clip(draw(rng) * exposure, 0, 1).astype(np.float32), light
