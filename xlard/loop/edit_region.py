"""Whatever a strategy plans, only what an edit and the artist's masks let change is redrawn."""

from __future__ import annotations

from dataclasses import replace

import torch

from ..edit import Edit
from .plan import Plan, Situation
from .regions import area_of, region_grid


def within_edit_region(plan: Plan, situation: Situation) -> Plan | None:
    """The part of a plan inside of what the edit of a source and the artist's masks let change; None if nothing of it
    is left.

    Plans of pictures that may change everywhere come back as they are, and those of an object that is drawn alone.
    """
    area = situation.area
    if area is None or plan.claims:
        return plan
    region = area if plan.region is None else area & plan.region
    latent = plan.latent if plan.latent is None else torch.where(region, plan.latent, situation.state.best.latent)
    levels = plan.levels if plan.levels is None else plan.levels * region
    if plan.crop is not None:
        crop = plan.crop.within(area.float())
        return replace(plan, region=crop.touched(situation.size), crop=crop) if crop.opacity.any() else None
    fill = plan.fill and plan.fill.within(region)
    return replace(plan, region=region, latent=latent, levels=levels, fill=fill) if region.any() else None


def check_editable_area(edit: Edit, size: tuple[int, int]) -> None:
    """Raise ValueError if no cell of a latent of ``size`` (height, width) may change: a loop could do nothing."""
    area = area_of(edit, region_grid(size, edit.size))
    if area is not None and not area.any():
        stays = ", ".join(dict.fromkeys(detection.label for detection in edit.staying))
        raise ValueError(
            f"The instruction '{edit.instruction}' leaves nothing of the source to redraw: what is to stay covers all "
            f"of it ({stays}). Write what becomes of something that is there, or disconnect source and use a model for "
            "editing."
        )
