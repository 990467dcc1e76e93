"""Random renders with what stands in them, half of them as the autoencoder repeats them, kept on disk."""

from __future__ import annotations

import time
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file
from torch import Tensor

from ....detections import Detection
from ....tensor_files import write_tensors
from ...training.annotated import Annotated
from ...training.precision import bfloat16_on_cpu
from ..detector import TINTS
from ..icons import Icons, load_icons
from ..judging import whole_place
from ..render import pixel_box, render_random
from ..vocabulary import CLASSES, MAX_OBJECTS, PLACES, SIDE
from .reconstruction import as_tensor

_TOGETHER = 32
_LATENT_NOISE = 0.25


@dataclass(frozen=True)
class LabelledRenders:
    """Pictures (N, SIDE, SIDE, 3) in bytes, and of each its objects and place.

    ``boxes`` (N, 5, 4) are left, top, right and bottom in pixels; ``kinds`` (N, 5) and ``tints`` (N, 5) index
    ``CLASSES`` and ``TINTS``, -1 for no object; ``places`` (N,) index ``PLACES``.
    """

    pictures: Tensor
    boxes: Tensor
    kinds: Tensor
    tints: Tensor
    places: Tensor

    def __len__(self) -> int:
        return len(self.pictures)


def labelled_renders(number: int, icons: Icons, first_seed: int) -> LabelledRenders:
    """Random renders of the seeds from ``first_seed`` on."""
    boxes = np.zeros((number, MAX_OBJECTS, 4), np.int16)
    kinds, tints = np.full((2, number, MAX_OBJECTS), -1, np.int8)
    places = np.zeros(number, np.int8)
    pictures = np.empty((number, SIDE, SIDE, 3), np.uint8)
    for index in range(number):
        pictures[index], scene = render_random(first_seed + index, icons)
        places[index] = tuple(PLACES).index(scene.place)
        for row, thing in enumerate(scene.things):
            boxes[index, row] = pixel_box(thing)
            kinds[index, row], tints[index, row] = CLASSES.index(thing.name), TINTS.index(thing.color)
    return LabelledRenders(*(torch.from_numpy(values) for values in (pictures, boxes, kinds, tints, places)))


@torch.no_grad()
def repeated(pictures: Tensor, autoencoder: Any, noise: float, generator: torch.Generator) -> Tensor:
    """What the autoencoder makes of pictures (B, H, W, 3) in bytes, from latents with up to so much noise."""
    device = str(next(autoencoder.parameters()).device)
    batches = []
    for batch in pictures.split(_TOGETHER):
        inputs = as_tensor(batch.numpy(), device)
        with bfloat16_on_cpu(inputs.device):
            latents = autoencoder.encode(inputs).latents
            amount = noise * torch.rand(len(latents), 1, 1, 1, generator=generator)
            disturbed = latents + (amount * torch.randn(latents.shape, generator=generator)).to(latents)
            decoded = autoencoder.decode(disturbed).sample.float().clamp(-1, 1)
        batches.append(((decoded + 1) * 127.5).round().byte().permute(0, 2, 3, 1).contiguous().cpu())
    return torch.cat(batches)


def labelled_pool(file: Path, number: int, first_seed: int, icons: Path, autoencoder: Any) -> LabelledRenders:
    """``number`` random renders, every second one repeated by the autoencoder; read from ``file`` if it is there.

    Delete the file after a change of the renderer or of the autoencoder.
    """
    if not file.exists():
        begun = time.time()
        pool = labelled_renders(number, load_icons(icons), first_seed)
        generator = torch.Generator().manual_seed(first_seed)
        pool.pictures[::2] = repeated(pool.pictures[::2], autoencoder, _LATENT_NOISE, generator)
        print(f"{number} labelled renders, {time.time() - begun:.0f} s", flush=True)
        file.parent.mkdir(parents=True, exist_ok=True)
        write_tensors(file, {item.name: getattr(pool, item.name) for item in fields(pool)})
    return LabelledRenders(**load_file(file))


def annotated(data: LabelledRenders) -> Annotated:
    """The same for a critic's training: the objects of each picture, and its place as one that fills it."""
    objects = []
    for boxes, kinds, tints, place in zip(
        data.boxes.tolist(), data.kinds.tolist(), data.tints.tolist(), data.places.tolist()
    ):
        things = [
            Detection(left, top, right - left, bottom - top, CLASSES[kind], TINTS[tint])
            for (left, top, right, bottom), kind, tint in zip(boxes, kinds, tints)
            if kind >= 0
        ]
        objects.append([*things, whole_place(tuple(PLACES)[place])])
    return Annotated(data.pictures.permute(0, 3, 1, 2), objects)
