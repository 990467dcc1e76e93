"""Noise that a reward head expects more of: found by its gradient through a MODEL's prediction, before the first step
(ReNO, arXiv 2406.04312).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import comfy.model_management
import comfy.utils
import torch
from torch import Tensor

from ....xlard.guidance.gradient import Ascent, AscentSettings, ascend_noise
from ....xlard.models.corrector import relative_norm
from ..compat.clones import cloned
from ..compat.gradients import Predict, with_predictions
from ..compat.guiders import guider_with
from ..compat.sampling import add_call_hook, add_noise_hook, fitted_samples, highest_sigma, initial_noise, load_together
from ..managed import ManagedModule
from .family import check_fits
from .latents import as_pictures, like_source, mask_of, prompt_embeddings
from .method import SamplingMethod
from .predictions import aspects_of_prompt
from .x0_guidance import begins_with_noise

_KEY = "xlard_search"


@dataclass(frozen=True)
class FoundNoise:
    """A NOISE for SamplerCustomAdvanced: noise of the shape of the LATENT that it was searched for.

    ``seed`` is for samplers that add noise of their own.
    """

    noise: Tensor
    seed: int

    def generate_noise(self, input_latent: dict) -> Tensor:
        """The noise. Raises ValueError for a LATENT of another shape."""
        shape = tuple(input_latent["samples"].shape)
        if shape != tuple(self.noise.shape):
            raise ValueError(
                f"The noise was searched for a latent of {tuple(self.noise.shape)}; this one is {shape}. Connect the"
                " same latent to xLARD Search Noise and to the sampler."
            )
        return self.noise


@dataclass(frozen=True)
class SearchedNoise:
    """What a search found: the ``noise`` in place of the ``start`` that a seed gives, both in the shape of the LATENT;
    the ascent behind it, what the head expects (B,) before and after, and the model calls ``nfe`` of a picture.
    """

    start: Tensor
    noise: Tensor
    ascent: Ascent
    before: Tensor
    after: Tensor
    nfe: int

    def starting_in(self, model: Any) -> Any:
        """A clone of a MODEL with which a sampler begins with what was found, wherever it would with the start."""
        clone = cloned(model)

        def found(model_sampling: Any, sigmas: Tensor, noise: Tensor) -> Tensor:
            if not begins_with_noise(model_sampling, sigmas) or noise.shape[1:] != self.start.shape[1:]:
                return noise
            found_for = [next((i for i, one in enumerate(self.start) if torch.equal(one, row)), None) for row in noise]
            rows = [row if place is None else self.noise[place] for row, place in zip(noise, found_for)]
            return torch.stack([row.to(noise) for row in rows])

        add_noise_hook(clone, found)
        return clone

    @property
    def text(self) -> str:
        """A line for each picture, and what the search took."""
        moved = relative_norm(self.ascent.delta, self.ascent.latents - self.ascent.delta).tolist()
        lines = [
            f"Picture {row + 1}: the head expects {before:.2f} -> {after:.2f}, "
            + (f"the noise moved by {share:.2f} in {steps} steps" if steps else "no step was better")
            for row, (before, after, share, steps) in enumerate(
                zip(self.before.tolist(), self.after.tolist(), moved, self.ascent.steps.tolist())
            )
        ]
        backwards = self.nfe - 1
        return "\n".join(
            [*lines, f"NFE {self.nfe} for each picture, and {backwards} times backwards through the model"]
        )


def search_noise(
    method: SamplingMethod, latent: dict, head: ManagedModule, seed: int, settings: AscentSettings, prompt: str = ""
) -> SearchedNoise:
    """Move the noise of a seed, on its sphere, to where the head expects more of the model's first x0 prediction.

    The head reads that prediction as one at the highest noise level that it can read; of its aspects those count that
    ``prompt`` asks for, all where it is empty. What KSampler would draw from the noise stays possible: a picture that
    no step made better keeps it to the last bit. Raises ValueError for a head of another model or text encoder and
    for a prompt that asks for nothing that it rates.
    """
    check_fits({"head": head}, method.model, method.positive)
    aspects = aspects_of_prompt(prompt, head.config.aspects)
    model, calls = cloned(method.model), _Calls(settings.steps + 1)
    add_call_hook(model, calls)
    load_together(model, _KEY, [head.patcher], head.load)
    samples = fitted_samples(model, latent, latent["samples"])
    pictures = as_pictures(samples)
    start, mask = initial_noise(latent, samples, seed), mask_of(latent, pictures)
    # A managed head answers on this device; what is computed from its answers must lie there too.
    batch, device = len(pictures), comfy.model_management.intermediate_device()
    known = torch.tensor([float(aspect in aspects) for aspect in head.config.aspects], device=device)
    context = prompt_embeddings(method.positive, batch).to(device)
    levels = torch.full((batch,), head.config.noise_level_range[1], device=device)
    ascents: list[Ascent] = []

    def explore(predict: Predict) -> None:
        def predicted(noise: Tensor) -> Tensor:
            return as_pictures(predict(like_source(noise, samples))).to(device, torch.float32)

        noise = as_pictures(start).to(device)
        ascents.append(
            ascend_noise(head, noise, predicted, context, levels, known.expand(batch, -1), settings, on_sphere=True)
        )

    sigmas = torch.tensor([highest_sigma(model.get_model_object("model_sampling")), 0.0])
    noise_mask = None if mask is None else like_source(mask[:, :1], samples)
    with_predictions(guider_with(method.guider, model, {}), start, samples, noise_mask, sigmas, seed, explore)
    (ascent,) = ascents
    columns = [column for column, aspect in enumerate(head.config.aspects) if aspect in aspects]
    before, after = (rewards[:, columns].prod(dim=1) for rewards in (ascent.rewards_before, ascent.rewards_after))
    noise = like_source(ascent.latents.to(start), start)
    return SearchedNoise(start, noise, ascent, before, after, calls.nfe)


class _Calls:
    """Counts guided model calls, and shows them on the node that runs."""

    def __init__(self, most: int):
        self.nfe, self._bar = 0, comfy.utils.ProgressBar(most)

    def __call__(self) -> None:
        self.nfe += 1
        self._bar.update(1)
