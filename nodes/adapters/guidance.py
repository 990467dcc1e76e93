"""A corrector as the steer of a MODEL."""

from __future__ import annotations

from ...xlard.modules import check_context
from ...xlard.steering import corrector_steer
from .family import check_family
from .latents import prompt_embeddings
from .managed import ManagedModule
from .steering import steered


def window_of(corrector: ManagedModule, sigma_start: float = 0.0, sigma_end: float = 0.0) -> tuple[float, float]:
    """The lowest and highest noise level that a corrector acts at: its own, where a level is 0."""
    low, high = corrector.config.sigma_range
    return sigma_end or low, sigma_start or high


def guided(model, corrector: ManagedModule, positive: list, strength: float, sigma_start: float, sigma_end: float):
    """A MODEL whose x0 predictions are corrected while it samples; the very same one at strength 0.

    Raises ValueError where the corrector was trained for another model or text encoder, or the window is upside down.
    """
    if not strength:
        return model
    check_family(corrector, model, "corrector")
    context = prompt_embeddings(positive, 1)
    check_context(context, corrector.config.context_width, "corrector", corrector.config.base_model)
    steer = corrector_steer(corrector, context, window_of(corrector, sigma_start, sigma_end), strength)
    return steered(model, steer, [corrector])
