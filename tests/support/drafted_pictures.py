"""Collected pictures of two things each, out of which drafts are made, and what is in a latent of them."""

from __future__ import annotations

import torch
from torch import Tensor

from xlard.aspects import ASPECTS
from xlard.detections import Detection
from xlard.training.records import FINAL, NO_REWARD, X0, Records

SIDE, CELL, CHANNELS = 12, 8, 3
SHOWN = {("red", "circle"): 1.0, ("blue", "square"): -1.0}


def pictures(number: int, boxes: bool = True) -> Records:
    """Latents of two objects each, one 3 x 3 block a thing, with a background of its own; and predictions of them."""
    generator = torch.Generator().manual_seed(0)
    finals, objects = [], []
    for index in range(number):
        latent, in_picture = torch.full((CHANNELS, SIDE, SIDE), 0.1 * (index % 3)), []
        for half, ((color, noun), value) in enumerate(SHOWN.items()):
            row, column = torch.randint(1, 4, (2,), generator=generator).tolist()
            column += 5 * half
            latent[:2, row : row + 3, column : column + 3] = value
            # A quarter of a pixel inside: the grown box takes these cells and one around them.
            in_picture.append(
                Detection(CELL * column + 0.25, CELL * row + 0.25, 3 * CELL - 0.5, 3 * CELL - 0.5, noun, color)
            )
        finals.append(latent)
        objects.append(in_picture if boxes else [])
    finals = torch.stack(finals)
    prompts = ["a red circle and a blue square", "a blue square above a red circle"] * (number // 2)
    noisy = finals + 0.05 * torch.randn(finals.shape, generator=generator)
    latents, noise_level = torch.cat([finals, noisy]), torch.cat([torch.zeros(number), torch.full((number,), 0.5)])
    kinds = torch.tensor([FINAL] * number + [X0] * number)
    return Records(
        prompts * 2,
        latents,
        noise_level,
        kinds,
        torch.zeros(2 * number, dtype=torch.bool),
        torch.full((2 * number, len(ASPECTS)), NO_REWARD),
        torch.ones(2 * number),
        torch.ones(2 * number),
        torch.arange(number).repeat(2),
        finals,
        objects,
        float(SIDE * CELL),
        torch.full((2 * number,), -1),
        torch.zeros(0, CHANNELS, SIDE, SIDE),
    )


def things(latent: Tensor) -> list[Detection]:
    """Where the blocks of a latent are, by their value."""
    objects = []
    for (color, noun), value in SHOWN.items():
        rows, columns = ((latent[0] - value).abs() < 0.3).nonzero(as_tuple=True)
        top, left = rows.min().item(), columns.min().item()
        objects.append(
            Detection(
                CELL * left,
                CELL * top,
                CELL * (columns.max().item() + 1 - left),
                CELL * (rows.max().item() + 1 - top),
                noun,
                color,
            )
        )
    return objects
