"""The objects' pictures: 3-D icons from npm's ``@lobehub/fluent-emoji-3d`` (MIT), cropped and coloured.

Only renders need them, and only training makes renders. No icon is part of the repository.
"""

from __future__ import annotations

import io
import shutil
import subprocess
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from .vocabulary import COLORED_CLASSES, PLAIN_CLASSES

PACKAGE = "@lobehub/fluent-emoji-3d"
VERSION = "1.1.0"

Icons = Mapping[tuple[str, str | None], Image.Image]
"""An RGBA picture, cropped to its visible pixels, by class and colour (None for a class without colours)."""

CODES = {
    "cat": "1f408",
    "dog": "1f415",
    "bird": "1f426",
    "horse": "1f40e",
    "elephant": "1f418",
    "cow": "1f404",
    "banana": "1f34c",
    "orange": "1f34a",
    "carrot": "1f955",
    "pizza": "1f355",
    "donut": "1f369",
    "clock": "1f570-fe0f",
    "laptop": "1f4bb",
    "teddy bear": "1f9f8",
    "bicycle": "1f6b2",
    "boat": "26f5",
    "apple": "1f34e",
    "car": "1f697",
    "cup": "2615",
    "umbrella": "2602-fe0f",
    "book": "1f4d5",
    "backpack": "1f392",
    "bus": "1f68c",
    "chair": "1fa91",
    "suitcase": "1f9f3",
    "tie": "1f454",
}
"""The package's file of each class, by code point."""


@dataclass(frozen=True)
class Paint:
    """A colour that icons are painted in: hue, saturation and value in [0, 1]."""

    hue: float
    saturation: float
    value: float


PAINTS = {
    "red": Paint(0.99, 0.88, 0.90),
    "orange": Paint(0.07, 0.90, 1.00),
    "yellow": Paint(0.14, 0.85, 1.00),
    "green": Paint(0.36, 0.80, 0.72),
    "blue": Paint(0.60, 0.82, 0.92),
    "purple": Paint(0.76, 0.72, 0.72),
    "pink": Paint(0.91, 0.48, 1.00),
}
"""How each colour looks, the same for every class."""


@dataclass(frozen=True)
class Painted:
    """The pixels of an icon that are painted: hues within ``reach`` of ``hue`` (turns of the colour circle).

    ``least`` and ``most`` bound their saturation, ``brightest`` their value. ``whitened`` pales the other pixels.
    """

    hue: float
    reach: float
    least: float = 0.0
    most: float = 1.0
    brightest: float = 1.0
    whitened: bool = False


PAINTED = {
    "apple": Painted(0.97, 0.13),
    "car": Painted(0.97, 0.10, least=0.5),
    "cup": Painted(0.72, 0.13, most=0.5),
    "umbrella": Painted(0.72, 0.12, least=0.3),
    "book": Painted(0.95, 0.08, least=0.4),
    "backpack": Painted(0.93, 0.09),
    "bus": Painted(0.10, 0.09, least=0.3),
    "chair": Painted(0.02, 0.10),
    "suitcase": Painted(0.58, 0.08, least=0.4),
    "tie": Painted(0.72, 0.16, least=0.3, brightest=0.65, whitened=True),
}
"""The painted part of each class of ``COLORED_CLASSES``."""


def fetch_package(folder: Path) -> Path:
    """The package as npm's archive in ``folder``; npm downloads it if it is missing.

    Raises RuntimeError, with advice, if there is no npm or it cannot download the package.
    """
    archive = folder / f"lobehub-fluent-emoji-3d-{VERSION}.tgz"
    if archive.exists():
        return archive
    by_hand = f"or run `npm pack {PACKAGE}@{VERSION}` on another machine and put its archive into {folder}"
    npm = shutil.which("npm")
    if npm is None:
        raise RuntimeError(
            f"The icons come from npm's package {PACKAGE}, and there is no npm on this machine. "
            f"Install Node.js, which includes npm, {by_hand}."
        )
    folder.mkdir(parents=True, exist_ok=True)
    result = subprocess.run(
        [npm, "pack", f"{PACKAGE}@{VERSION}", "--silent"], cwd=folder, capture_output=True, text=True
    )
    if result.returncode or not archive.exists():
        output = result.stderr.strip()[-500:] or "no message"
        raise RuntimeError(
            f"npm could not download {PACKAGE} {VERSION} ({output}). "
            f"Check that this machine reaches npm's registry, {by_hand}."
        )
    return archive


