"""Where a training runs: in this process alone, or through accelerate in those that torchrun or ``accelerate launch``
started.
"""

from __future__ import annotations

import gc
import os
import warnings
from collections.abc import Iterable
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, autocast

if TYPE_CHECKING:
    from accelerate import Accelerator


def processes() -> int:
    """How many processes train together: 1, or as many as the launcher started."""
    return int(os.environ.get("WORLD_SIZE", 1))


class Alone:
    """One process, with the methods of ``accelerate.Accelerator`` that a trainer calls: ComfyUI needs no accelerate."""

    process_index, is_main_process = 0, True

    def __init__(self, device: str):
        self._device = torch.device(device)

    def autocast(self) -> AbstractContextManager[Any]:
        """bfloat16 where the GPU computes in it."""
        fast = self._device.type == "cuda" and torch.cuda.get_device_capability(self._device)[0] >= 8
        return autocast("cuda", dtype=torch.bfloat16) if fast else nullcontext()

    def prepare(self, prepared: Any) -> Any:
        """The object as it is."""
        return prepared

    def backward(self, loss: Tensor) -> None:
        """Gradients of the loss."""
        loss.backward()

    def clip_grad_norm_(self, parameters: Iterable[Tensor], max_norm: float) -> None:
        """Clip the gradients' common norm."""
        torch.nn.utils.clip_grad_norm_(parameters, max_norm)

    def reduce(self, tensor: Tensor, reduction: str = "sum") -> Tensor:
        """Of one process: the tensor."""
        return tensor

    def free_memory(self) -> None:
        """Nothing is held."""

    def end_training(self) -> None:
        """Nothing to end."""


def engine(device: str) -> Accelerator | Alone:
    """The engine for how this process was started. Raises RuntimeError where a launcher is used and accelerate is
    missing.
    """
    if processes() == 1 and "ACCELERATE_MIXED_PRECISION" not in os.environ:
        return Alone(device)
    # Torch imports this with the first optimizer. Imported after the process group, it would hold on to the group until
    # Python has ended.
    from torch import _dynamo  # noqa: F401

    try:
        from accelerate import Accelerator, DistributedDataParallelKwargs
    except ImportError as error:
        raise RuntimeError(
            "Training in several processes needs accelerate: pip install accelerate. One process needs no "
            "launcher: python -m ..."
        ) from error
    if processes() == 1 and "MASTER_ADDR" in os.environ:
        warnings.warn(
            "accelerate launch was to start several processes and started one, as it does on CPUs without MPI. For "
            "several: torchrun --standalone --nproc-per-node 2 -m ...",
            stacklevel=2,
        )
    cuda = torch.device(device).type == "cuda"
    # Without cpu=True, several processes on a machine without GPU would not train together. accelerate launch brings
    # its own precision.
    return Accelerator(
        cpu=device == "cpu",
        mixed_precision=os.environ.get("ACCELERATE_MIXED_PRECISION", "bf16" if cuda else "no"),
        kwargs_handlers=[DistributedDataParallelKwargs(find_unused_parameters=True)],
    )


def end_together(engine: Accelerator | Alone) -> None:
    """End the process group and its threads while Python still runs: a thread of gloo that frees a tensor after the
    interpreter has ended aborts the process. Nothing else may hold what the engine prepared.
    """
    engine.free_memory()
    gc.collect()  # The wrapped module, which holds the process group, is part of a cycle.
    engine.end_training()
