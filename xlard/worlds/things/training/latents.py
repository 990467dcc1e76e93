"""Prompts of the generator's split, and the latents of a render of each, kept on disk."""

from __future__ import annotations

import random
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..icons import Icons, load_icons
from ..prompts import PROMPTS
from ..render import render_scene
from ..scenes import scene_of
from .labels import label_maps
from .parts import kept_in_parts
from .reconstruction import as_tensor

_TOGETHER = 32


@dataclass(frozen=True)
class PromptedLatents:
    """Tokens (N, L), the latents (N, 16, 16, 16) of a render of each prompt, and its label maps (N, 2, 8, 8)."""

    tokens: Tensor
    latents: Tensor
    labels: Tensor

    def __len__(self) -> int:
        return len(self.tokens)


def prompted_latents(
    folder: Path, split: str, number: int, seed: int, icons_folder: Path, autoencoder: Any, tokenizer: Any
) -> PromptedLatents:
    """``number`` prompts of a split, rendered and encoded, from parts in ``folder``; those that are missing are made.

    A larger number begins with the same ones. Delete the folder after a change of the renderer or of the autoencoder.
    """

    def make(size: int, seeds: list[int]) -> dict[str, Tensor]:
        return _part(split, size, seeds, load_icons(icons_folder), autoencoder, tokenizer)

    return PromptedLatents(**kept_in_parts(folder, "latents", split, number, seed, make))


@torch.no_grad()
def _part(
    split: str, number: int, seeds: list[int], icons: Icons, autoencoder: Any, tokenizer: Any
) -> dict[str, Tensor]:
    device = str(next(autoencoder.parameters()).device)
    texts = [prompt.text for prompt in PROMPTS.sample_prompts(split, number, random.Random(str(seeds)))]
    latents, labels = [], []
    for start in range(0, number, _TOGETHER):
        pictures = []
        for index, text in enumerate(texts[start : start + _TOGETHER], start):
            rng = np.random.default_rng([*seeds, index])
            scene = scene_of(text, rng)
            pictures.append(render_scene(scene, icons, rng))
            labels.append(torch.from_numpy(label_maps(scene)))
        latents.append(autoencoder.encode(as_tensor(np.stack(pictures), device)).latents.cpu().half())
    tokens = tokenizer(texts, padding="max_length", truncation=True, return_tensors="pt").input_ids
    return {"tokens": tokens, "latents": torch.cat(latents).contiguous(), "labels": torch.stack(labels)}
