"""A way to sample as the library's sampler, and a VAE as its decoder."""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import comfy.model_management
import torch
from torch import Tensor

from ....xlard.guidance.base import X0Guidance
from ....xlard.protocols import CropTerms, Window
from ..compat.clones import cloned
from ..compat.encoders import vae_shape
from ..compat.guiders import named_sampler
from ..compat.sampling import add_call_hook, add_mask_hook, fitted_samples, noise_levels
from ..managed import ManagedModule
from ..memory import with_another_try
from .conditioning_rows import conditioning_of_rows
from .conditioning_windows import can_be_cut, conditioning_of_windows
from .latents import as_pictures, mask_of, prompt_embeddings
from .method import SamplingMethod
from .rewriting import ConditioningRewriter
from .turns import Turn, drawn, nearest_step, sigmas_of, step_alone
from .x0_guidance import with_guidance

_SLACK = 1e-4
"""How far two noise levels that are meant to be equal may lie apart."""


class NfeCounter:
    """Counts guided model calls, whatever the sampler does within a step."""

    def __init__(self) -> None:
        self.nfe = 0

    def __call__(self) -> None:
        self.nfe += 1


class ComfySampler:
    """Samples the pictures of a LATENT by a ``SamplingMethod``; implements ``CropSampler``, ``MaskedSampler`` and
    ``StagedSampler`` of ``xlard.protocols``.

    A row is a picture of the batch, and each has its own seed and its own part of what is stacked in the conditionings.
    A batch of one equals the picture of KSampler, of SamplerCustomAdvanced, or of two KSamplerAdvanced in a chain, for
    that seed, exactly, and for the LATENT's ``batch_index`` too. Samplers that add noise of their own
    (``euler_ancestral``) draw it with the first row's seed, and for a second model with the next one. Where the LATENT
    has a noise mask, what lies outside of it stays as it was. Where memory runs out in a run without x0 guidance, it is
    made once more, row by row; that is another picture only where a sampler adds noise of its own. ``companions`` are
    the modules that x0 guidance calls, ``rewriter`` is what ``with_prompt`` needs.
    """

    def __init__(
        self,
        method: SamplingMethod,
        latent: dict,
        companions: Sequence[ManagedModule] = (),
        rewriter: ConditioningRewriter | None = None,
    ):
        self._method, self._companions, self._rewriter = method, companions, rewriter
        self._counter = NfeCounter()
        self._turns = tuple(turn.with_model(self._counted) for turn in method.turns)
        samples = fitted_samples(method.model, latent, _checked(latent["samples"]))
        self.source = samples
        self._video = samples.ndim == 5
        self._latents = as_pictures(samples)
        self._mask = mask_of(latent, self._latents)
        index = latent.get("batch_index")
        self._noise_index = int(index[0]) if index and len(samples) == 1 else 0
        self._check_channels()
        self._steps = len(sigmas_of(self._turns)) - 1
        self._measured: dict[int, int] = {}

    @property
    def batch(self) -> int:
        """Pictures in the LATENT."""
        return self._latents.shape[0]

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the latents."""
        return self._latents.shape[-2], self._latents.shape[-1]

    @property
    def nfe_made(self) -> int:
        """Model calls so far, counted as they happen."""
        return self._counter.nfe

    def context(self, rows: Sequence[int]) -> Tensor:
        """The prompt embeddings (B, L, D) of the positive conditioning, each row's own where several are stacked.

        Raises ValueError for a guider that shows none.
        """
        positive = self._turns[0].conditionings.get("positive", self._method.positive)
        return prompt_embeddings(positive, self.batch)[list(rows)]

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

        With ``regions`` (B, h, w) only where they are true, or from the noise levels that they hold; with a noise mask
        too, inside both.
        """
        opened = None if regions is None else regions > 0
        opening = None if regions is None or regions.dtype == torch.bool else (regions, noise_level)
        start = self._start(noise_level)
        redrawn = self._run(self._blended(latents, rows), start, rows, seeds, guidance, opened, opening)
        if opened is None:
            return redrawn
        return torch.where(opened.to(redrawn.device)[:, None], redrawn, latents.to(redrawn))

    @property
    def staged(self) -> bool:
        """Whether draws can be stopped: outside of a noise mask, noise would be missing after the stop."""
        return self._mask is None

    def begin(
        self, rows: Sequence[int], seeds: Sequence[int], noise_level: float, guidance: X0Guidance | None = None
    ) -> Tensor:
        """Sample from pure noise through the step nearest to ``noise_level``, as KSamplerAdvanced does that returns
        with leftover noise.
        """
        return self._staged(self._latents[list(rows)], 0, self._first_stage(noise_level), rows, seeds, guidance)

    def finish(
        self,
        begun: Tensor,
        noise_level: float,
        rows: Sequence[int],
        seeds: Sequence[int],
        guidance: X0Guidance | None = None,
    ) -> Tensor:
        """Sample to the end what was begun, as a KSamplerAdvanced does that adds no noise."""
        start = self._first_stage(noise_level)
        # With the seed of before, a sampler that adds noise of its own would add the same noise twice.
        others = [seed + len(self._turns) for seed in seeds]
        return self._staged(begun, start, self._steps, rows, others, guidance, begun=True)

    def begin_nfe(self, noise_level: float) -> int:
        """Model calls per picture of ``begin``, scaled from a full run."""
        return math.ceil(self._first_stage(noise_level) * self._measured.get(0, self._steps) / self._steps)

    def predict(self, latents: Tensor, noise_level: float, rows: Sequence[int], seeds: Sequence[int]) -> Tensor:
        """The x0 prediction (B, C, h, w) at the step nearest to ``noise_level``: one call, one Euler step to 0."""
        step = step_alone(self._turns, self._start(noise_level))
        return self._sample((step,), self._blended(latents, rows), 0, 1, named_sampler("euler"), rows, seeds, None)

    def with_prompt(self, prompt: str) -> ComfySampler:
        """The same sampler with another prompt wherever the artist's stands. Both count into one sum of calls.

        Raises ValueError without a ``rewriter``.
        """
        rewriter = self._rewriter
        if rewriter is None:
            raise ValueError("Another prompt can only be encoded where clip is connected.")
        sampler = copy.copy(self)
        sampler._turns = tuple(
            replace(turn, conditionings=own.reprompted(partial(encoder.reworded, text=prompt)))
            for turn, own, encoder in zip(self._turns, self._method.turns, rewriter.encoders)
        )
        return sampler

    def crop_terms(self, row: int) -> CropTerms | None:
        """On what terms parts of a row's picture can be drawn; None where a conditioning only fits the whole."""
        # A guider that shows no conditioning has none that could be cut.
        if not all(turn.conditionings and all(map(can_be_cut, turn.conditionings.values())) for turn in self._turns):
            return None
        return CropTerms(self._rewriter is not None and self._rewriter.takes_prompts, self.area(row))

    def area(self, row: int) -> Tensor | None:
        """The noise mask (h, w) of a row, 1 where its latent may change; None without one."""
        return None if self._mask is None else self._mask[row, 0].float().cpu()

    def cropped(
        self,
        rows: Sequence[int],
        windows: Sequence[Window],
        size: tuple[int, int],
        prompt: str | None = None,
        avoid: str = "",
    ) -> ComfySampler:
        """A sampler of a part of each row's picture, its rows in this order, at latents of ``size`` (height, width).

        ``prompt`` stands in the place of every row's, unless it is None, and ``avoid`` is added to the negative one.
        """
        sampler = copy.copy(self if prompt is None else self.with_prompt(prompt))

        def cut(parts: list) -> list:
            return conditioning_of_windows(conditioning_of_rows(parts, rows, self.batch), windows, self.size)

        if avoid and self._rewriter is not None:
            sampler._turns = tuple(
                turn.avoiding(partial(encoder.avoiding, text=avoid))
                for turn, encoder in zip(sampler._turns, self._rewriter.encoders)
            )
        sampler._turns = tuple(turn.conditioned(cut) for turn in sampler._turns)
        sampler._latents = self._latents.new_zeros(len(rows), self._latents.shape[1], *size)
        sampler._mask, sampler._noise_index = None, 0
        return sampler

    def nfe(self, noise_level: float = 1.0) -> int:
        """Model calls per picture from ``noise_level`` on: counted if that has run, else scaled from a full run."""
        start = self._start(noise_level)
        per_step = self._measured.get(0, self._steps) / self._steps
        return self._measured.get(start, max(1, math.ceil((self._steps - start) * per_step)))

    def _start(self, noise_level: float) -> int:
        """Index of the step, the last one included, whose noise level is nearest to ``noise_level`` in [0, 1]."""
        return nearest_step(self._turns, noise_level)

    def _first_stage(self, noise_level: float) -> int:
        """How many steps lead through the one nearest to ``noise_level``."""
        return min(self._start(noise_level) + 1, self._steps)

    def _counted(self, model: Any) -> Any:
        clone = cloned(model)
        add_call_hook(clone, self._counter)
        return clone

    def _guided(self, guidance: X0Guidance | None) -> tuple[Turn, ...]:
        if guidance is None:
            return self._turns
        return tuple(
            turn.with_model(lambda model: with_guidance(model, guidance, self._companions)) for turn in self._turns
        )

    def _staged(
        self,
        latents: Tensor,
        start: int,
        end: int,
        rows: Sequence[int],
        seeds: Sequence[int],
        guidance: X0Guidance | None,
        begun: bool = False,
    ) -> Tensor:
        turns = self._guided(guidance)
        return self._sample(turns, latents, start, end, self._method.sampler, rows, seeds, None, begun)

    def _run(
        self,
        latents: Tensor,
        start: int,
        rows: Sequence[int],
        seeds: Sequence[int],
        guidance: X0Guidance | None,
        regions: Tensor | None,
        opening: tuple[Tensor, float] | None = None,
    ) -> Tensor:
        turns = self._guided(guidance)
        if opening is not None:
            turns = tuple(turn.with_model(lambda model: self._opening(model, *opening)) for turn in turns)

        def run(latents: Tensor, rows: Sequence[int], seeds: Sequence[int], regions: Tensor | None) -> Tensor:
            nfe_before = self._counter.nfe
            samples = self._sample(turns, latents, start, self._steps, self._method.sampler, rows, seeds, regions)
            # Stops take a call more each, whatever the sampler does within a step.
            counted = self._counter.nfe - nfe_before - (guidance.extra_nfe if guidance else 0)
            if counted > 0:
                # Another pack's guider may call the model in a way of its own, and then a step counts as a call.
                self._measured[start] = counted
            return samples

        def one_by_one() -> Tensor:
            return torch.cat(
                [
                    run(
                        latents[place : place + 1],
                        [row],
                        [seed],
                        None if regions is None else regions[place : place + 1],
                    )
                    for place, (row, seed) in enumerate(zip(rows, seeds))
                ]
            )

        def at_once() -> Tensor:
            return run(latents, rows, seeds, regions)

        if guidance is not None:
            # It remembers what it has seen of a run.
            return at_once()
        # Mixed levels are those of all rows.
        return with_another_try(at_once, one_by_one if opening is None else at_once)

    def _sample(
        self,
        turns: Sequence[Turn],
        latents: Tensor,
        start: int,
        end: int,
        sampler: Any,
        rows: Sequence[int],
        seeds: Sequence[int],
        regions: Tensor | None,
        begun: bool = False,
    ) -> Tensor:
        comfy.model_management.throw_exception_if_processing_interrupted()
        if self._video:
            latents = latents.unsqueeze(2)
        turns = [turn.conditioned(lambda parts: conditioning_of_rows(parts, rows, self.batch)) for turn in turns]
        mask = self._noise_mask(rows, regions)
        samples = drawn(turns, latents, start, end, sampler, seeds, mask, self._noise_index, begun)
        return samples[:, :, 0] if self._video else samples

    def _opening(self, model: Any, levels: Tensor, noise_level: float) -> Any:
        """A clone of a MODEL that draws each cell from its level (B, h, w) on, and before keeps it as it was.

        ``noise_level`` is the one that sampling is to start from; the schedule may start a little above it.
        """
        cell_levels = levels[:, None, None] if self._video else levels[:, None]

        def opened(model_sampling: Any, sigma: Tensor, mask: Tensor) -> Tensor:
            level = min(float(noise_levels(model_sampling, sigma).max()), noise_level)
            return mask * (cell_levels.to(mask) >= level - _SLACK)

        clone = cloned(model)
        add_mask_hook(clone, opened)
        return clone

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
        channels = self._method.model.get_model_object("latent_format").latent_channels
        if self._latents.shape[1] != channels:
            raise ValueError(
                f"The model works on {channels}-channel latents; this latent has {self._latents.shape[1]}. "
                "Encode the picture with the VAE of this checkpoint."
            )


