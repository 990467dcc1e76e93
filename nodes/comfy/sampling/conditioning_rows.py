"""The part of a CONDITIONING that belongs to some pictures of a batch.

ComfyUI shares what is stacked in a conditioning (prompts, hints of a ControlNet, reference latents) out over the
pictures that it samples, from the first one on. Where a loop samples only some of a batch again, each keeps its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import comfy.utils
from torch import Tensor

from ..compat.sampling import control_chain, control_with_hints


def conditioning_of_rows(conditioning: list, rows: Sequence[int], batch: int) -> list:
    """A CONDITIONING for ``rows`` of a batch, as ComfyUI shares it out over the whole batch; itself for all rows.

    Embeddings and all tensors of two and more dimensions beside them, alone or in lists, hold one entry for all
    pictures or one for each. Raises
    ValueError for a ControlNet that cannot be split.
    """
    if list(rows) == list(range(batch)):
        return conditioning
    return [
        [_of_rows(embedding, rows, batch), {key: _of_rows(value, rows, batch) for key, value in options.items()}]
        for embedding, options in conditioning
    ]


def _of_rows(value: Any, rows: Sequence[int], batch: int) -> Any:
    if isinstance(value, Tensor):
        # One number for each token of a prompt (Anima) is nothing that pictures share out.
        shared = value.ndim < 2 or len(value) == 1
        return value if shared else comfy.utils.repeat_to_batch_size(value, batch)[list(rows)]
    if isinstance(value, list):
        return [_of_rows(item, rows, batch) if isinstance(item, Tensor) else item for item in value]
    if control_chain(value):
        return control_with_hints(value, lambda hint: _of_rows(hint, rows, batch))
    return value
