"""Which family of models a MODEL belongs to."""

from __future__ import annotations

from ...xlard.modules import check_context
from .latents import prompt_embeddings
from .managed import ManagedModule


def family_of(model) -> str:
    """A MODEL's architecture and latent space, e.g. ``SDXL/SDXL`` or ``Flux/Flux``: the same for all finetunes and LoRAs of it."""
    # Not model.model's own: that is what the last one loaded of its clones has put there.
    return f"{type(model.model).__name__}/{type(model.get_model_object('latent_format')).__name__}"


def check_family(module: ManagedModule, model, what: str) -> None:
    """Raise ValueError where a head or corrector, ``what``, was trained for another family or for latents of other channels."""
    config, channels = module.config, model.get_model_object("latent_format").latent_channels
    mend = f"Load or train a {what} for this checkpoint."
    if config.latent_channels != channels:
        raise ValueError(f"This {what} was trained for {config.latent_channels}-channel latents ({config.base_model}); the model "
                         f"works on {channels}. {mend}")
    if config.family and config.family != family_of(model):
        raise ValueError(f"This {what} was trained for {config.family} models ({config.base_model}); this one is {family_of(model)}. "
                         f"{mend}")


def check_fits(modules: dict[str, ManagedModule | None], model, positive: list) -> None:
    """Raise ValueError where one of ``modules``, named by what it is, was trained for another model or another text encoder."""
    context = prompt_embeddings(positive, 1)
    for what, module in modules.items():
        if module is not None:
            check_family(module, model, what)
            check_context(context, module.config.context_width, what, module.config.base_model)
