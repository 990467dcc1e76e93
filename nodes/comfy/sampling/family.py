"""Which family of models a MODEL belongs to."""

from __future__ import annotations

from ....xlard.models.checks import check_context
from ....xlard.models.corrector import CorrectorConfig
from ....xlard.models.head import HeadConfig
from ..managed import ManagedModule
from .latents import prompt_embeddings

_FORMER = {
    ("BaseModel/SD15", 768): "SD15/SD15",
    ("BaseModel/SD15", 1024): "SD20/SD15",
    ("Lumina2/Flux", 2560): "ZImage/Flux",
    ("Flux2/Flux2", 7680): "Flux2Klein4B/Flux2",
    ("Flux2/Flux2", 12288): "Flux2Klein9B/Flux2",
}
"""By the name and the prompts' width that older files hold: the family's name since text encoders are told apart."""


_BY_PROMPT = {("Flux2", 7680): "Flux2Klein4B", ("Flux2", 12288): "Flux2Klein9B"}
"""By ComfyUI's name and the prompts' width: families for which it has one config, whatever their text encoder."""


def family_of(model) -> str:
    """A MODEL's architecture and latent space, e.g. ``SDXL/SDXL`` or ``Flux/Flux``: the same for all finetunes and
    LoRAs of it.

    Of families that share both and differ in their text encoder, each has its own name: ``SD15/SD15`` and
    ``SD20/SD15``, ``Lumina2/Flux`` and ``ZImage/Flux``, ``Flux2/Flux2`` and ``Flux2Klein4B/Flux2``."""
    config = type(model.model.model_config)
    builds, reads = (
        next((each for each in config.__mro__ if method in vars(each)), None) for method in ("get_model", "clip_target")
    )
    # ComfyUI's config of such a family inherits how the model is built, and says itself how prompts are read.
    named = reads if reads is not None and reads is not builds and issubclass(reads, builds) else type(model.model)
    name = _BY_PROMPT.get((named.__name__, model.model.model_config.unet_config.get("context_in_dim")), named.__name__)
    # Not model.model's own: that is what the last one loaded of its clones has put there.
    return f"{name}/{type(model.get_model_object('latent_format')).__name__}"


def known_as(config: HeadConfig | CorrectorConfig) -> str:
    """The family that a head or corrector was trained for by the name that it has today; empty where it is not
    known."""
    return _FORMER.get((config.family, config.context_width), config.family)


def check_family(module: ManagedModule, model, what: str) -> None:
    """Raise ValueError where a head or corrector, ``what``, was trained for another family or for latents of other
    channels."""
    config, channels = module.config, model.get_model_object("latent_format").latent_channels
    mend = f"Load or train a {what} for this checkpoint."
    if config.latent_channels != channels:
        raise ValueError(
            f"This {what} was trained for {config.latent_channels}-channel latents ({config.base_model}); the model "
            f"works on {channels}. {mend}"
        )
    # By its former name Z-Image looks like NewBie, which has that name still.
    if config.family and family_of(model) not in (config.family, known_as(config)):
        raise ValueError(
            f"This {what} was trained for {known_as(config)} models ({config.base_model}); this one is"
            f" {family_of(model)}. {mend}"
        )


def check_fits(modules: dict[str, ManagedModule | None], model, positive: list) -> None:
    """Raise ValueError where one of ``modules``, named by what it is, was trained for another model or another text
    encoder."""
    context = prompt_embeddings(positive, 1)
    for what, module in modules.items():
        if module is not None:
            check_family(module, model, what)
            check_context(context, module.config.context_width, what, module.config.base_model)
