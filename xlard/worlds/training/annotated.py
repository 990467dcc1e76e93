"""Pictures with what is visible in them, which a critic learns from."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor

from ...detections import Detection
from ...files import write_json
from ...tensor_files import write_tensors

MOST = 10
"""Objects that a critic lists at most."""


class Annotated:
    """Pictures (N, 3, H, W) in bytes with the objects visible in each, in reading order, ``MOST`` of them at most."""

    def __init__(self, pictures: Tensor, objects: list[list[Detection]]):
        self.pictures = pictures
        self.objects = [_in_reading_order(objects_of_picture)[:MOST] for objects_of_picture in objects]

    @classmethod
    def joined(cls, parts: Sequence[Annotated]) -> Annotated:
        """All pictures of several."""
        return cls(torch.cat([part.pictures for part in parts]), [row for part in parts for row in part.objects])

    def save(self, folder: Path) -> None:
        """Write ``pictures.safetensors`` and ``objects.json`` into ``folder``, which processes may do at the same
        time.
        """
        folder.mkdir(parents=True, exist_ok=True)
        write_tensors(folder / "pictures.safetensors", {"pictures": self.pictures.contiguous()})
        write_json(
            folder / "objects.json", [[d.to_dict() for d in objects_of_picture] for objects_of_picture in self.objects]
        )

    @classmethod
    def load(cls, folder: Path) -> Annotated:
        """Read what ``save`` wrote."""
        objects = json.loads((folder / "objects.json").read_text())
        return cls(
            load_file(folder / "pictures.safetensors")["pictures"],
            [[Detection(**d) for d in objects_of_picture] for objects_of_picture in objects],
        )


def mirrored(objects: Sequence[Detection], side: int) -> list[Detection]:
    """The objects of the mirrored picture with this side in pixels, in reading order."""
    return _in_reading_order(
        [Detection(side - d.x - d.width, d.y, d.width, d.height, d.noun, d.color) for d in objects]
    )


def _in_reading_order(objects: Sequence[Detection]) -> list[Detection]:
    return sorted(objects, key=lambda d: (d.center[1], d.center[0]))
