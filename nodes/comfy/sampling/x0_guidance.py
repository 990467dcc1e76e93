"""X0 guidance inside a MODEL's sampling: at every step, and where a sampler is stopped on its way."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from torch import Tensor

from ....xlard.guidance.base import X0Guidance
from ....xlard.guidance.corrector import moved_noise
from ..compat import sampling as compat
from ..compat.clones import cloned
from ..compat.sampling import noise_levels
from ..managed import ManagedModule
from .latents import as_pictures, like_source

_KEY = "xlard"
_SLACK = 1e-4


def with_guidance(model: Any, guidance: X0Guidance, companions: Sequence[ManagedModule] = ()) -> Any:
    """A clone of a MODEL that samples with x0 guidance, in any sampler.

    ``guidance`` sees latents in the space that the VAE decodes; ``companions`` are the modules that it calls, which are
    loaded together with the model. Predictions that it does not change stay the same to the last bit.

    At each level of ``stop_at`` that a schedule passes, the sampler runs to the step nearest to it, takes the x0
    prediction there with one more call, and runs on under the same noise from what ``guidance`` makes of it; at 1 the
    noise is moved before the first step. A schedule that does not pass a level is not changed there: of several
    samplers in a row one acts. Several clones on top of each other each act at their own levels. While
    sampling, ValueError is raised for latents that are a video of several frames, and for samplers that are not made
    of steps where sampling has to stop.
    """

    def guided(base: Any, denoised: Tensor, sigmas: Tensor) -> Tensor:
        before = as_pictures(compat.decodable(base, denoised))
        # Asked at each step: a node after this one may have changed the model's schedule.
        level = noise_levels(compat.schedule_in(base), sigmas).max().item()
        after = guidance.apply(before, level)
        return denoised if after is before else denoised + _difference(base, after, before, denoised)

    def with_stops(model_sampling: Any, sampler: Any, sigmas: Tensor) -> Any:
        for stop in sorted(guidance.stop_at):
            if _passes(model_sampling, sigmas, stop):
                sampler = _stopping(sampler, guidance, stop)
        return sampler

    def load_companions() -> None:
        # ComfyUI would load them inside inference mode, where their weights lose their gradients.
        for companion in companions:
            companion.load()

    clone = cloned(model)
    if companions:
        compat.load_together(clone, _KEY, [companion.patcher for companion in companions], load_companions)
    compat.add_x0_hook(clone, guided)
    if guidance.stop_at:
        compat.add_sampler_hook(clone, with_stops)
    return clone


def stop_index(levels: Tensor, stop: float) -> int | None:
    """The index of the step whose noise level is nearest to ``stop``; None where the levels do not pass it.

    A last level with noise left is the first of the sampler that goes on from there, and that one's to act at: of a
    schedule in parts exactly one part passes each level. At a last level of 0 there is nothing left to do.
    """
    if len(levels) < 2 or not levels[-1] + _SLACK < stop <= levels[0] + _SLACK:
        return None
    nearest, last = int((levels - stop).abs().argmin()), len(levels) - 1
    if nearest < last:
        return nearest
    return last - 1 if levels[-1] > _SLACK else None


def _passes(model_sampling: Any, sigmas: Tensor, stop: float) -> bool:
    if stop >= 1:
        return begins_with_noise(model_sampling, sigmas)
    return stop_index(noise_levels(model_sampling, sigmas), stop) is not None


def begins_with_noise(model_sampling: Any, sigmas: Tensor) -> bool:
    """Whether a schedule begins with nothing but noise."""
    return len(sigmas) > 1 and sigmas[0].item() >= compat.highest_sigma(model_sampling) * (1 - _SLACK)


def _stopping(sampler: Any, guidance: X0Guidance, stop: float) -> Any:
    """The sampler in two runs with the guidance in between, or, at a ``stop`` of 1, in one run from moved noise."""
    steps = compat.steps_of(sampler)
    if steps is None:
        raise ValueError(
            f"The sampler {type(sampler).__name__} cannot be stopped on its way, which this corrector needs. Use a "
            "sampler that KSampler lists, or a corrector that acts at every step."
        )
    take_steps = steps

    def in_two_runs(
        model: Any,
        noisy: Tensor,
        sigmas: Tensor,
        extra_args: dict,
        callback: Callable | None,
        disable: bool,
        **options: Any,
    ) -> Tensor:
        # Looked up again: as one half of another sampler's two runs, this one is given a part of the schedule.
        model_sampling = compat.schedule_in(compat.base_model(model))
        start = 0
        if stop >= 1:
            if begins_with_noise(model_sampling, sigmas):
                noisy = _noise_moved(model, noisy, sigmas[0], extra_args, guidance, stop)
        else:
            index = stop_index(noise_levels(model_sampling, sigmas), stop)
            if index is not None:
                start = index
                if start:
                    first = sigmas[: start + 1]
                    noisy = take_steps(
                        model, noisy, first, extra_args=extra_args, callback=callback, disable=disable, **options
                    )
                    extra_args = compat.reseeded(extra_args)
                noisy = _moved(model, noisy, sigmas[start], extra_args, guidance, stop)
        return take_steps(
            model,
            noisy,
            sigmas[start:],
            extra_args=extra_args,
            callback=compat.counted_on(callback, start),
            disable=disable,
            **options,
        )

    return compat.with_steps(sampler, in_two_runs)


def _moved(model: Any, noisy: Tensor, sigma: Tensor, extra_args: dict, guidance: X0Guidance, stop: float) -> Tensor:
    """The noisy latent with its x0 prediction where the guidance puts it, under the same noise."""
    delta = _change(model, noisy, sigma, extra_args, guidance, stop)
    return noisy if delta is None else noisy + compat.share_of_latent(compat.base_model(model), sigma, delta)


def _noise_moved(
    model: Any, noisy: Tensor, sigma: Tensor, extra_args: dict, guidance: X0Guidance, stop: float
) -> Tensor:
    """The noise that sampling begins with, moved."""
    delta = _change(model, noisy, sigma, extra_args, guidance, stop)
    if delta is None:
        return noisy
    return moved_noise(noisy, compat.share_of_noise(compat.base_model(model), sigma, delta))


def _change(
    model: Any, noisy: Tensor, sigma: Tensor, extra_args: dict, guidance: X0Guidance, stop: float
) -> Tensor | None:
    """What a guidance adds to the x0 prediction of a noisy latent, on the model's own scale; None for nothing."""
    base = compat.base_model(model)
    x0 = model(noisy, sigma.expand(len(noisy)), **extra_args)
    before = as_pictures(compat.decodable(base, x0))
    after = guidance.apply(before, noise_levels(compat.schedule_in(base), sigma).item(), stop)
    return None if after is before else _difference(base, after, before, x0).to(noisy)


def _difference(base: Any, after: Tensor, before: Tensor, source: Tensor) -> Tensor:
    """What was added to pictures, on the model's own scale and in the shape of the samples that they come from."""
    changed, unchanged = (
        compat.undecodable(base, like_source(latents.to(before), source)) for latents in (after, before)
    )
    return changed - unchanged
