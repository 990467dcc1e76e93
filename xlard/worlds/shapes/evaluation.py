"""Accuracy of generated pictures by the exact checker, per task."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import torch
from torch import Tensor

from ...prompts import claims_from_prompt
from .checker import check
from .prompts import Prompt

_BATCH = 250
_DECODED = 32  # A 64-wide decoder needs 10 MB for each picture and layer.


class VaeDecoder:
    """protocols.Decoder for a diffusers autoencoder."""

    def __init__(self, vae):
        self.vae = vae

    @torch.no_grad()
    def decode(self, latents: Tensor) -> Tensor:
        """Latents (B, C, h, w) to images (B, H, W, 3) in [0, 1]."""
        decoded = [self.vae.decode(part).sample for part in latents.to(self.vae.device).split(_DECODED)]
        return (torch.cat(decoded) / 2 + 0.5).clamp(0, 1).permute(0, 2, 3, 1)


def generate(sampler, seeds: Sequence[int]) -> Tensor:
    """Latents for every row of a sampler, in batches; row i with seeds[i]."""
    rows = list(range(len(seeds)))
    return torch.cat(
        [
            sampler.generate(rows[start : start + _BATCH], seeds[start : start + _BATCH])
            for start in range(0, len(rows), _BATCH)
        ]
    )


def accuracy(sampler, vae, prompts: Sequence[Prompt], seeds: Sequence[int]) -> dict[str, float]:
    """Share of pictures on which the checker finds every claim true, overall and per task."""
    pictures = VaeDecoder(vae).decode(generate(sampler, seeds)).permute(0, 3, 1, 2).cpu()
    right = defaultdict(list)
    for prompt, picture in zip(prompts, pictures):
        passed = check(picture, claims_from_prompt(prompt.text)).passed
        right[prompt.task].append(passed)
        right["overall"].append(passed)
    return {task: round(sum(values) / len(values), 3) for task, values in right.items()}


def balanced(pairs: Tensor) -> float:
    """Balanced accuracy of (truth, verdict) rows: the mean of the shares found right among true and among false."""
    truth, verdict = pairs[:, 0].bool(), pairs[:, 1].bool()
    return round(((verdict[truth]).float().mean() + (~verdict[~truth]).float().mean()).item() / 2, 3)
