"""Prompts of the generator's split, and the latents of a render of each, kept on disk."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ....tensor_files import write_tensors
from ..icons import load_icons
from ..prompts import PROMPTS
from ..render import render_scene
from ..scenes import scene_of
from .labels import label_maps
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
    file: Path, split: str, number: int, seed: int, icons: Path, autoencoder: Any, tokenizer: Any
) -> PromptedLatents:
    """``number`` prompts of a split, rendered and encoded; read from ``file`` if it is there.

    Delete the file after a change of the renderer or of the autoencoder.
    """
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        write_tensors(file, _made(split, number, seed, icons, autoencoder, tokenizer))
    from safetensors.torch import load_file

    return PromptedLatents(**load_file(file))


@torch.no_grad()
def _made(
    split: str, number: int, seed: int, icons_folder: Path, autoencoder: Any, tokenizer: Any
) -> dict[str, Tensor]:
    icons, device = load_icons(icons_folder), next(autoencoder.parameters()).device
    texts = [prompt.text for prompt in PROMPTS.sample_prompts(split, number, random.Random(seed))]
    latents, labels, begun = [], [], time.time()
    for start in range(0, number, _TOGETHER):
        pictures = []
        for index, text in enumerate(texts[start : start + _TOGETHER], start):
            rng = np.random.default_rng([seed, index])
            scene = scene_of(text, rng)
            pictures.append(render_scene(scene, icons, rng))
            labels.append(torch.from_numpy(label_maps(scene)))
        latents.append(autoencoder.encode(as_tensor(np.stack(pictures), device)).latents.cpu().half())
        if start % (100 * _TOGETHER) == 0:
            done = start + len(pictures)
            print(f"{split}: {done}/{number} renders encoded, {time.time() - begun:.0f} s", flush=True)
    tokens = tokenizer(texts, padding="max_length", truncation=True, return_tensors="pt").input_ids
    return {"tokens": tokens, "latents": torch.cat(latents).contiguous(), "labels": torch.stack(labels)}
