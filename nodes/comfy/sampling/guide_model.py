"""A corrector and a head's gradient as the x0 guidance of a MODEL."""

from __future__ import annotations

from typing import Any

import comfy.model_management
import torch
from torch import Tensor

from ....xlard.guidance.base import SingleStepGuidance, StepwiseGuidance, X0Change
from ....xlard.guidance.corrector import Residual, changes_in_turn, check_window, corrector_change, single_step_guidance
from ....xlard.guidance.gradient import AscentSettings, ascend
from ....xlard.guidance.min_norm import Combination
from ..managed import ManagedModule
from .family import check_fits
from .latents import prompt_embeddings
from .predictions import aspects_of_prompt
from .x0_guidance import with_guidance

GRADIENT_STEPS = AscentSettings().steps


def window_of(
    corrector: ManagedModule, noise_level_start: float = 0.0, noise_level_end: float = 0.0
) -> tuple[float, float]:
    """The lowest and highest noise level that a corrector acts at: its own, where a level is 0."""
    low, high = corrector.config.noise_level_range
    return noise_level_end or low, noise_level_start or high


def readable_window(
    head: ManagedModule, noise_level_start: float = 0.0, noise_level_end: float = 0.0
) -> tuple[float, float]:
    """The part of a window that a head can read; its whole range, where both levels are 0.

    Raises ValueError for a window that is upside down, or that holds no level of the head's.
    """
    window = noise_level_end, noise_level_start or 1.0
    check_window(window)
    lowest, highest = head.config.noise_level_range
    low, high = max(window[0], lowest), min(window[1], highest)
    if low > high:
        raise ValueError(
            f"This head reads noise levels from {lowest:g} to {highest:g}; none of them lies between noise_level_end "
            f"{window[0]:g} and noise_level_start {window[1]:g}. Set the two to levels that it reads, or disconnect "
            "the head."
        )
    return low, high


def guided(
    model: Any,
    positive: list,
    corrector: ManagedModule | None,
    head: ManagedModule | None,
    strength: float,
    noise_level_start: float,
    noise_level_end: float,
    gradient_steps: int = GRADIENT_STEPS,
    combine: Combination = "sum",
    prompt: str = "",
) -> Any:
    """A MODEL whose x0 predictions are corrected while it samples; the very same one at strength 0.

    The corrector acts first, the head's gradient goes on from there; both together keep to the corrector's trust
    region. With ``gradient_steps`` of 0 the head does nothing. A corrector that acts once does so at
    ``noise_level_start`` (0: its own level), whatever ``noise_level_end``; a head beside it only says which pictures
    need it, whatever ``gradient_steps``. Of the head's aspects those count that ``prompt`` asks for, all where it is
    empty. Raises ValueError if nothing could act, for a corrector or head of another model or text encoder, and for a
    window that is upside down or that the head cannot read.
    """
    single_step = corrector is not None and corrector.config.single_step_level > 0
    ascending = head if gradient_steps or single_step else None
    acting = {
        what: module for what, module in {"corrector": corrector, "head": ascending}.items() if module is not None
    }
    if not acting:
        raise ValueError(
            "There is nothing to guide the model with. Connect a corrector, or a head with gradient_steps of at "
            "least 1."
        )
    if not strength:
        return model
    check_fits(acting, model, positive)
    context, companions = prompt_embeddings(positive, 1), list(acting.values())
    if corrector is not None and single_step:
        guidance = _single_step(corrector, head, context, noise_level_start, strength, prompt)
        return with_guidance(model, guidance, companions)
    trust_region, changes = AscentSettings().trust_region, []
    if corrector is not None:
        trust_region = corrector.config.trust_region
        changes.append(corrector_change(corrector, context, window_of(corrector, noise_level_start, noise_level_end)))
    if ascending is not None:
        settings = AscentSettings(gradient_steps, trust_region=trust_region, how=combine)
        gradient = _gradient(ascending, aspects_of_prompt(prompt, ascending.config.aspects), settings)
        window = readable_window(ascending, noise_level_start, noise_level_end)
        changes.append(corrector_change(gradient, context, window))
    return with_guidance(model, StepwiseGuidance(changes_in_turn(changes, trust_region, strength)), companions)


def _single_step(
    corrector: ManagedModule,
    head: ManagedModule | None,
    context: Tensor,
    noise_level: float,
    strength: float,
    prompt: str,
) -> SingleStepGuidance:
    """The corrector at work once, on pictures that the head, if there is one, takes for failures."""
    # A managed module answers on this device, whatever the sampler's is.
    device = comfy.model_management.intermediate_device()
    columns: list[int] = []
    if head is not None:
        aspects = aspects_of_prompt(prompt, head.config.aspects)
        columns = [column for column, aspect in enumerate(head.config.aspects) if aspect in aspects]

    def guidance_for(pictures: int) -> SingleStepGuidance:
        return single_step_guidance(
            corrector, context, noise_level, strength, head=head, aspect_columns=[columns] * pictures
        )

    def on_device(stop: float) -> X0Change:
        def change(x0: Tensor, level: float) -> Tensor:
            return guidance_for(len(x0)).apply(x0.to(device), level, stop).to(x0)

        return change

    guidance = guidance_for(1)
    noise_change = on_device(1.0) if guidance.noise_change else None
    return SingleStepGuidance(guidance.noise_level, on_device(guidance.noise_level), noise_change)


def _gradient(head: ManagedModule, aspects: list[str], settings: AscentSettings) -> Residual:
    """The head's gradient in the place of a corrector."""
    known = torch.tensor([float(aspect in aspects) for aspect in head.config.aspects])

    def residual(x0: Tensor, context: Tensor, noise_level: Tensor) -> Tensor:
        # A managed head answers on this device; what is computed from its answers must lie there too.
        device = comfy.model_management.intermediate_device()
        per_picture = known.expand(len(x0), -1).to(device)
        ascent = ascend(head, x0.to(device), context.to(device), noise_level.to(device), per_picture, settings)
        return ascent.delta

    return residual
