"""Pairs of latents that differ by one repair, with the tokens of its instruction, kept on disk."""

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
from ..repairs import Repair, draw_repair
from .parts import kept_in_parts
from .reconstruction import as_tensor

_TOGETHER = 32


@dataclass(frozen=True)
class EditLatents:
    """Tokens (N, L) of instructions, and latents (N, 16, 16, 16) of renders before and after them."""

    tokens: Tensor
    before: Tensor
    after: Tensor

    def __len__(self) -> int:
        return len(self.tokens)


def edit_latents(
    folder: Path, split: str, number: int, seed: int, icons_folder: Path, autoencoder: Any, tokenizer: Any
) -> EditLatents:
    """``number`` pairs for prompts of a split, from parts in ``folder``; those that are missing are made.

    A larger number begins with the same ones. Delete the folder after a change of the renderer, of the wording of
    instructions or of the autoencoder.
    """

    def make(size: int, seeds: list[int]) -> dict[str, Tensor]:
        return _part(split, size, seeds, load_icons(icons_folder), autoencoder, tokenizer)

    return EditLatents(**kept_in_parts(folder, "pairs", split, number, seed, make))


def rendered(repair: Repair, icons: Icons, seeds: list[int]) -> tuple[np.ndarray, np.ndarray]:
    """Pictures (SIDE, SIDE, 3), 0 to 255, of a repair's two scenes in the same light."""
    exposure = float(np.random.default_rng([*seeds, 1]).uniform(0.95, 1.04))
    before, after = (
        render_scene(scene, icons, np.random.default_rng(seeds), exposure) for scene in (repair.before, repair.after)
    )
    return before, after


def drawn_repairs(split: str, number: int, seeds: list[int]) -> list[Repair]:
    """``number`` repairs for prompts of a split; the same for the same seeds."""
    repairs: list[Repair] = []
    rng = np.random.default_rng(seeds)
    while len(repairs) < number:
        chosen = PROMPTS.sample_prompts(split, number, random.Random(str([*seeds, len(repairs)])))
        drawn = (draw_repair(prompt.text, rng) for prompt in chosen)
        repairs += [repair for repair in drawn if repair is not None]
    return repairs[:number]


@torch.no_grad()
def _part(
    split: str, number: int, seeds: list[int], icons: Icons, autoencoder: Any, tokenizer: Any
) -> dict[str, Tensor]:
    device = str(next(autoencoder.parameters()).device)
    repairs = drawn_repairs(split, number, seeds)
    latents: dict[str, list[Tensor]] = {"before": [], "after": []}
    for start in range(0, number, _TOGETHER):
        pairs = [
            rendered(repair, icons, [*seeds, index])
            for index, repair in enumerate(repairs[start : start + _TOGETHER], start)
        ]
        for side, pictures in zip(("before", "after"), zip(*pairs)):
            latents[side].append(autoencoder.encode(as_tensor(np.stack(pictures), device)).latents.cpu().half())
    texts = [repair.instruction for repair in repairs]
    tokens = tokenizer(texts, padding="max_length", truncation=True, return_tensors="pt").input_ids
    return {"tokens": tokens, **{side: torch.cat(parts).contiguous() for side, parts in latents.items()}}
