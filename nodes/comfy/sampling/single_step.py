"""Steering a MODEL's sampling once: a sampler is stopped on its way, and goes on from a changed x0 prediction."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence

import comfy.samplers
import torch
from comfy.patcher_extension import WrappersMP
from torch import Tensor

from ....xlard.guidance.corrector import moved_noise
from ....xlard.protocols import SingleStepGuidance, X0Guidance
from ..managed import ManagedModule
from .latents import as_pictures, like_source
from .x0_guidance import loading, noise_levels

SEEDS = 2**64
"""How many seeds there are."""

_SLACK = 1e-4


def with_single_step_guidance(model, once: SingleStepGuidance, companions: Sequence[ManagedModule] = ()):
    """A clone of a MODEL with which any sampler acts on ``once``: it runs to the step nearest to the level, takes the
    x0 prediction there with one call more, and runs on from where the steer puts it, under the same noise. What is to
    move the noise does so before the first step, where a schedule begins with nothing but noise.

    A schedule that does not come by that level is left alone, so that of several samplers in a row one acts. Of several
    clones on top of each other each acts at its own level. ``once.steer`` sees latents in the space that the VAE
    decodes; ``companions`` are the modules that it calls. While sampling, ValueError is raised for latents that are a
    video of several frames, and for samplers that are not made of steps."""

    def with_stop(executor, noise: Tensor, latent_image: Tensor, sampler, sigmas: Tensor, *arguments, **keywords):
        sampling = executor.class_obj.model_patcher.get_model_object("model_sampling")
        acts = _begins(sampling, sigmas, once) or _stop(sampling, sigmas, once) is not None
        return executor(
            noise, latent_image, _stopping(sampler, once) if acts else sampler, sigmas, *arguments, **keywords
        )

    clone = loading(model.clone(), companions)
    clone.add_wrapper(WrappersMP.OUTER_SAMPLE, with_stop)
    return clone


def stop_of(levels: Tensor, wanted: float) -> int | None:
    """The place of the step whose noise level is nearest to ``wanted``; None where the levels do not come by it.

    A last level with noise left is the first of the sampler that goes on from there, and that one's to act at: of a
    schedule in parts exactly one part comes by each level. At a last level of 0 there is nothing left to do."""
    if len(levels) < 2 or not levels[-1] + _SLACK < wanted <= levels[0] + _SLACK:
        return None
    nearest, last = int((levels - wanted).abs().argmin()), len(levels) - 1
    if nearest < last:
        return nearest
    return last - 1 if levels[-1] > _SLACK else None


def _stop(sampling, sigmas: Tensor, once: SingleStepGuidance) -> int | None:
    return stop_of(noise_levels(sampling, sigmas), once.noise_level) if once.stops else None


def _begins(sampling, sigmas: Tensor, once: SingleStepGuidance) -> bool:
    """Whether the noise is to be moved, and a schedule begins with nothing else."""
    return (
        once.at_noise is not None and len(sigmas) > 1 and sigmas[0].item() >= float(sampling.sigma_max) * (1 - _SLACK)
    )


def _stopping(sampler, once: SingleStepGuidance):
    """The sampler, in two runs with the steer in between, or in one from noise that was moved."""
    if not isinstance(sampler, comfy.samplers.KSAMPLER):
        raise ValueError(
            f"The sampler {type(sampler).__name__} cannot be stopped on its way, which this corrector needs. Use a"
            " sampler that KSampler lists, or a corrector that acts at every step."
        )
    whole, stopping = sampler.sampler_function, copy.copy(sampler)

    def in_two_runs(
        model, noisy: Tensor, sigmas: Tensor, extra_args: dict, callback, disable: bool, **options
    ) -> Tensor:
        # Found anew: where the sampler is itself one half of another's two runs, it is given a part of the schedule.
        sampling = model.inner_model.inner_model.model_sampling
        if _begins(sampling, sigmas, once):
            noisy = _noise_moved(model, noisy, sigmas[0], extra_args, once)
        start = _stop(sampling, sigmas, once)
        if start is None:
            return whole(model, noisy, sigmas, extra_args=extra_args, callback=callback, disable=disable, **options)
        if start:
            noisy = whole(
                model, noisy, sigmas[: start + 1], extra_args=extra_args, callback=callback, disable=disable, **options
            )
            extra_args = _reseeded(extra_args)
        noisy = _moved(model, noisy, sigmas[start], extra_args, once)
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


def _moved(model, noisy: Tensor, sigma: Tensor, extra_args: dict, once: SingleStepGuidance) -> Tensor:
    """The noisy latent with its x0 prediction where the steer puts it, under the same noise."""
    delta = _change(model, noisy, sigma, extra_args, once.steer)
    if delta is None:
        return noisy
    # How much of a latent is in a noisy one is the model's own: 1 - sigma for a flow, all of it otherwise.
    return noisy + model.inner_model.inner_model.model_sampling.noise_scaling(sigma, torch.zeros_like(noisy), delta)


def _noise_moved(model, noisy: Tensor, sigma: Tensor, extra_args: dict, once: SingleStepGuidance) -> Tensor:
    """The noise that sampling begins with, moved."""
    delta = _change(model, noisy, sigma, extra_args, once.at_noise)
    if delta is None:
        return noisy
    # How large noise is at the first step is the model's own: 1 for a flow, sigma or a little more otherwise.
    return moved_noise(
        noisy, model.inner_model.inner_model.model_sampling.noise_scaling(sigma, delta, torch.zeros_like(noisy), True)
    )


def _change(model, noisy: Tensor, sigma: Tensor, extra_args: dict, steer: X0Guidance) -> Tensor | None:
    """What a steer adds to the x0 prediction of a noisy latent, on the model's own scale; None for nothing."""
    inner = model.inner_model.inner_model
    x0 = model(noisy, sigma.expand(len(noisy)), **extra_args)
    before = as_pictures(inner.process_latent_out(x0))
    after = steer(before, noise_levels(inner.model_sampling, sigma).item())
    if after is before:
        return None
    moved, still = (inner.process_latent_in(like_source(each.to(before), x0)) for each in (after, before))
    return (moved - still).to(noisy)


def _later(callback: Callable | None, steps: int) -> Callable | None:
    """The callback with its steps counted from the beginning."""
    return callback and (lambda step: callback({**step, "i": step["i"] + steps}))
