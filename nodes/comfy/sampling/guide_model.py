"""A corrector and a head's gradient as the steer of a MODEL."""

from __future__ import annotations

import comfy.model_management
import torch
from torch import Tensor

from ....xlard.guidance.corrector import (
    Corrector,
    check_window,
    corrector_guidance,
    guide_in_turn,
    single_step_guidance,
)
from ....xlard.guidance.gradient import AscentSettings, ascend
from ....xlard.guidance.min_norm import Combination
from ....xlard.protocols import SingleStepGuidance
from ..managed import ManagedModule
from .family import check_fits
from .latents import prompt_embeddings
from .predictions import asked_aspects
from .single_step import with_single_step_guidance
from .x0_guidance import steered

GRADIENT_STEPS = AscentSettings().steps


def window_of(corrector: ManagedModule, sigma_start: float = 0.0, sigma_end: float = 0.0) -> tuple[float, float]:
    """The lowest and highest noise level that a corrector acts at: its own, where a level is 0."""
    low, high = corrector.config.noise_level_range
    return sigma_end or low, sigma_start or high


def readable_window(head: ManagedModule, sigma_start: float = 0.0, sigma_end: float = 0.0) -> tuple[float, float]:
    """The part of a window that a head can read; its whole range, where both levels are 0.

    Raises ValueError for a window that is upside down, or that holds no level of the head's.
    """
    wanted = sigma_end, sigma_start or 1.0
    check_window(wanted)
    lowest, highest = head.config.noise_level_range
    low, high = max(wanted[0], lowest), min(wanted[1], highest)
    if low > high:
        raise ValueError(
            f"This head reads noise levels from {lowest:g} to {highest:g}; none of them lies between sigma_end "
            f"{wanted[0]:g} and sigma_start {wanted[1]:g}. Set the two to levels that it reads, or disconnect "
            "the head."
        )
    return low, high


def guided(
    model,
    positive: list,
    corrector: ManagedModule | None,
    head: ManagedModule | None,
    strength: float,
    sigma_start: float,
    sigma_end: float,
    gradient_steps: int = GRADIENT_STEPS,
    combine: Combination = "sum",
    prompt: str = "",
):
    """A MODEL whose x0 predictions are corrected while it samples; the very same one at strength 0.

    The corrector acts first, the head's gradient goes on from there; both together keep to the corrector's trust
    region. With ``gradient_steps`` of 0 the head does nothing. A corrector that acts once does so at ``sigma_start``
    (0: its own level), whatever ``sigma_end``, and a head beside it only says which pictures need it, whatever
    ``gradient_steps``. Of the head's aspects those count that ``prompt`` asks for, all where it is empty. Raises
    ValueError where nothing is left that could act, for a corrector or head of another model or text encoder, and for a
    window that is upside down or that the head cannot read."""
    once = corrector is not None and corrector.config.single_step_level > 0
    acting = {"corrector": corrector, "head": head if gradient_steps or once else None}
    acting = {what: module for what, module in acting.items() if module is not None}
    if not acting:
        raise ValueError(
            "There is nothing to guide the model with. Connect a corrector, or a head with gradient_steps of at "
            "least 1."
        )
    if not strength:
        return model
    check_fits(acting, model, positive)
    context = prompt_embeddings(positive, 1)
    if once:
        return with_single_step_guidance(
            model, _doubted(corrector, head, context, sigma_start, strength, prompt), list(acting.values())
        )
    region, steers = AscentSettings().trust_region, []
    if "corrector" in acting:
        region = corrector.config.trust_region
        steers.append(corrector_guidance(corrector, context, window_of(corrector, sigma_start, sigma_end)))
    if "head" in acting:
        settings = AscentSettings(gradient_steps, trust_region=region, how=combine)
        climb = _climb(head, asked_aspects(prompt, head.config.aspects), settings)
        steers.append(corrector_guidance(climb, context, readable_window(head, sigma_start, sigma_end)))
    return steered(model, guide_in_turn(steers, region, strength), list(acting.values()))


def _doubted(
    corrector: ManagedModule, head: ManagedModule | None, context: Tensor, sigma: float, strength: float, prompt: str
) -> SingleStepGuidance:
    """The corrector at work once, on pictures that the head, if there is one, holds for failures."""
    # A managed module answers on this device, whatever the sampler's is.
    device = comfy.model_management.intermediate_device()
    aspects = asked_aspects(prompt, head.config.aspects) if head else []
    places = [place for place, aspect in enumerate(head.config.aspects) if aspect in aspects] if head else []

    def acting(number: int) -> SingleStepGuidance:
        return single_step_guidance(corrector, context, sigma, strength, None, head, [places] * number)

    def steer(x0: Tensor, level: float) -> Tensor:
        return acting(len(x0)).steer(x0.to(device), level).to(x0)

    def on_noise(x0: Tensor, level: float) -> Tensor:
        return acting(len(x0)).at_noise(x0.to(device), level).to(x0)

    once = acting(1)
    return SingleStepGuidance(once.noise_level, steer, noise=on_noise if once.noise else None)


def _climb(head: ManagedModule, aspects: list[str], settings: AscentSettings) -> Corrector:
    """The head's gradient in the place of a corrector."""
    known = torch.tensor([float(aspect in aspects) for aspect in head.config.aspects])

    def residual(x0: Tensor, context: Tensor, level: Tensor) -> Tensor:
        # A managed head answers on this device; what is computed from its answers must lie there too.
        device = comfy.model_management.intermediate_device()
        x0, context, level, asked = (each.to(device) for each in (x0, context, level, known.expand(len(x0), -1)))
        return ascend(head, x0, context, level, asked, settings).delta

    return residual
