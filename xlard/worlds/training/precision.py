"""The precision that a training computes in."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any

import torch
from torch import autocast


def bfloat16_on_cpu(device: torch.device) -> AbstractContextManager[Any]:
    """bfloat16 on processors with AMX; on others, those with avx512_bf16 too, it is slower than float32.

    On a GPU the trainer chooses.
    """
    supported = getattr(torch.cpu, "_is_amx_tile_supported", None)
    return autocast("cpu", torch.bfloat16, enabled=device.type == "cpu" and supported is not None and supported())
