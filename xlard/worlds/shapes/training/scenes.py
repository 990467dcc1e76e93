"""Pools of scenes and their pictures, made once per training run on all cores."""

from __future__ import annotations

import os
import random
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import torch
from torch import Tensor

from ..prompts import PROMPTS
from ..render import pack, render_packed
from ..scenes import random_scene, scene_of

_CHUNK = 2000


def _chunk(split: str | None, number: int, seed: int) -> tuple[list[str], Tensor]:
    rng = random.Random(seed)
    if split is None:
        return [""] * number, pack([random_scene(rng) for _ in range(number)])
    texts = [prompt.text for prompt in PROMPTS.sample_prompts(split, number, rng)]
    return texts, pack([scene_of(text, rng) for text in texts])


def scene_pool(split: str | None, number: int, seed: int) -> tuple[list[str], Tensor]:
    """``number`` prompts of a split and a packed scene for each; without a split, random scenes with empty prompts."""
    starts = range(0, number, _CHUNK)
    numbers, seeds = [min(_CHUNK, number - start) for start in starts], [seed * 1_000_003 + start for start in starts]
    with ProcessPoolExecutor(max_workers=os.cpu_count(), mp_context=get_context("spawn")) as pool:
        chunks = list(pool.map(_chunk, [split] * len(starts), numbers, seeds))
    return [text for texts, _ in chunks for text in texts], torch.cat([packed for _, packed in chunks])


def pictures_of(packed: Tensor, generator: torch.Generator) -> Tensor:
    """Render packed scenes to (B, 3, SIDE, SIDE) in [-1, 1] on the generator's device."""
    return render_packed(packed.to(generator.device), generator) * 2 - 1
