"""Editing: whatever a strategy plans, only what the instruction may change is drawn anew."""

from __future__ import annotations

from dataclasses import replace

import torch

from .plan import Plan, Situation


def confined(plan: Plan, situation: Situation) -> Plan | None:
    """The plan inside of what the edit of a source may change, and any other plan as it is; None where nothing of it is left."""
    area = situation.area
    if area is None:
        return plan
    region = area if plan.region is None else area & plan.region
    latent = plan.latent if plan.latent is None else torch.where(region, plan.latent, situation.state.best.latent)
    return replace(plan, region=region, latent=latent) if region.any() else None
