"""Has a ComfyUI on a CPU load models in part, as ``--lowvram`` does on a GPU that has too little memory for them.

ComfyUI takes ``--cpu`` and ``--lowvram`` not together, and loads all of a model where there is no GPU. Here it
believes, while it loads models, that the CPU is a device with room for ``WEIGHTS`` of a model's weights. The other
weights are then cast where a layer is called, by the same code as on a GPU; nothing is moved, no memory is measured.
"""

from __future__ import annotations

from unittest.mock import patch

import comfy.model_management as management
from comfy_api.latest import ComfyExtension

WEIGHTS = 2_000_000
"""Bytes."""

_load = management.load_models_gpu


def _free_memory(device=None, torch_free_too: bool = False):
    free = management.minimum_inference_memory() + WEIGHTS
    return (free, 0) if torch_free_too else free


def _load_in_part(*arguments, **options):
    believed = {
        "is_device_cpu": lambda device: False,
        "get_free_memory": _free_memory,
        "vram_state": management.VRAMState.LOW_VRAM,
    }
    with patch.multiple(management, **believed):
        return _load(*arguments, **options)


management.load_models_gpu = _load_in_part


class LowVram(ComfyExtension):
    """No nodes: the file has to be a pack to be loaded."""

    async def get_node_list(self) -> list:
        """None."""
        return []


async def comfy_entrypoint() -> LowVram:
    return LowVram()
