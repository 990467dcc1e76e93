"""A MODEL with sampler, scheduler, guidance and conditioning as the library's sampler."""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence

import comfy.model_management
import comfy.sample
import comfy.samplers
import comfy.utils
import latent_preview
import torch
from comfy.patcher_extension import WrappersMP
from torch import Tensor

from ....xlard.guidance.base import X0Guidance
from ..managed import ManagedModule
from .latents import as_pictures, mask_of, prompt_embeddings
from .rewriting import ConditioningRewriter
from .x0_guidance import SEEDS, noise_levels, with_guidance

_RATIOS = ("downscale_ratio_spacial", "downscale_ratio_temporal")


class _NfeCounter:
    """Counts guided model calls, whatever the sampler does within a step."""

    def __init__(self):
        self.nfe = 0

    def __call__(self, executor, *arguments, **keywords):
        self.nfe += 1
        return executor(*arguments, **keywords)


class ComfySampler:
    """Samples the pictures of a LATENT as KSampler does; implements ``xlard.protocols.Sampler``.

    A row is a picture of the batch, and each has its own seed; a batch of one equals KSampler's picture for that seed
    exactly. Samplers that add noise of their own (``euler_ancestral``) draw it with the first row's seed. Where the
    LATENT has a noise mask, what lies outside of it stays as it was. ``companions`` are the modules that x0 guidance calls,
    ``rewriter`` is what ``with_prompt`` needs."""

    def __init__(
        self,
        model,
        positive,
        negative,
        latent: dict,
        steps: int,
        cfg: float,
        sampler_name: str,
        scheduler: str,
        companions: Sequence[ManagedModule] = (),
        rewriter: ConditioningRewriter | None = None,
    ):
        counter = _NfeCounter()
        self._model = model.clone()
        self._model.add_wrapper(WrappersMP.PREDICT_NOISE, counter)
        self._counter, self._cfg, self._sampler_name = counter, cfg, sampler_name
        self._positive, self._negative, self._companions, self._rewriter = positive, negative, companions, rewriter
        # Newer ComfyUI notes what an empty latent was made for, and gives it the size that the model wants.
        ratios = {name: latent[name] for name in _RATIOS if name in latent}
        samples = comfy.sample.fix_empty_latent_channels(self._model, _checked(latent["samples"]), **ratios)
        self.source = samples
        self._video = samples.ndim == 5
        self._latents = as_pictures(samples)
        self._mask = mask_of(latent, self._latents)
        self._check_channels()
        self._sigmas = comfy.samplers.KSampler(
            self._model,
            steps=steps,
            device=self._model.load_device,
            sampler=sampler_name,
            scheduler=scheduler,
            denoise=1.0,
            model_options=self._model.model_options,
        ).sigmas.cpu()
        self._measured: dict[int, int] = {}

    @property
    def batch(self) -> int:
        """Pictures in the LATENT."""
        return self._latents.shape[0]

    @property
    def nfe_made(self) -> int:
        """Model calls so far, counted as they happen."""
        return self._counter.nfe

    def context(self, rows: Sequence[int]) -> Tensor:
        """The prompt embeddings (B, L, D) of the positive conditioning, the same for every row."""
        return prompt_embeddings(self._positive, len(rows))

    def generate(self, rows: Sequence[int], seeds: Sequence[int], guidance: X0Guidance | None = None) -> Tensor:
        """Sample from pure noise, with x0 guidance or without; returns latents (B, C, h, w)."""
        return self._run(self._latents[list(rows)], 0, rows, seeds, guidance, None)

    def resume(
        self,
        latents: Tensor,
        noise_level: float,
        rows: Sequence[int],
        seeds: Sequence[int],
        guidance: X0Guidance | None = None,
        regions: Tensor | None = None,
    ) -> Tensor:
        """Renoise latents (B, C, h, w) to the step of the schedule nearest to ``noise_level`` and sample on from there.

        With ``regions`` (B, h, w) only where they are true; where there is a noise mask too, inside both.
        """
        drawn = self._run(self._blended(latents, rows), self._start(noise_level), rows, seeds, guidance, regions)
        return drawn if regions is None else torch.where(regions.to(drawn.device)[:, None], drawn, latents.to(drawn))

    def predict(self, latents: Tensor, noise_level: float, rows: Sequence[int], seeds: Sequence[int]) -> Tensor:
        """The model's x0 prediction (B, C, h, w) at the step nearest to ``noise_level``: one call, one Euler step to 0."""
        start = self._start(noise_level)
        sigmas = torch.stack([self._sigmas[start], torch.zeros(())])
        return self._sample(self._model, self._blended(latents, rows), sigmas, "euler", rows, seeds, None)

    def with_prompt(self, prompt: str) -> ComfySampler:
        """The same sampler with another prompt in the positive conditioning. Both count into one sum of calls.

        Raises ValueError without a ``rewriter``.
        """
        if self._rewriter is None:
            raise ValueError("Another prompt can only be encoded where clip is connected.")
        sampler = copy.copy(self)
        sampler._positive = self._rewriter.conditioning(prompt)
        return sampler

    def nfe(self, noise_level: float = 1.0) -> int:
        """Model calls per picture from ``noise_level`` to the end: counted if it has run, else scaled from a full run."""
        start = self._start(noise_level)
        steps = len(self._sigmas) - 1
        per_step = self._measured.get(0, steps) / steps
        return self._measured.get(start, max(1, math.ceil((steps - start) * per_step)))

    def _start(self, noise_level: float) -> int:
        """Index of the step, the last one included, whose noise level is nearest to ``noise_level`` in [0, 1]."""
        levels = noise_levels(self._model.get_model_object("model_sampling"), self._sigmas[:-1])
        return int((levels - noise_level).abs().argmin())

    def _run(
        self,
        latents: Tensor,
        start: int,
        rows: Sequence[int],
        seeds: Sequence[int],
        guidance: X0Guidance | None,
        regions: Tensor | None,
    ) -> Tensor:
        model = self._model if guidance is None else with_guidance(self._model, guidance, self._companions)
        nfe_before = self._counter.nfe
        samples = self._sample(model, latents, self._sigmas[start:], self._sampler_name, rows, seeds, regions)
        # Stops take a call more each, whatever the sampler does within a step.
        self._measured[start] = self._counter.nfe - nfe_before - (guidance.extra_nfe if guidance else 0)
        return samples

    def _sample(
        self,
        model,
        latents: Tensor,
        sigmas: Tensor,
        sampler_name: str,
        rows: Sequence[int],
        seeds: Sequence[int],
        regions: Tensor | None,
    ) -> Tensor:
        comfy.model_management.throw_exception_if_processing_interrupted()
        if self._video:
            latents = latents.unsqueeze(2)
        noise = torch.cat(
            [comfy.sample.prepare_noise(latents[row : row + 1], seed % SEEDS) for row, seed in enumerate(seeds)]
        )
        samples = comfy.sample.sample_custom(
            model,
            noise,
            self._cfg,
            comfy.samplers.sampler_object(sampler_name),
            sigmas,
            self._positive,
            self._negative,
            latents,
            noise_mask=self._noise_mask(rows, regions),
            callback=latent_preview.prepare_callback(model, len(sigmas) - 1),
            disable_pbar=not comfy.utils.PROGRESS_BAR_ENABLED,
            seed=seeds[0] % SEEDS,
        )
        return samples[:, :, 0] if self._video else samples

    def _noise_mask(self, rows: Sequence[int], regions: Tensor | None) -> Tensor | None:
        if self._mask is None and regions is None:
            return None
        # One channel: ComfyUI would take further ones for further pictures.
        mask = torch.ones(1) if self._mask is None else self._mask[list(rows), :1]
        mask = mask if regions is None else mask * regions.to(mask)[:, None]
        return mask.unsqueeze(2) if self._video else mask

    def _blended(self, latents: Tensor, rows: Sequence[int]) -> Tensor:
        """The latents inside the noise mask, the artist's own outside of it."""
        if self._mask is None:
            return latents
        mask = self._mask[list(rows)].to(latents)
        return latents * mask + self._latents[list(rows)].to(latents) * (1 - mask)

    def _check_channels(self) -> None:
        wanted = self._model.get_model_object("latent_format").latent_channels
        if self._latents.shape[1] != wanted:
            raise ValueError(
                f"The model works on {wanted}-channel latents; this latent has {self._latents.shape[1]}. "
                "Encode the picture with the VAE of this checkpoint."
            )


def _checked(samples: Tensor) -> Tensor:
    as_pictures(samples)
    return samples
