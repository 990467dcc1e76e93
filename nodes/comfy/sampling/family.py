"""Which family of models a MODEL belongs to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ....xlard.models.checks import check_context
from ..compat.sampling import architecture_of
from ..managed import ManagedModule
from .latents import prompt_embeddings

_BY_PROMPT: dict[tuple[str, int | None], str] = {("Flux2", 7680): "Flux2Klein4B", ("Flux2", 12288): "Flux2Klein9B"}
"""By ComfyUI's name and the prompts' width: families for which it has one config, whatever their text encoder."""


def family_of(model: Any) -> str:
    """A MODEL's architecture and latent space, e.g. ``SDXL/SDXL`` or ``Flux/Flux``: the same for all finetunes and
    LoRAs of it.

    Of families that share both and differ in their text encoder, each has its own name: ``SD15/SD15`` and
    ``SD20/SD15``, ``Lumina2/Flux`` and ``ZImage/Flux``, ``Flux2/Flux2`` and ``Flux2Klein4B/Flux2``.
    """
    name, prompt_width = architecture_of(model)
    # Not model.model's latent format: that is what the clone that was loaded last has put there.
    latent_format = type(model.get_model_object("latent_format")).__name__
    return f"{_BY_PROMPT.get((name, prompt_width), name)}/{latent_format}"


def check_model(module: ManagedModule, model: Any, what: str) -> None:
    """Raise ValueError where a head or corrector, ``what``, was trained for another family or for latents of other
    channels.
    """
    config, channels = module.config, model.get_model_object("latent_format").latent_channels
    fix = f"Load or train a {what} for this checkpoint."
    if config.latent_channels != channels:
        raise ValueError(
            f"This {what} was trained for {config.latent_channels}-channel latents ({config.base_model}); the model "
            f"works on {channels}. {fix}"
        )
    family = family_of(model)
    if config.family and family != config.family:
        raise ValueError(
            f"This {what} was trained for {config.family} models ({config.base_model}); this one is {family}. {fix}"
        )


def check_fits(modules: Mapping[str, ManagedModule | None], model: Any, positive: list) -> None:
    """Raise ValueError where one of ``modules``, named by what it is, was trained for another model or another text
    encoder.
    """
    context = prompt_embeddings(positive, 1)
    for what, module in modules.items():
        if module is not None:
            check_model(module, model, what)
            check_context(context, module.config.context_width, what, module.config.base_model)
