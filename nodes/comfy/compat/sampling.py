"""MODELs, samplers and the memory manager."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import Any

import comfy.controlnet
import comfy.model_management
import comfy.model_sampling
import comfy.sample
import comfy.sampler_helpers
import comfy.samplers
import comfy.utils
import latent_preview
import torch
from comfy.patcher_extension import WrappersMP
from torch import Tensor

from ....xlard.characters import said_by
from ....xlard.declared_inputs import not_plain

_EVERYTHING = 1e30
"""More bytes than any device has, which is how ComfyUI itself asks for all memory."""

_X0_KEY = "xlard_x0"

SEEDS = 2**64
"""How many seeds there are."""


def is_loaded_whole(patcher: Any) -> bool:
    """Whether all weights of a ModelPatcher are on its load device.

    Rests on ``ModelPatcher.current_loaded_device``, ``loaded_size`` and ``model_size``: always.
    """
    return patcher.current_loaded_device() == patcher.load_device and patcher.loaded_size() >= patcher.model_size()


def free_device(keep: Any = None) -> None:
    """Take all models off the device but those of the ModelPatcher ``keep``; they come back when they are used.

    Rests on ``free_memory`` with ``keep_loaded``, and on ``current_loaded_models`` of ``comfy.model_management``:
    always.
    """
    memory = comfy.model_management
    kept_models = [loaded for loaded in memory.current_loaded_models if keep is not None and loaded.model is keep]
    memory.free_memory(_EVERYTHING, memory.get_torch_device(), keep_loaded=kept_models)


def noise_levels(model_sampling: Any, sigmas: Tensor) -> Tensor:
    """Sigmas of a model as noise levels in [0, 1]: the share of noise beside latents of the size that it works on.

    A flow's sigmas are these shares; a variance-exploding sigma s, beside latents of standard deviation d, is the level
    s / (d + s). Rests on ``comfy.model_sampling.CONST`` and ``sigma_data``: always.
    """
    if isinstance(model_sampling, comfy.model_sampling.CONST):
        return sigmas
    # 0.5 for EDM models, whose latents ComfyUI scales to it.
    return sigmas / (getattr(model_sampling, "sigma_data", 1.0) + sigmas)


def architecture_of(model: Any) -> tuple[str, int | None]:
    """The name by which a MODEL's architecture and text encoder are told apart, and the width of its prompts.

    The width is None where the config does not hold it. Rests on ``model.model_config`` of a ModelPatcher's model, its
    ``unet_config``, and on which config class defines ``get_model`` and ``clip_target``: always.
    """
    config = model.model.model_config
    builder, reader = (
        next((base for base in type(config).__mro__ if method in vars(base)), None)
        for method in ("get_model", "clip_target")
    )
    # The config of a family that only has another text encoder inherits how the model is built, and says itself how
    # prompts are read.
    only_reads = reader is not None and builder is not None and reader is not builder and issubclass(reader, builder)
    named = reader if reader is not None and only_reads else type(model.model)
    return named.__name__, config.unet_config.get("context_in_dim")


def latents_of(model: Any) -> tuple[type, bool]:
    """The kind of a MODEL's latents, and whether noise mixes with them as in a flow: what MODELs of one chain share.

    Rests on ``latent_format``, ``model_sampling`` and ``comfy.model_sampling.CONST``: always.
    """
    schedule = model.get_model_object("model_sampling")
    return type(model.get_model_object("latent_format")), isinstance(schedule, comfy.model_sampling.CONST)


def add_call_hook(model: Any, hook: Callable[[], None]) -> None:
    """Have a MODEL, which the caller owns, call ``hook`` before each guided call of its diffusion model.

    Rests on ``WrappersMP.PREDICT_NOISE``: always.
    """

    def called(executor: Any, *arguments: Any, **keywords: Any) -> Any:
        hook()
        return executor(*arguments, **keywords)

    model.add_wrapper(WrappersMP.PREDICT_NOISE, called)


def add_x0_hook(model: Any, change: Callable[[Any, Tensor, Tensor], Tensor]) -> None:
    """Have a MODEL, which the caller owns, replace each guided x0 prediction, after what did so before.

    ``change`` gets the base model, the prediction on the model's own scale and the sigmas of the batch. Guiders put the
    prediction together in different ways; what is replaced is what they return. Rests on ``WrappersMP.PREDICT_NOISE``,
    ``inner_model`` of its executor's guider, and ``get_wrappers`` and ``remove_wrappers_with_key`` of ModelPatcher:
    always.
    """

    def changed(executor: Any, noisy: Tensor, sigmas: Tensor, *arguments: Any, **keywords: Any) -> Tensor:
        denoised = executor(noisy, sigmas, *arguments, **keywords)
        return change(executor.class_obj.inner_model, denoised, sigmas)

    # The first of several wrappers is around all others, and would have the last word.
    earlier = list(model.get_wrappers(WrappersMP.PREDICT_NOISE, _X0_KEY))
    model.remove_wrappers_with_key(WrappersMP.PREDICT_NOISE, _X0_KEY)
    for wrapper in (changed, *earlier):
        model.add_wrapper_with_key(WrappersMP.PREDICT_NOISE, _X0_KEY, wrapper)


def add_mask_hook(model: Any, change: Callable[[Any, Tensor, Tensor], Tensor]) -> None:
    """Have a MODEL, which the caller owns, replace the noise mask of each step, after what did so before.

    ``change`` gets the model's ``model_sampling``, the sigmas of the batch and the mask. It is called only where there
    is a mask. Rests on ``set_model_denoise_mask_function``, on its key in ``model_options``, and on the ``model`` of
    its options: always.
    """
    before = model.model_options.get("denoise_mask_function")

    def changed(sigma: Tensor, mask: Tensor, extra_options: dict) -> Tensor:
        mask = mask if before is None else before(sigma, mask, extra_options=extra_options)
        return change(extra_options["model"].inner_model.model_sampling, sigma, mask)

    model.set_model_denoise_mask_function(changed)


def add_sampler_hook(model: Any, change: Callable[[Any, Any, Tensor], Any]) -> None:
    """Have a MODEL, which the caller owns, replace the sampler before each run.

    ``change`` gets the model's ``model_sampling``, the sampler and the sigmas of the run, and returns a sampler. Rests
    on ``WrappersMP.OUTER_SAMPLE``, the order of its arguments, and ``class_obj.model_patcher`` of its executor: always.
    """

    def hooked(
        executor: Any,
        noise: Tensor,
        latent_image: Tensor,
        sampler: Any,
        sigmas: Tensor,
        *arguments: Any,
        **keywords: Any,
    ) -> Tensor:
        model_sampling = executor.class_obj.model_patcher.get_model_object("model_sampling")
        return executor(noise, latent_image, change(model_sampling, sampler, sigmas), sigmas, *arguments, **keywords)

    model.add_wrapper(WrappersMP.OUTER_SAMPLE, hooked)


def add_noise_hook(model: Any, change: Callable[[Any, Tensor, Tensor], Tensor]) -> None:
    """Have a MODEL, which the caller owns, replace the noise of each run.

    ``change`` gets the model's ``model_sampling``, the sigmas of the run and the noise. Rests on what
    ``add_sampler_hook`` does.
    """

    def hooked(
        executor: Any, noise: Tensor, latent_image: Tensor, sampler: Any, sigmas: Tensor, *others: Any, **keywords: Any
    ) -> Tensor:
        model_sampling = executor.class_obj.model_patcher.get_model_object("model_sampling")
        return executor(change(model_sampling, sigmas, noise), latent_image, sampler, sigmas, *others, **keywords)

    model.add_wrapper(WrappersMP.OUTER_SAMPLE, hooked)


def load_together(model: Any, key: str, patchers: Sequence[Any], load: Callable[[], object]) -> None:
    """Have a MODEL, which the caller owns, be loaded together with other ModelPatchers whenever it samples.

    ``load`` is called first. Rests on ``set_additional_models``, always, and ``WrappersMP.PREPARE_SAMPLING``: 0.3.28.
    """

    def prepared(executor: Any, *arguments: Any, **keywords: Any) -> Any:
        load()
        return executor(*arguments, **keywords)

    model.set_additional_models(key, [*model.get_additional_models_with_key(key), *patchers])
    model.add_wrapper(WrappersMP.PREPARE_SAMPLING, prepared)


def steps_of(sampler: Any) -> Callable[..., Tensor] | None:
    """The function that takes a sampler's steps; None for a sampler that is not made of steps.

    It is called as ``steps(model, noisy, sigmas, extra_args, callback, disable, **options)``. Rests on
    ``comfy.samplers.KSAMPLER.sampler_function``: always.
    """
    return sampler.sampler_function if isinstance(sampler, comfy.samplers.KSAMPLER) else None


def with_steps(sampler: Any, steps: Callable[..., Tensor]) -> Any:
    """A copy of a sampler that takes its steps by another function; see ``steps_of``."""
    changed = copy.copy(sampler)
    changed.sampler_function = steps
    return changed


def base_model(model: Any) -> Any:
    """The base model behind what a sampler's function calls, with its ``model_sampling``.

    Rests on the two ``inner_model`` of ``comfy.samplers.KSamplerX0Inpaint`` and its guider: always.
    """
    return model.inner_model.inner_model


def schedule_in(base: Any) -> Any:
    """The noise schedule of a base model. Rests on ``BaseModel.model_sampling``: always."""
    return base.model_sampling


def highest_sigma(model_sampling: Any) -> float:
    """The sigma of pure noise. Rests on ``sigma_max`` of every class of ``comfy.model_sampling``: always."""
    return float(model_sampling.sigma_max)


def reseeded(extra_args: dict) -> dict:
    """The arguments of a sampler function with another seed: with the same one it would add the same noise twice.

    Rests on the key ``seed``, which samplers that add noise read: always.
    """
    seed = extra_args.get("seed")
    # Not the highest one, which newer samplers add one to themselves.
    return extra_args if seed is None else {**extra_args, "seed": (seed + 1) % (SEEDS - 1)}


def counted_on(callback: Callable | None, steps: int) -> Callable | None:
    """A sampler's callback with its steps counted from the beginning. Rests on its argument's key ``i``: always."""
    if callback is None or not steps:
        return callback
    return lambda step: callback({**step, "i": step["i"] + steps})


def decodable(base: Any, latents: Tensor) -> Tensor:
    """Latents on a base model's own scale in the VAE's space. Rests on ``process_latent_out``: always."""
    return base.process_latent_out(latents)


def undecodable(base: Any, latents: Tensor) -> Tensor:
    """Latents of the VAE's space on a base model's own scale. Rests on ``process_latent_in``: always."""
    return base.process_latent_in(latents)


def share_of_latent(base: Any, sigma: Tensor, latent: Tensor) -> Tensor:
    """What a latent adds to the noisy latent at a sigma: 1 - sigma of it for a flow, all of it for other models.

    Rests on ``model_sampling.noise_scaling``: always.
    """
    return base.model_sampling.noise_scaling(sigma, torch.zeros_like(latent), latent)


def share_of_noise(base: Any, sigma: Tensor, noise: Tensor) -> Tensor:
    """What noise adds to the noisy latent that sampling begins with. Rests on ``noise_scaling``: always."""
    return base.model_sampling.noise_scaling(sigma, noise, torch.zeros_like(noise), True)


def noise_left(model: Any, begun: Tensor, latents: Tensor, sigma: Tensor) -> Tensor:
    """The noise that a MODEL adds to latents at a sigma to get what a run that was stopped there returned, ``begun``.

    Both are in the VAE's space. Rests on ``noise_scaling``, and on latents of nothing but 0 not being scaled: always.
    """
    base = model.model
    stopped, clean = (undecodable(base, samples) if samples.any() else samples for samples in (begun, latents))
    missing = share_of_latent(base, sigma, stopped) - share_of_latent(base, sigma, clean)
    return missing / base.model_sampling.noise_scaling(sigma, torch.ones_like(missing), torch.zeros_like(missing))


def mask_like(mask: Tensor, like: Tensor) -> Tensor:
    """A noise mask in the shape and on the device of latents.

    Rests on ``comfy.sampler_helpers.prepare_mask``: always.
    """
    return comfy.sampler_helpers.prepare_mask(mask, like.shape, like.device)


def fitted_samples(model: Any, latent: dict, samples: Tensor) -> Tensor:
    """Samples with the channels, and the size, that a MODEL wants where they are an empty latent.

    Rests on ``comfy.sample.fix_empty_latent_channels``, always, and the two ratios of an empty latent: 0.11.
    """
    ratios = {name: latent[name] for name in ("downscale_ratio_spacial", "downscale_ratio_temporal") if name in latent}
    return comfy.sample.fix_empty_latent_channels(model, samples, **ratios)


def control_chain(value: Any) -> list[Any]:
    """A ControlNet and those before it; none for anything else. Rests on ``comfy.controlnet.ControlBase``: always."""
    chain = []
    while isinstance(value, comfy.controlnet.ControlBase):
        chain.append(value)
        value = value.previous_controlnet
    return chain


def control_with_hints(control: Any, change: Callable[[Tensor], Tensor]) -> Any:
    """A copy of a ControlNet, and of those before it, with other hints; the models are shared.

    Rests on ``copy``, ``cond_hint_original``, ``extra_concat_orig`` and ``previous_controlnet`` of ControlBase: always.
    Raises ValueError for a ControlNet of another pack that cannot be copied.
    """
    copies = []
    for link in control_chain(control):
        if not callable(getattr(link, "copy", None)):
            raise ValueError(
                f"The ControlNet {type(link).__name__} cannot be copied, and so not be split for the pictures of a "
                "batch. Draw one picture at a time, or use ComfyUI's own Apply ControlNet."
            )
        copied = link.copy()
        if isinstance(copied.cond_hint_original, Tensor):
            copied.cond_hint_original = change(copied.cond_hint_original)
        copied.extra_concat_orig = [change(extra) for extra in copied.extra_concat_orig]
        copies.append(copied)
    for copied, before in zip(copies, copies[1:]):
        copied.set_previous_controlnet(before)
    return copies[0]


def schedule_of(model: Any, steps: int, sampler_name: str, scheduler: str) -> Tensor:
    """The sigmas (steps + 1) that KSampler runs through.

    Rests on the constructor of ``comfy.samplers.KSampler`` and its ``sigmas``: always.
    """
    sampler = comfy.samplers.KSampler(
        model,
        steps=steps,
        device=model.load_device,
        sampler=sampler_name,
        scheduler=scheduler,
        denoise=1.0,
        model_options=model.model_options,
    )
    return sampler.sigmas.cpu()


def initial_noise(latent: dict, samples: Tensor, seed: int) -> Tensor:
    """The noise that KSampler and RandomNoise begin with for the samples of a LATENT.

    Rests on ``comfy.sample.prepare_noise`` and the key ``batch_index``: always.
    """
    return comfy.sample.prepare_noise(samples, seed % SEEDS, latent.get("batch_index"))


def sampled(
    guider: Any,
    latents: Tensor,
    seeds: Sequence[int],
    sampler: Any,
    sigmas: Tensor,
    noise_mask: Tensor | None,
    noise_index: int = 0,
    noise: Tensor | None = None,
) -> Tensor:
    """Draw with a GUIDER and a SAMPLER over sigmas, with previews on the running node.

    Each latent begins with the noise of its own seed, of which ``noise_index`` says which one, as KSampler takes it by
    a LATENT's ``batch_index``; or all with ``noise``, which is 0 for latents that hold theirs already.
    Raises ValueError for a conditioning of another kind of model, and where other than latents of that shape are drawn.

    Rests on ``comfy.sample.prepare_noise``, ``sample`` and ``model_patcher`` of a guider, and
    ``latent_preview.prepare_callback``: always.
    """
    if noise is None:
        rows = [comfy.sample.prepare_noise(latents[:1], seed % SEEDS, [noise_index]) for seed in seeds]
        noise = torch.cat(rows)
    try:
        samples = guider.sample(
            noise,
            latents,
            sampler,
            # Later rounds run through them, too, and some samplers change what they are given.
            sigmas.clone(),
            denoise_mask=noise_mask,
            callback=latent_preview.prepare_callback(guider.model_patcher, len(sigmas) - 1),
            disable_pbar=not comfy.utils.PROGRESS_BAR_ENABLED,
            seed=seeds[0] % SEEDS,
        )
    except RuntimeError as error:
        if "shapes cannot be multiplied" not in said_by(error):
            raise
        raise ValueError(
            f"The model cannot use what it is given ({error}). Usually the CLIP of another kind of model has made its "
            "conditioning: connect CLIP Text Encode with the CLIP of this checkpoint. A ControlNet or LoRA of another "
            "kind does the same."
        ) from error
    drawn: object = f"a {type(samples).__name__}"
    if isinstance(samples, Tensor):
        drawn = not_plain(samples) or tuple(samples.shape)
    if drawn != (kept := tuple(latents.shape)):
        raise ValueError(
            f"The sampler turned latents {kept} into {drawn}. Connect a SAMPLER and GUIDER that keep their shape."
        )
    return samples.to(comfy.model_management.intermediate_device())
