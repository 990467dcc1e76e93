"""Pictures of a run on the disk: ``<method>/<prompt-index>_<seed>.png``."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

_NAME = re.compile(r"(\d+)_(\d+)\.png")


def read_picture(path: Path) -> Tensor:
    """The image (H, W, 3) in [0, 1] of a file."""
    return torch.from_numpy(np.array(Image.open(path).convert("RGB"))).float() / 255


def numbered_pictures(folder: Path) -> dict[tuple[int, int], Path]:
    """The pictures of a folder by prompt index and seed, in that order. Raises ValueError if there are none."""
    matches = [(match, path) for path in folder.glob("*.png") if (match := _NAME.fullmatch(path.name))]
    if not matches:
        raise ValueError(f"There are no pictures in {folder}: they are named PROMPT-INDEX_SEED.png, such as 0_1.png.")
    return dict(sorted(((int(match[1]), int(match[2])), path) for match, path in matches))