def cropped(icon: Image.Image, visible: int = 8) -> Image.Image:
    """An RGBA picture without the rows and columns in which no alpha (0 to 255) exceeds ``visible``."""
    alpha = np.asarray(icon)[..., 3] > visible
    rows, columns = np.flatnonzero(alpha.any(axis=1)), np.flatnonzero(alpha.any(axis=0))
    return icon.crop((int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1))


def _hsv(rgb: NDArray[np.floating]) -> NDArray[np.float32]:
    """Hue, saturation and value (H, W, 3) in [0, 1] of red, green and blue (H, W, 3) in [0, 1]."""
    most, least = rgb.max(axis=2), rgb.min(axis=2)
    spread = most - least
    red, green, blue = np.moveaxis(rgb, 2, 0)
    safe = np.where(spread > 0, spread, 1)
    hue = np.where(
        most == red,
        (green - blue) / safe % 6,
        np.where(most == green, (blue - red) / safe + 2, (red - green) / safe + 4),
    )
    return np.stack([hue / 6, spread / np.where(most > 0, most, 1), most], axis=2).astype(np.float32)


def _rgb(hue: NDArray[np.floating], saturation: NDArray[np.float32], value: NDArray[np.float32]) -> NDArray[np.float32]:
    """Red, green and blue (H, W, 3) in [0, 1] of hue, saturation and value (H, W) in [0, 1]."""
    steps = (np.array([5, 3, 1], np.float32) + 6 * hue[..., None]) % 6
    return value[..., None] * (1 - saturation[..., None] * np.clip(np.minimum(steps, 4 - steps), 0, 1))


def recolored(icon: Image.Image, painted: Painted, paint: Paint) -> Image.Image:
    """An RGBA icon with its painted pixels in another colour.

    Their hues turn together. Their saturation and value are scaled: the median saturation and the lit value become the
    paint's. Weak colours become clear, and shading stays.
    """
    pixels = np.asarray(icon).astype(np.float32) / 255
    rgb, alpha = pixels[..., :3], pixels[..., 3]
    hue, saturation, value = np.moveaxis(_hsv(rgb), 2, 0)
    turn = (hue - painted.hue + 0.5) % 1 - 0.5
    # Soft limits: the anti-aliased border between two colours gets no fringe.
    weight = np.clip((painted.reach - np.abs(turn)) / 0.02 + 1, 0, 1)
    weight *= np.clip((painted.brightest - value) / 0.1 + 1, 0, 1)
    weight *= np.clip((saturation - painted.least) / 0.1 + 1, 0, 1)
    weight *= np.clip((painted.most - saturation) / 0.1 + 1, 0, 1)
    chosen = (weight > 0.5) & (alpha > 0.5)
    middle, lit = np.median(saturation[chosen]), np.percentile(value[chosen], 80)
    # Half of the differences in saturation stay: highlights are paler. All of them would leave weak colours grey.
    colored = _rgb(
        (paint.hue + 0.4 * turn) % 1,
        np.clip(paint.saturation * (0.5 + 0.5 * saturation / middle), 0, 1),
        np.clip(paint.value * value / lit, 0, 1),
    )
    rest = 0.6 + 0.4 * rgb.mean(axis=2, keepdims=True) if painted.whitened else rgb
    mixed = rest + weight[..., None] * (colored - rest)
    whole = np.concatenate([mixed, alpha[..., None]], axis=2)
    return Image.fromarray((whole * 255).round().astype(np.uint8), "RGBA")


def load_icons(folder: Path) -> Icons:
    """Every class in each of its colours, from the package in ``folder``, which is downloaded if it is missing.

    Raises RuntimeError if the package cannot be downloaded or lacks an icon.
    """
    icons: dict[tuple[str, str | None], Image.Image] = {}
    archive = fetch_package(folder)
    with tarfile.open(archive) as package:
        for name in PLAIN_CLASSES + COLORED_CLASSES:
            try:
                file = package.extractfile(f"package/assets/{CODES[name]}.webp")
            except (KeyError, tarfile.TarError, EOFError) as error:
                raise RuntimeError(
                    f"{archive} has no readable icon of '{name}' ({CODES[name]}.webp). Delete the archive: it "
                    "is then downloaded again."
                ) from error
            assert file is not None
            icon = cropped(Image.open(io.BytesIO(file.read())).convert("RGBA"))
            if name in PLAIN_CLASSES:
                icons[name, None] = icon
            else:
                icons |= {(name, color): recolored(icon, PAINTED[name], paint) for color, paint in PAINTS.items()}
    return icons
