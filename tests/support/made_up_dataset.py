"""Datasets in which it is easy to see what is right: a picture that passed is light in its first channel, one that
failed is dark.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import torch

from xlard.detections import Detection
from xlard.prompts import claims_from_prompt
from xlard.rewards import critique_from_detections
from xlard.training.dataset import Dataset, Source
from xlard.training.dataset_rows import Batch, Row
from xlard.training.only_writer import LOCK

CHANNELS, WIDTH, SIDE = 4, 16, 64
PROMPTS = [
    f"{number} {color} {noun}"
    for color in ("red", "green", "blue")
    for noun in ("circles", "squares")
    for number in ("two", "three")
]
LEVELS = (0.9, 0.7, 0.5)


def critique(prompt: str, right: bool):
    """What a critic says that sees the objects of the prompt, or, wrongly, one more."""
    number, color, noun = prompt.split()
    seen = {"two": 2, "three": 3}[number] + (not right)
    return critique_from_detections(
        claims_from_prompt(prompt), [Detection(4 + 14.0 * n, 4, 8, 8, noun[:-1], color) for n in range(seen)], SIDE
    )


def made_up(
    folder: Path,
    prompts=PROMPTS,
    pictures: int = 4,
    right=lambda picture: picture % 2 == 0,
    latent: int = 8,
    seed: int = 0,
    judged: int | None = None,
    base_model: str = "made up",
) -> Dataset:
    """Write a dataset. ``right`` says which of a prompt's pictures passed, ``judged`` how many of each have a
    verdict.
    """
    generator = torch.Generator().manual_seed(seed)
    dataset = Dataset.open(folder, Source(base_model, "", CHANNELS, WIDTH))
    contexts = {prompt: torch.randn(3, WIDTH, generator=generator) for prompt in PROMPTS}
    for prompt in prompts:
        finals = torch.randn(pictures, CHANNELS, latent, latent, generator=generator)
        finals[:, 0] += torch.tensor([1.5 if right(picture) else -1.5 for picture in range(pictures)])[:, None, None]
        rows, latents, critiques = [], [], []
        for picture in range(pictures):
            verdict = critique(prompt, right(picture))
            if judged is not None and picture >= judged:
                verdict = replace(verdict, confidence=0.0)
            critiques.append(verdict)
            rows.append([])
            views = [
                ("final", 0.0, False),
                *(("x0", level, renoised) for level in LEVELS for renoised in (False, True)),
            ]
            for kind, level, renoised in views:
                noise = torch.randn(CHANNELS, latent, latent, generator=generator)
                row = Row(prompt, kind, level, renoised, dict(verdict.rewards), verdict.passed, len(latents))
                rows[picture].append(row)
                latents.append(torch.lerp(finals[picture], noise, level * 0.8))
        jobs = [(prompt, seed * 100 + picture) for picture in range(pictures)]
        context = {prompt: contexts[prompt]}
        dataset.append(Batch(jobs, "sampled", critiques, rows, finals, torch.stack(latents), context, SIDE))
    return dataset


def contents(folder: Path) -> dict[str, bytes]:
    """All files of a dataset by name, but the one that is locked."""
    paths = (path for path in folder.rglob("*") if path.is_file() and path.name != LOCK)
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}
