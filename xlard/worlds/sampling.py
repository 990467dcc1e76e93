"""A diffusers flow UNet as a resumable sampler outside ComfyUI: Euler's method, with classifier-free guidance."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from ..guidance.base import X0Guidance
from ..guidance.corrector import moved_noise
from ..protocols import CropTerms, Window

_SLACK = 1e-4
"""How far two noise levels that are meant to be equal may lie apart."""

_ENCODED = 500
"""Prompts encoded together."""

_BATCH = 250
"""Pictures that ``generate`` samples together."""


class FlowSampler:
    """``protocols.Sampler`` for one prompt per row: a diffusers UNet2DConditionModel that predicts the flow, and the
    text encoder and tokenizer of transformers that it was trained with.
    """

    def __init__(
        self,
        unet: Any,
        text_encoder: Any,
        tokenizer: Any,
        prompts: Sequence[str],
        device: str,
        steps: int,
        guidance_scale: float,
    ):
        self.unet, self.device, self.steps, self.guidance_scale = unet, device, steps, guidance_scale
        self.shape = (unet.config.in_channels, unet.config.sample_size, unet.config.sample_size)
        self.text_encoder, self.tokenizer = text_encoder, tokenizer
        distinct = list(dict.fromkeys(prompts))
        self.embeddings = torch.cat(
            [self.encode(distinct[start : start + _ENCODED]) for start in range(0, len(distinct), _ENCODED)]
        )
        embedding_of = {prompt: index for index, prompt in enumerate(distinct)}
        self.embedding_of_row = [embedding_of[prompt] for prompt in prompts]
        self.empty = self.encode([""])

    @torch.no_grad()
    def encode(self, texts: Sequence[str]) -> Tensor:
        """Embeddings (B, L, D) of texts."""
        tokens = self.tokenizer(list(texts), padding="max_length", truncation=True, return_tensors="pt").input_ids
        return self.text_encoder(input_ids=tokens.to(self.device)).last_hidden_state

    def with_prompt(self, prompt: str) -> FlowSampler:
        """The same sampler with every row's prompt replaced by another one."""
        sampler = copy.copy(self)
        sampler.embeddings, sampler.embedding_of_row = self.encode([prompt]), [0] * len(self.embedding_of_row)
        return sampler

    def crop_terms(self, row: int) -> CropTerms:
        """All parts of a picture can be drawn, with any prompt."""
        return CropTerms(takes_prompts=True)

    def cropped(
        self,
        rows: Sequence[int],
        windows: Sequence[Window],
        size: tuple[int, int],
        prompt: str | None = None,
        avoid: str = "",
    ) -> FlowSampler:
        """A sampler of a part of each row's picture, at latents of ``size``; ``avoid`` stands for the empty prompt."""
        sampler = copy.copy(self if prompt is None else self.with_prompt(prompt))
        sampler.embedding_of_row = [sampler.embedding_of_row[row] for row in rows]
        sampler.shape = (self.shape[0], *size)
        sampler.empty = self.encode([avoid]) if avoid else self.empty
        return sampler

    def context(self, rows: Sequence[int]) -> Tensor:
        """Prompt embeddings (B, L, D) of the rows."""
        return self.embeddings[torch.tensor([self.embedding_of_row[row] for row in rows], device=self.device)]

    def noise(self, seeds: Sequence[int]) -> Tensor:
        """Each seed's noise (B, C, h, w), drawn on the CPU: every machine draws the same."""
        return torch.stack(
            [torch.randn(self.shape, generator=torch.Generator().manual_seed(seed)) for seed in seeds]
        ).to(self.device)

    def noise_levels(self, noise_level: float = 1.0) -> Tensor:
        """The schedule from the step nearest to ``noise_level`` down to 0."""
        schedule = torch.linspace(1.0, 0.0, self.steps + 1)
        return schedule[int((schedule[:-1] - noise_level).abs().argmin()) :]

    def nfe(self, noise_level: float = 1.0) -> int:
        """Model calls from ``noise_level`` to the end."""
        return len(self.noise_levels(noise_level)) - 1

    @torch.no_grad()
    def flow(self, noisy: Tensor, noise_level: Tensor, context: Tensor) -> Tensor:
        """The guided flow at one noise level; guidance doubles the batch and counts as one call."""
        return self._flow(noisy, noise_level, context)

    def predict_noise(self, noise: Tensor, rows: Sequence[int]) -> Tensor:
        """x0 prediction (B, C, h, w) of pure noise: one call, with gradients."""
        return noise - self._flow(noise, torch.ones(()), self.context(rows))

    def _flow(self, noisy: Tensor, noise_level: Tensor, context: Tensor) -> Tensor:
        doubled = torch.cat([context, self.empty.expand(len(context), -1, -1)])
        output = self.unet(
            torch.cat([noisy, noisy]), noise_level.to(self.device) * 1000, encoder_hidden_states=doubled
        ).sample
        prompted, unprompted = output.chunk(2)
        return unprompted + self.guidance_scale * (prompted - unprompted)

    def generate(self, rows: Sequence[int], seeds: Sequence[int], guidance: X0Guidance | None = None) -> Tensor:
        """Sample from pure noise, with x0 guidance or without; returns latents (B, C, h, w)."""
        noise_levels, context, noisy = self.noise_levels(), self.context(rows), self.noise(seeds)
        reached = 0
        if guidance is not None:
            for stop in sorted(guidance.stop_at, reverse=True):
                if stop >= 1:
                    x0 = noisy - self.flow(noisy, noise_levels[0], context)
                    noisy = moved_noise(noisy, guidance.apply(x0, 1.0, stop).to(x0) - x0)
                    continue
                step = self.steps - self.nfe(stop)
                level = noise_levels[step]
                noisy = self.integrate(noisy, noise_levels[reached : step + 1], context, guidance)
                x0 = noisy - level.item() * self.flow(noisy, level, context)
                noisy = noisy + (1 - level.item()) * (guidance.apply(x0, level.item(), stop).to(x0) - x0)
                reached = step
        return self.integrate(noisy, noise_levels[reached:], context, guidance)

    @property
    def staged(self) -> bool:
        """Always."""
        return True

    def begin(
        self, rows: Sequence[int], seeds: Sequence[int], noise_level: float, guidance: X0Guidance | None = None
    ) -> Tensor:
        """See ``protocols.StagedSampler``; noisy latents (B, C, h, w)."""
        levels = self.noise_levels()[: self.begin_nfe(noise_level) + 1]
        return self.integrate(self.noise(seeds), levels, self.context(rows), guidance)

    def finish(
        self,
        begun: Tensor,
        noise_level: float,
        rows: Sequence[int],
        seeds: Sequence[int],
        guidance: X0Guidance | None = None,
    ) -> Tensor:
        """See ``protocols.StagedSampler``."""
        levels = self.noise_levels()[self.begin_nfe(noise_level) :]
        return self.integrate(begun, levels, self.context(rows), guidance)

    def begin_nfe(self, noise_level: float) -> int:
        """The steps down to the one nearest to ``noise_level``, and that one."""
        return self.steps - self.nfe(noise_level) + 1

    def predict(self, latents: Tensor, noise_level: float, rows: Sequence[int], seeds: Sequence[int]) -> Tensor:
        """x0 prediction (B, C, h, w) of latents renoised to ``noise_level``: one call."""
        level = self.noise_levels(noise_level)[0]
        noisy = torch.lerp(latents.to(self.device), self.noise(seeds), level.item())
        return noisy - level.item() * self.flow(noisy, level, self.context(rows))

    def resume(
        self,
        latents: Tensor,
        noise_level: float,
        rows: Sequence[int],
        seeds: Sequence[int],
        guidance: X0Guidance | None = None,
        regions: Tensor | None = None,
    ) -> Tensor:
        """Renoise latents to ``noise_level`` and sample to the end, everywhere or inside ``regions``
        (B, h, w), which may hold a noise level for each cell.
        """
        noise_levels, context = self.noise_levels(noise_level), self.context(rows)
        latents, noise = latents.to(self.device), self.noise(seeds)
        noisy = torch.lerp(latents, noise, noise_levels[0].item())
        if regions is None:
            return self.integrate(noisy, noise_levels, context, guidance)
        cell_levels = regions.to(self.device, torch.float32)[:, None]
        opened = torch.zeros_like(cell_levels, dtype=torch.bool)

        def restore(noisy: Tensor, level: float) -> Tensor:
            nonlocal opened
            # A cell that opens now has been sampled until here, and begins as it was.
            begun = torch.where(opened, noisy, torch.lerp(latents, noise, level))
            opened = cell_levels >= min(level, noise_level) - _SLACK
            return begun

        return torch.where(cell_levels > 0, self.integrate(noisy, noise_levels, context, guidance, restore), latents)

    def integrate(
        self,
        noisy: Tensor,
        noise_levels: Tensor,
        context: Tensor,
        guidance: X0Guidance | None = None,
        restore: Callable[[Tensor, float], Tensor] | None = None,
    ) -> Tensor:
        """Euler's method from the first of ``noise_levels`` to the last.

        Before each step ``restore`` puts back what must not change in latents at a noise level.
        """
        for level, following in zip(noise_levels[:-1], noise_levels[1:]):
            if restore is not None:
                noisy = restore(noisy, level.item())
            flow = self.flow(noisy, level, context)
            if guidance is not None:
                x0 = noisy - level.item() * flow
                # As a difference: what guidance does not move stays the same to the last bit.
                flow = flow - (guidance.apply(x0, level.item()).to(x0) - x0) / level.item()
            noisy = noisy + (following - level).item() * flow
        return noisy


def generate(sampler: FlowSampler, seeds: Sequence[int]) -> Tensor:
    """Latents (B, C, h, w) for every row of a sampler, in batches; row i with seeds[i]."""
    rows = list(range(len(seeds)))
    return torch.cat(
        [
            sampler.generate(rows[start : start + _BATCH], seeds[start : start + _BATCH])
            for start in range(0, len(rows), _BATCH)
        ]
    )
