"""Gradients through a MODEL's prediction, which ComfyUI runs in inference mode."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import comfy.model_management
import comfy.samplers
import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from ....xlard.critics.memory import is_out_of_memory
from .sampling import SEEDS, base_model, decodable, share_of_noise

Predict = Callable[[Tensor], Tensor]
"""From noise (B, C, ...) on the load device to the guided x0 prediction in the VAE's space, with gradients."""


def with_predictions(
    guider: Any,
    noise: Tensor,
    latents: Tensor,
    noise_mask: Tensor | None,
    sigmas: Tensor,
    seed: int,
    explore: Callable[[Predict], None],
) -> None:
    """Have a GUIDER prepare to draw latents from noise, and ``explore`` what its MODEL predicts of other noise instead.

    ``sigmas`` are two or more, the first that of pure noise. Rests on ``guider.sample``, the order of a sampler
    function's arguments in ``comfy.samplers.KSAMPLER``, and the key ``denoise_mask`` of its ``extra_args``: always.
    Raises ValueError for a MODEL that lets no gradient through; what it raises without gradients, too, is its own.
    """

    def steps(model: Any, noisy: Tensor, sigmas: Tensor, extra_args: dict, **others: Any) -> Tensor:
        with torch.inference_mode(False), _differentiable():
            base = base_model(model)
            # Tensors of inference mode can take no part in gradients; their clones can.
            start, begun, sigma = noise.to(noisy.device).clone(), noisy.clone(), sigmas[:1].clone()
            arguments = {
                name: value.clone() if isinstance(value, Tensor) else value for name, value in extra_args.items()
            }

            def predict(point: Tensor) -> Tensor:
                comfy.model_management.throw_exception_if_processing_interrupted()
                moved = begun + share_of_noise(base, sigma, point.to(start) - start)
                return decodable(base, model(moved, sigma.expand(len(moved)), **arguments))

            try:
                explore(predict)
            except RuntimeError as error:
                if is_out_of_memory(error) or not _predicts(predict, start):
                    raise
                raise ValueError(
                    f"No gradient passes through this model ({error}). Quantized weights and some attention kernels "
                    "have none: load it in fp16 or bf16, and start ComfyUI with --use-pytorch-cross-attention."
                ) from error
        return noisy

    sampler = comfy.samplers.KSAMPLER(steps)
    guider.sample(noise, latents, sampler, sigmas, denoise_mask=noise_mask, disable_pbar=True, seed=seed % SEEDS)


def _predicts(predict: Predict, point: Tensor) -> bool:
    """Whether a MODEL predicts without gradients."""
    try:
        with torch.no_grad():
            predict(point)
    except RuntimeError:
        return False
    return True


@contextmanager
def _differentiable() -> Iterator[None]:
    """All loaded models with weights that gradients can pass through, and with blocks that keep no values for them.

    What a block computed is computed once more on the way back: a large model would not fit otherwise. Rests on
    ``current_loaded_models`` of ``comfy.model_management`` and the ``model`` of a ModelPatcher: always.
    """
    with ExitStack() as changes:
        for loaded in comfy.model_management.current_loaded_models:
            if loaded.model is not None and isinstance(loaded.model.model, nn.Module):
                changes.enter_context(_weights_outside_inference(loaded.model.model))
                for block in _blocks(loaded.model.model):
                    changes.enter_context(_recomputed(block))
        yield


@contextmanager
def _weights_outside_inference(module: nn.Module) -> Iterator[None]:
    """A module with tensors of the same storage in place of those that were made in inference mode."""
    replaced: list[tuple[dict[str, Any], str, Tensor]] = []
    for part in module.modules():
        tables: tuple[dict[str, Any], ...] = part._parameters, part._buffers
        for tensors in tables:
            for name, value in tensors.items():
                # Tensors of other classes, such as quantized ones, are more than their storage.
                if type(value) in (Tensor, nn.Parameter) and value.is_inference():
                    replaced.append((tensors, name, value))
                    shared = _shared(value)
                    tensors[name] = (
                        nn.Parameter(shared, requires_grad=False) if isinstance(value, nn.Parameter) else shared
                    )
    try:
        yield
    finally:
        for tensors, name, value in replaced:
            tensors[name] = value


def _shared(value: Tensor) -> Tensor:
    """A tensor over the same numbers that was not made in inference mode."""
    empty = torch.empty(0, dtype=value.dtype, device=value.device)
    return empty.set_(value.untyped_storage(), value.storage_offset(), value.shape, value.stride())


def _blocks(module: nn.Module) -> Iterator[nn.Module]:
    """The parts of a network that follow each other: what its outermost lists hold, one by one in sequences."""
    for child in module.children():
        if not isinstance(child, nn.ModuleList):
            yield from _blocks(child)
            continue
        for block in child:
            yield from block.children() if isinstance(block, (nn.Sequential, nn.ModuleList)) else (block,)


@contextmanager
def _recomputed(block: nn.Module) -> Iterator[None]:
    """A block whose inner values are computed again for gradients, not kept."""
    forward, had_own = block.forward, "forward" in vars(block)

    def recomputed(*arguments: Any, **keywords: Any) -> Any:
        # The network goes on writing into dicts that it passes around; the second time must be like the first.
        given = [_copied(value) for value in arguments]
        named = {name: _copied(value) for name, value in keywords.items()}
        return checkpoint(lambda: forward(*given, **named), use_reentrant=False)

    block.forward = recomputed
    try:
        yield
    finally:
        if had_own:
            block.forward = forward
        else:
            del block.forward


def _copied(value: Any) -> Any:
    return dict(value) if isinstance(value, dict) else value
