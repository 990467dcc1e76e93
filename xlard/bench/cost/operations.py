"""``python -m xlard.bench cost``: what head, corrector and gradient steps cost beside one sampling step, as a Markdown
table.
"""

from __future__ import annotations

import argparse
import os
import platform
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TypeVar

import torch
from torch import nn

from ...guidance.gradient import AscentSettings, ascend
from ...guidance.min_norm import min_norm_weights
from ...models.corrector import CorrectorConfig, LatentCorrector
from ...models.head import HeadConfig, RewardHead
from .families import FAMILIES, TOKENS, Family
from .measure import measure

SUMMARY = "what head, corrector and gradient steps cost for one picture"

Module = TypeVar("Module", bound=nn.Module)

MeasuredPart = tuple[str, nn.Module | None, Callable[[], object]]
"""Name, module if it has weights, and call of what is measured."""


def measured_parts(family: Family, device: str, dtype: torch.dtype) -> Iterator[MeasuredPart]:
    """All that is measured, for one picture of a family."""
    torch.manual_seed(0)

    def frozen(module: Module) -> Module:
        return module.to(device, dtype).eval().requires_grad_(False)

    def new_head(patch: int) -> RewardHead:
        head = RewardHead(HeadConfig(family.channels, family.width, family.name, patch=patch))
        # An ascent ends before its first step where the head is uncertain.
        nn.init.constant_(head.log_deviation.bias, -5.0)
        return frozen(head)

    def noise(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, device=device, dtype=dtype)

    inputs = (
        noise(1, family.channels, family.side, family.side),
        noise(1, family.length, family.width),
        torch.full((1,), 0.8, device=device, dtype=dtype),
    )
    for patch in sorted({HeadConfig.patch, family.patch}):
        head = new_head(patch)
        yield f"head, patch {patch}", head, partial(_without_gradients, head, *inputs)
    known = torch.ones(1, len(head.config.aspects), device=device, dtype=dtype)
    for how in ("sum", "min_norm"):
        step = partial(ascend, head, *inputs, known, AscentSettings(steps=1, how=how))
        yield f"gradient step, {how}, patch {patch}", head, step
    gradients = noise(1, known.shape[1], inputs[0].numel())
    yield "quadratic program of min_norm", None, partial(min_norm_weights, gradients)
    # The paper's corrector, at most 15 million parameters.
    config = CorrectorConfig(
        family.channels, family.width, family.name, patch=family.patch, layers=6, heads=8, width=256
    )
    corrector = frozen(LatentCorrector(config))
    # An output of zero leaves nothing to project.
    nn.init.normal_(corrector.out.weight)
    yield f"corrector, patch {family.patch}", corrector, partial(_without_gradients, corrector, *inputs)


@torch.inference_mode()
def _without_gradients(module: nn.Module, *inputs: torch.Tensor) -> object:
    return module(*inputs)


def table(families: Sequence[Family], device: str, dtype: torch.dtype, repeats: int) -> Iterator[str]:
    """The lines of a Markdown table."""
    yield "| model | part | parameters | GFLOPs | of a sampling step | ms | peak MB |"
    yield "| --- | --- | ---: | ---: | ---: | ---: | ---: |"
    for family in families:
        parameters, step = family.step()
        name = (
            f"{family.name}, {family.pixels} px, latent {family.channels}x{family.side}x{family.side}, "
            f"prompt {family.length}x{family.width}"
        )
        yield f"| {name} | one call of the diffusion model | {parameters / 1e6:.0f} M | {step / 1e9:.0f} | 100 % | | |"
        for part_name, module, run in measured_parts(family, device, dtype):
            cost = measure(run, device, repeats)
            size = f"{sum(p.numel() for p in module.parameters()) / 1e6:.1f} M" if module else ""
            yield (
                f"| | {part_name} | {size} | {cost.flops / 1e9:.2f} | {100 * cost.flops / step:.2g} % |"
                f" {cost.milliseconds:.1f} | {cost.megabytes:.0f} |"
            )


def machine(device: str) -> str:
    """The device's name."""
    if device == "cuda":
        return torch.cuda.get_device_name()
    return f"{platform.machine()} CPU, {torch.get_num_threads()} thread(s)"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Give the command its options."""
    parser.add_argument("--repeats", type=int, default=5, help="timed runs of each part, of which the median is shown")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu", choices=["cpu", "cuda"])


def run(options: argparse.Namespace) -> None:
    """Print a table for each number format."""
    # PyTorch's profiler prints each start and end.
    os.environ.setdefault("KINETO_LOG_LEVEL", "99")
    dtypes = [torch.float16, torch.bfloat16] if options.device == "cuda" else [torch.float32]
    for dtype in dtypes:
        print(
            f"{machine(options.device)}, {str(dtype).removeprefix('torch.')}, torch {torch.__version__}, one picture\n"
        )
        for line in table(FAMILIES, options.device, dtype, options.repeats):
            print(line, flush=True)
        print()
    print(
        f"The patch cuts a latent into {TOKENS} tokens; the default head, with its patch of {HeadConfig.patch}, is"
        " measured too.\nAttention grows with the square of the tokens. A gradient step reads the head before and"
        " after; min_norm takes a backward pass\nfor each aspect. FLOPs: matrix products and convolutions,"
        " multiplication and addition as two; classifier-free guidance doubles those\nof a sampling step. Peak MB:"
        " tensors beyond the weights; on a CPU, the quadratic program's copies in double precision are among them."
    )
