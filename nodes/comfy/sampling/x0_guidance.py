"""X0 guidance inside a MODEL's sampling: at every step, and where a sampler is stopped on its way."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence

import comfy.model_sampling
import comfy.samplers
import torch
from comfy.patcher_extension import WrappersMP
from torch import Tensor

from ....xlard.guidance.base import X0Guidance
from ....xlard.guidance.corrector import moved_noise
from ..managed import ManagedModule
from .latents import as_pictures, like_source

SEEDS = 2**64
"""How many seeds there are."""

_KEY = "xlard"
_SLACK = 1e-4


def noise_levels(model_sampling, sigmas: Tensor) -> Tensor:
    """A model's sigmas as noise levels in [0, 1]: the share of noise beside latents of the size that the model works on.

    A flow's sigmas are these shares; a variance-exploding sigma s, beside latents of standard deviation d, is the level
    s / (d + s).
    """
    if isinstance(model_sampling, comfy.model_sampling.CONST):
        return sigmas
    # 0.5 for EDM models, whose latents ComfyUI scales to it.
    return sigmas / (getattr(model_sampling, "sigma_data", 1.0) + sigmas)


def with_guidance(model, guidance: X0Guidance, companions: Sequence[ManagedModule] = ()):
    """A clone of a MODEL that samples with x0 guidance, in any sampler.

    ``guidance`` sees latents in the space that the VAE decodes; ``companions`` are the modules that it calls, which are
    loaded together with the model. Predictions that it does not change stay the same to the last bit.

    At each level of ``stop_at`` that a schedule comes by, the sampler runs to the step nearest to it, takes the x0
    prediction there with one more call, and runs on under the same noise from what ``guidance`` makes of it; at 1 the
    noise is moved before the first step. A schedule that does not come by a level is left alone there, so that of
    several samplers in a row one acts. Several clones on top of each other each act at their own levels. While
    sampling, ValueError is raised for latents that are a video of several frames, and for samplers that are not made
    of steps where sampling has to stop.
    """

    def after_cfg(arguments: dict) -> Tensor:
        denoised, inner = arguments["denoised"], arguments["model"]
        before = as_pictures(inner.process_latent_out(denoised))
        # Asked at each step: a node after this one may have changed the model's schedule.
        level = noise_levels(inner.model_sampling, arguments["sigma"]).max().item()
        after = guidance.apply(before, level)
        return denoised if after is before else denoised + _difference(inner, after, before, denoised)

    def with_stops(executor, noise: Tensor, latent_image: Tensor, sampler, sigmas: Tensor, *arguments, **keywords):
        sampling = executor.class_obj.model_patcher.get_model_object("model_sampling")
        for stop in sorted(guidance.stop_at):
            if _comes_by(sampling, sigmas, stop):
                sampler = _stopping(sampler, guidance, stop)
        return executor(noise, latent_image, sampler, sigmas, *arguments, **keywords)

    clone = _loading(model.clone(), companions)
    clone.set_model_sampler_post_cfg_function(after_cfg)
    if guidance.stop_at:
        clone.add_wrapper(WrappersMP.OUTER_SAMPLE, with_stops)
    return clone


def stop_index(levels: Tensor, stop: float) -> int | None:
    """The index of the step whose noise level is nearest to ``stop``; None where the levels do not come by it.

    A last level with noise left is the first of the sampler that goes on from there, and that one's to act at: of a
    schedule in parts exactly one part comes by each level. At a last level of 0 there is nothing left to do.
    """
    if len(levels) < 2 or not levels[-1] + _SLACK < stop <= levels[0] + _SLACK:
        return None
    nearest, last = int((levels - stop).abs().argmin()), len(levels) - 1
    if nearest < last:
        return nearest
    return last - 1 if levels[-1] > _SLACK else None


def _comes_by(sampling, sigmas: Tensor, stop: float) -> bool:
    return _begins(sampling, sigmas) if stop >= 1 else stop_index(noise_levels(sampling, sigmas), stop) is not None


def _begins(sampling, sigmas: Tensor) -> bool:
    """Whether a schedule begins with nothing but noise."""
    return len(sigmas) > 1 and sigmas[0].item() >= float(sampling.sigma_max) * (1 - _SLACK)


def _stopping(sampler, guidance: X0Guidance, stop: float):
    """The sampler in two runs with the guidance in between, or, at a ``stop`` of 1, in one from noise that was moved."""
    if not isinstance(sampler, comfy.samplers.KSAMPLER):
        raise ValueError(
            f"The sampler {type(sampler).__name__} cannot be stopped on its way, which this corrector needs. Use a sampler "
            "that KSampler lists, or a corrector that acts at every step."
        )
    whole, stopping = sampler.sampler_function, copy.copy(sampler)

    def in_two_runs(
        model, noisy: Tensor, sigmas: Tensor, extra_args: dict, callback, disable: bool, **options
    ) -> Tensor:
        # Looked up again: where the sampler is itself one half of another's two runs, it is given a part of the schedule.
        sampling = model.inner_model.inner_model.model_sampling
        start = 0
        if stop >= 1:
            if _begins(sampling, sigmas):
                noisy = _noise_moved(model, noisy, sigmas[0], extra_args, guidance, stop)
        else:
            found = stop_index(noise_levels(sampling, sigmas), stop)
            if found is not None:
                start = found
                if start:
                    first = sigmas[: start + 1]
                    noisy = whole(
                        model, noisy, first, extra_args=extra_args, callback=callback, disable=disable, **options
                    )
                    extra_args = _reseeded(extra_args)
                noisy = _moved(model, noisy, sigmas[start], extra_args, guidance, stop)
        return whole(
            model,
            noisy,
            sigmas[start:],
            extra_args=extra_args,
            callback=_later(callback, start),
            disable=disable,
            **options,
        )

    stopping.sampler_function = in_two_runs
    return stopping


def _reseeded(extra_args: dict) -> dict:
    """The arguments of a sampler with another seed: with its own, one that adds noise would add the same once more."""
    seed = extra_args.get("seed")
    # Not the highest one, which newer samplers add one to themselves.
    return extra_args if seed is None else {**extra_args, "seed": (seed + 1) % (SEEDS - 1)}


def _moved(model, noisy: Tensor, sigma: Tensor, extra_args: dict, guidance: X0Guidance, stop: float) -> Tensor:
    """The noisy latent with its x0 prediction where the guidance puts it, under the same noise."""
    delta = _change(model, noisy, sigma, extra_args, guidance, stop)
    if delta is None:
        return noisy
    # How much of a latent is in a noisy one is the model's own: 1 - sigma for a flow, all of it otherwise.
    return noisy + model.inner_model.inner_model.model_sampling.noise_scaling(sigma, torch.zeros_like(noisy), delta)


def _noise_moved(model, noisy: Tensor, sigma: Tensor, extra_args: dict, guidance: X0Guidance, stop: float) -> Tensor:
    """The noise that sampling begins with, moved."""
    delta = _change(model, noisy, sigma, extra_args, guidance, stop)
    if delta is None:
        return noisy
    # How large noise is at the first step is the model's own: 1 for a flow, sigma or a little more otherwise.
    sampling = model.inner_model.inner_model.model_sampling
    return moved_noise(noisy, sampling.noise_scaling(sigma, delta, torch.zeros_like(noisy), True))


def _change(model, noisy: Tensor, sigma: Tensor, extra_args: dict, guidance: X0Guidance, stop: float) -> Tensor | None:
    """What a guidance adds to the x0 prediction of a noisy latent, on the model's own scale; None for nothing."""
    inner = model.inner_model.inner_model
    x0 = model(noisy, sigma.expand(len(noisy)), **extra_args)
    before = as_pictures(inner.process_latent_out(x0))
    after = guidance.apply(before, noise_levels(inner.model_sampling, sigma).item(), stop)
    return None if after is before else _difference(inner, after, before, x0).to(noisy)


def _difference(inner, after: Tensor, before: Tensor, source: Tensor) -> Tensor:
    """What was added to pictures, on the model's own scale and in the shape of the samples that they come from."""
    moved, still = (inner.process_latent_in(like_source(latents.to(before), source)) for latents in (after, before))
    return moved - still


def _later(callback: Callable | None, steps: int) -> Callable | None:
    """The callback with its steps counted from the beginning."""
    if callback is None or not steps:
        return callback
    return lambda step: callback({**step, "i": step["i"] + steps})


def _loading(clone, companions: Sequence[ManagedModule]):
    """A clone of a MODEL, with modules that are loaded together with it whenever it samples."""

    def load_first(executor, *arguments, **keywords):
        # ComfyUI would load them inside inference mode, where their weights lose their gradients.
        for companion in companions:
            companion.load()
        return executor(*arguments, **keywords)

    if companions:
        loaded_before = clone.get_additional_models_with_key(_KEY)
        clone.set_additional_models(_KEY, [*loaded_before, *(companion.patcher for companion in companions)])
        clone.add_wrapper(WrappersMP.PREPARE_SAMPLING, load_first)
    return clone
