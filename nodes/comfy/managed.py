"""Modules of the library under ComfyUI's memory manager."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Any

import comfy.model_management as memory
import comfy.model_patcher
import torch
from torch import Tensor, nn

from .compat.sampling import is_loaded_whole


class _Holder(nn.Module):
    """A parent for any module: the patcher assigns ``device``, which a transformers model does not allow."""

    def __init__(self, module: nn.Module):
        super().__init__()
        self.module = module


class ManagedModule:
    """Owns a module, loads it when it is called and leaves it to ComfyUI to offload it when VRAM is needed.

    Tensors among the arguments may lie on any device; results come back on ComfyUI's intermediate device.
    """

    def __init__(self, module: nn.Module):
        self._holder = _Holder(module)
        self._patcher = comfy.model_patcher.ModelPatcher(
            self._holder, load_device=memory.get_torch_device(), offload_device=memory.unet_offload_device()
        )

    @property
    def module(self) -> nn.Module:
        """The module itself, wherever its weights are now."""
        return self._holder.module

    @property
    def patcher(self) -> Any:
        """What ComfyUI's memory manager loads and offloads."""
        return self._patcher

    @property
    def config(self) -> Any:
        """The module's config."""
        return self.module.config

    def load(self) -> nn.Module:
        """The module with all weights on the load device."""
        # Plain nn.Linear weights cannot be streamed, so it is all or nothing. And weights that are moved inside
        # inference mode could not take part in gradients afterwards.
        with torch.inference_mode(False):
            memory.load_models_gpu([self._patcher], force_full_load=True)
        return self.module

    def __call__(self, latents: Tensor, context: Tensor, noise_level: Tensor) -> Any:
        """Run a head or corrector; arguments and result are those of its ``forward``. Stops when the artist cancels."""
        memory.throw_exception_if_processing_interrupted()
        # Loading makes room for what follows; in the middle of sampling it could take that from the model that samples.
        module = self.module if is_loaded_whole(self._patcher) else self.load()
        arguments = (tensor.to(self._patcher.load_device) for tensor in (latents, context, noise_level))
        return _moved(module(*arguments), memory.intermediate_device())


def load_managed(load: Callable[[Path], nn.Module], path: Path) -> ManagedModule:
    """Read a module with ``load(path)`` outside inference mode, where gradients can pass through it."""
    with torch.inference_mode(False):
        return ManagedModule(load(path))


def _moved(value: Any, device: torch.device) -> Any:
    if isinstance(value, torch.Tensor):
        return value.to(device)
    if is_dataclass(value) and not isinstance(value, type):
        return replace(value, **{field.name: _moved(getattr(value, field.name), device) for field in fields(value)})
    return value
