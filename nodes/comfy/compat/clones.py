"""Clones of MODELs that ComfyUI can let go of."""

from __future__ import annotations

from typing import Any

_GIVEN = "xlard_given"


def cloned(model: Any) -> Any:
    """A clone of a MODEL whose ``parent`` is the MODEL that the pack was given, never a clone of the pack's own.

    ComfyUI keeps what is loaded by the clone that drew with it, and once that has ended by its parent. After an error
    both can be garbage that ends at once, if the parent is a clone, too; what is loaded is then lost, and ComfyUI
    collects garbage in each later job to find it. Rests on ``ModelPatcher.clone`` and ``parent``: always.
    """
    clone = model.clone()
    given = getattr(model, _GIVEN, model)
    clone.parent = given
    setattr(clone, _GIVEN, given)
    return clone
