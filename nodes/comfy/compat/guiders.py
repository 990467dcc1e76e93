"""GUIDERs: what holds a MODEL and its conditioning, and makes one prediction of several."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import comfy.model_patcher
import comfy.samplers

from .clones import cloned

_NOT_OF_THE_ARTIST = frozenset({"cross_attn", "uuid"})
"""What a guider writes into a part of its conditioning: the embedding, and a name for it."""


def cfg_guider(model: Any, positive: list, negative: list, cfg: float) -> Any:
    """The GUIDER that KSampler draws with.

    Rests on the constructor of ``comfy.samplers.CFGGuider``, ``set_conds`` and ``set_cfg``: always.
    """
    guider = comfy.samplers.CFGGuider(model)
    guider.set_conds(positive, negative)
    guider.set_cfg(cfg)
    return guider


def model_in(guider: Any) -> Any:
    """A clone of the MODEL that a GUIDER draws with, with the GUIDER's own options.

    Rests on ``model_patcher`` and ``model_options`` of ``comfy.samplers.CFGGuider``, which SamplerCustomAdvanced reads
    of every guider, and ``comfy.model_patcher.create_model_options_clone``: always.
    """
    clone = cloned(guider.model_patcher)
    options = getattr(guider, "model_options", guider.model_patcher.model_options)
    if options is not guider.model_patcher.model_options:
        clone.model_options = comfy.model_patcher.create_model_options_clone(options)
    return clone


def guider_with(guider: Any, model: Any, conditionings: Mapping[str, list]) -> Any:
    """A copy of a GUIDER that draws with another MODEL, and with other CONDITIONINGs for those that it is given.

    Rests on ``model_patcher``, ``model_options``, ``original_conds`` and ``inner_set_conds`` of
    ``comfy.samplers.CFGGuider``: always.
    """
    changed = copy.copy(guider)
    changed.model_patcher, changed.model_options = model, model.model_options
    if conditionings:
        # A dict of its own: the artist's guider draws again elsewhere.
        changed.original_conds = dict(guider.original_conds)
        changed.inner_set_conds(dict(conditionings))
    return changed


def conditionings_of(guider: Any) -> dict[str, list]:
    """The CONDITIONINGs of a GUIDER by the names that it gives them; none where it does not keep them as ComfyUI does.

    Rests on ``original_conds`` of ``comfy.samplers.CFGGuider`` and its key ``cross_attn``: always.
    """
    if not isinstance(guider, comfy.samplers.CFGGuider):
        return {}
    return {
        name: [
            [part.get("cross_attn"), {key: value for key, value in part.items() if key not in _NOT_OF_THE_ARTIST}]
            for part in parts
        ]
        for name, parts in guider.original_conds.items()
    }


def are_of_one_checkpoint(model: Any, other: Any) -> bool:
    """Whether two MODELs are clones of one, whatever their patches.

    Rests on ``ModelPatcher.is_clone``: always.
    """
    return bool(model.is_clone(other))


def named_sampler(name: str) -> Any:
    """The SAMPLER of a name that KSampler lists. Rests on ``comfy.samplers.sampler_object``: always."""
    return comfy.samplers.sampler_object(name)
