"""Steering a MODEL's sampling: what it predicts at each step is handed to the library, and sampling goes on from the
answer."""

from __future__ import annotations

from collections.abc import Sequence

import comfy.model_sampling
from comfy.patcher_extension import WrappersMP
from torch import Tensor

from ....xlard.protocols import X0Guidance
from ..managed import ManagedModule
from .latents import as_pictures, like_source

_KEY = "xlard"


def noise_levels(model_sampling, sigmas: Tensor) -> Tensor:
    """A model's sigmas as noise levels in [0, 1], the share of noise beside latents of the size that the model works
    on.

    A flow's sigmas are these shares; a variance-exploding sigma s, beside latents of size d, is the level s / (d + s).
    """
    if isinstance(model_sampling, comfy.model_sampling.CONST):
        return sigmas
    # 0.5 for EDM models, whose latents ComfyUI scales to it.
    return sigmas / (getattr(model_sampling, "sigma_data", 1.0) + sigmas)


def steered(model, steer: X0Guidance, companions: Sequence[ManagedModule] = ()):
    """A clone of a MODEL whose every x0 prediction, after guidance, is what ``steer`` makes of it.

    ``steer`` sees latents in the space that the VAE decodes; ``companions`` are the modules that it calls, which are
    loaded together with the model. Predictions that it does not move stay the same to the last bit. While sampling,
    ValueError is raised where the latents are a video of several frames.
    """

    def after_guidance(arguments: dict) -> Tensor:
        denoised, inner = arguments["denoised"], arguments["model"]
        before = as_pictures(inner.process_latent_out(denoised))
        # Asked at each step: a node after this one may have changed the model's schedule.
        level = noise_levels(inner.model_sampling, arguments["sigma"]).max().item()
        after = steer(before, level)
        if after is before:
            return denoised
        moved, still = (inner.process_latent_in(like_source(each.to(before), denoised)) for each in (after, before))
        return denoised + (moved - still)

    clone = loading(model.clone(), companions)
    clone.set_model_sampler_post_cfg_function(after_guidance)
    return clone


def loading(clone, companions: Sequence[ManagedModule]):
    """A clone of a MODEL, with modules that are loaded together with it whenever it samples."""

    def load_first(executor, *arguments, **keywords):
        # ComfyUI would load them inside inference mode, where their weights lose their gradients.
        for each in companions:
            each.load()
        return executor(*arguments, **keywords)

    if companions:
        others = clone.get_additional_models_with_key(_KEY)
        clone.set_additional_models(_KEY, [*others, *(each.patcher for each in companions)])
        clone.add_wrapper(WrappersMP.PREPARE_SAMPLING, load_first)
    return clone
