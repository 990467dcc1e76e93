"""What running a function costs: floating-point operations, seconds, memory."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.profiler import ProfilerActivity, profile
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

MEGABYTE = 2**20


@dataclass(frozen=True)
class ComputeCost:
    """Floating-point operations, median milliseconds, and the peak of megabytes beyond those in use before."""

    flops: float
    milliseconds: float
    megabytes: float


def measure(run: Callable[[], object], device: str, repeats: int) -> ComputeCost:
    """The cost of ``run``, which works on ``device``; its first run is not timed."""
    flops = count_flops(run)
    return ComputeCost(flops, _milliseconds(run, device, repeats), _peak_bytes(run, device) / MEGABYTE)


def count_flops(run: Callable[[], object]) -> float:
    """Floating-point operations of the matrix products and convolutions in ``run``.

    A multiplication and an addition count as two.
    """
    # The counter does not know every device's attention kernel; written out, attention is matrix products.
    with sdpa_kernel(SDPBackend.MATH), _FlopCounter() as counter:
        run()
    return counter.flops


class _FlopCounter(TorchDispatchMode):
    """PyTorch's own counts. Its ``FlopCounterMode`` has hooks on modules that do not allow ``torch.autograd.grad``."""

    flops = 0.0

    def __torch_dispatch__(
        self, function: Any, types: Any, args: tuple = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        count = flop_registry.get(function._overloadpacket)
        if count is None:
            with self:
                decomposed = function.decompose(*args, **kwargs)
            if decomposed is not NotImplemented:
                return decomposed
        result = function(*args, **kwargs)
        self.flops += count(*args, **kwargs, out_val=result) if count else 0
        return result


def _milliseconds(run: Callable[[], object], device: str, repeats: int) -> float:
    times = []
    for _ in range(repeats + 1):
        start = time.perf_counter()
        run()
        if device == "cuda":
            torch.cuda.synchronize()
        times.append((time.perf_counter() - start) * 1000)
    return statistics.median(times[1:])


def _peak_bytes(run: Callable[[], object], device: str) -> int:
    """Bytes of tensors at the peak of ``run``, beyond those before it."""
    if device == "cuda":
        before = torch.cuda.memory_allocated()
        torch.cuda.reset_peak_memory_stats()
        run()
        torch.cuda.synchronize()
        return torch.cuda.max_memory_allocated() - before
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiler:
        run()
    current = highest = 0
    for event in sorted(profiler.profiler.kineto_results.events(), key=lambda event: event.start_ns()):
        if event.name() == "[memory]":
            current += event.nbytes()
            highest = max(highest, current)
    return highest
