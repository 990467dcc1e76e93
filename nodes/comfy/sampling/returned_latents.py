"""A SAMPLER of another pack that gives no latents is named; ComfyUI would fail in words of its own."""

from __future__ import annotations

import copy
from collections.abc import Callable
from functools import wraps
from typing import Any

from torch import Tensor

from ..compat.sampling import steps_of, with_steps


def giving_latents(sampler: Any) -> Any:
    """A copy of a SAMPLER that raises ValueError where it gives something else than latents."""
    steps = steps_of(sampler)
    if steps is not None:
        return with_steps(sampler, _checked(steps))
    changed = copy.copy(sampler)
    changed.sample = _checked(sampler.sample)
    return changed


def _checked(sample: Callable[..., Any]) -> Callable[..., Tensor]:
    @wraps(sample)
    def checked(*arguments: Any, **options: Any) -> Tensor:
        samples = sample(*arguments, **options)
        if not isinstance(samples, Tensor):
            raise ValueError(
                f"The sampler gave a {type(samples).__name__} in place of latents. Connect another SAMPLER, for "
                "example from KSamplerSelect, or update the pack that made this one."
            )
        return samples

    return checked