def _checked(samples: Tensor) -> Tensor:
    as_pictures(samples)
    return samples


class ComfyDecoder:
    """Decodes latents (B, C, h, w) with a VAE, and encodes pictures; implements ``xlard.protocols.Decoder`` and
    ``Encoder``.
    """

    def __init__(self, vae: Any):
        self._vae = vae

    def decode(self, latents: Tensor) -> Tensor:
        """Images (B, H, W, 3) in [0, 1]; raises ValueError if the VAE is for other latents."""
        channels, is_video = vae_shape(self._vae)
        if channels not in (None, latents.shape[1]):
            raise ValueError(
                f"The VAE decodes {channels}-channel latents; the model's have {latents.shape[1]}. "
                "Connect the VAE of this checkpoint."
            )

        def decoded(latents: Tensor) -> Tensor:
            images = self._vae.decode(latents.unsqueeze(2) if is_video else latents).float()
            return images.reshape(-1, *images.shape[-3:])[..., :3]

        return with_another_try(
            lambda: decoded(latents), lambda: torch.cat([decoded(latent[None]) for latent in latents])
        )

    def encode(self, images: Tensor) -> Tensor:
        """Latents (B, C, h, w) of images (B, H, W, 3) in [0, 1]."""
        # One by one: a VAE of videos takes several pictures for frames of one.
        return torch.cat([as_pictures(self._vae.encode(image[None])) for image in images])
