"""``python -m xlard.bench.cost.operations``: what head, corrector and gradient steps cost beside one sampling step, as
a Markdown table."""

from __future__ import annotations

import argparse
import os
import platform
from collections.abc import Callable, Iterator, Sequence
from functools import partial

import torch
from torch import nn

from ...guidance.gradient import AscentSettings, ascend
from ...guidance.min_norm import min_norm_weights
from ...models.corrector import CorrectorConfig, LatentCorrector
from ...models.head import HeadConfig, RewardHead
from .families import FAMILIES, TOKENS, Family
from .measure import measure

CORRECTOR = {"layers": 6, "heads": 8, "width": 256}
"""The paper's corrector, at most 15 million parameters."""

Part = tuple[str, nn.Module | None, Callable[[], object]]


def parts(family: Family, device: str, dtype: torch.dtype) -> Iterator[Part]:
    """Name, module and call of all that is measured, for one picture of a family."""
    torch.manual_seed(0)

    def ready(module: nn.Module) -> nn.Module:
        return module.to(device, dtype).eval().requires_grad_(False)

    def head(patch: int) -> nn.Module:
        made = RewardHead(HeadConfig(family.channels, family.width, family.name, patch=patch))
        # One that is not sure of itself would end an ascent before its first step.
        nn.init.constant_(made.log_deviation.bias, -5.0)
        return ready(made)

    def noise(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, device=device, dtype=dtype)

    inputs = (
        noise(1, family.channels, family.side, family.side),
        noise(1, family.length, family.width),
        torch.full((1,), 0.8, device=device, dtype=dtype),
    )
    for patch in sorted({HeadConfig.patch, family.patch}):
        reader = head(patch)
        yield f"head, patch {patch}", reader, partial(_still, reader, *inputs)
    known = torch.ones(1, len(reader.config.aspects), device=device, dtype=dtype)
    for how in ("sum", "min_norm"):
        step = partial(ascend, reader, *inputs, known, AscentSettings(steps=1, how=how))
        yield f"gradient step, {how}, patch {patch}", reader, step
    gradients = noise(1, known.shape[1], inputs[0].numel())
    yield "quadratic program of min_norm", None, partial(min_norm_weights, gradients)
    corrector = ready(
        LatentCorrector(CorrectorConfig(family.channels, family.width, family.name, patch=family.patch, **CORRECTOR))
    )
    # One whose output is zero has nothing to project.
    nn.init.normal_(corrector.out.weight)
    yield f"corrector, patch {family.patch}", corrector, partial(_still, corrector, *inputs)


@torch.inference_mode()
def _still(module: nn.Module, *inputs: torch.Tensor) -> object:
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
        for part, module, run in parts(family, device, dtype):
            cost = measure(run, device, repeats)
            size = f"{sum(p.numel() for p in module.parameters()) / 1e6:.1f} M" if module else ""
            yield (
                f"| | {part} | {size} | {cost.flops / 1e9:.2f} | {100 * cost.flops / step:.2g} % |"
                f" {cost.milliseconds:.1f} | {cost.megabytes:.0f} |"
            )


def machine(device: str) -> str:
    """The device in words."""
    if device == "cuda":
        return torch.cuda.get_device_name()
    return f"{platform.machine()} CPU, {torch.get_num_threads()} thread(s)"


def main() -> None:
    """Parse the command line and print a table for each number format."""
    parser = argparse.ArgumentParser(
        prog="python -m xlard.bench.cost.operations", description="What the pack's parts cost for one picture."
    )
    parser.add_argument("--repeats", type=int, default=5, help="timed runs of each part, of which the median is shown")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu", choices=["cpu", "cuda"])
    options = parser.parse_args()
    # PyTorch's profiler tells the terminal of each start and end.
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
        f"The patch is chosen so that a latent becomes {TOKENS} tokens; beside it stands the default head, with its"
        f" patch of {HeadConfig.patch}.\nAttention grows with the square of the tokens. A gradient step reads the head"
        " before and after; min_norm takes a pass backwards\nfor each aspect. FLOPs: matrix products and convolutions,"
        " multiplication and addition as two; classifier-free guidance doubles those\nof a sampling step. Peak MB:"
        " tensors beyond the weights; on a CPU, the quadratic program's copies in double precision are among them."
    )


if __name__ == "__main__":
    main()
