"""Train the things world's generator: text encoder and UNet together, on latents of renders."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import Conv2d

from ....training.trainer import Trainer, decay_for, default_device
from ...decoder import VaeDecoder
from ...sampling import FlowSampler, generate
from ...tokenizer import build_prompt_tokenizer
from ...training.generator import DROPPED_PROMPTS, Generator, loss_of, noised, save_pipeline, tokenize
from ...training.precision import bfloat16_on_cpu
from ...training.schedule import falling_at_the_end
from ..architecture import PROMPT_TOKENS, WIDTHS, build_text_encoder, build_unet
from ..autoencoder import load_autoencoder
from ..prompts import vocabulary
from ..world import GUIDANCE_SCALE, STEPS
from .labels import KINDS, TINTS
from .latents import PromptedLatents, prompted_latents
from .run_figures import run_figures

FRESH_LATENTS = 512
"""Latents of validation prompts that the loss is measured on, with the same noise in every run."""

LABELS_WEIGHT = 0.1

SHOWN = (
    "a cat left of a dog on grass",
    "three blue cars in snow",
    "a red apple and a green cup on a wooden table",
    "a photo of a teddy bear",
    "a photo of two clocks",
    "a photo of a purple umbrella",
    "an elephant on a beach",
    "a bicycle in front of a brick wall",
    "a boat at night",
    "a photo of four bananas",
    "a pink bus above a yellow chair",
    "two horses and a red suitcase",
)
"""Prompts of the sheet that shows how far a training is, each with two seeds."""


class LabellingGenerator(Generator):
    """A generator that also reads, in the middle of its UNet, what stands in each cell (see ``labels``)."""

    def __init__(self, unet: Any, text_encoder: Any):
        super().__init__(unet, text_encoder)
        self.reader = Conv2d(WIDTHS[-1], len(KINDS) + len(TINTS), 1)
        self._middle: Tensor | None = None
        unet.mid_block.register_forward_hook(self._keep)

    def _keep(self, module: nn.Module, inputs: Any, output: Tensor) -> None:
        self._middle = output

    def flow_and_labels(self, noisy: Tensor, noise_level: Tensor, tokens: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The flow, and logits of ``KINDS`` and of ``TINTS`` (B, ., 8, 8)."""
        flow = self(noisy, noise_level, tokens)
        assert self._middle is not None
        kinds, tints = self.reader(self._middle).float().split([len(KINDS), len(TINTS)], dim=1)
        self._middle = None
        return flow, kinds, tints


def _batch_loss(
    module: Any, data: PromptedLatents, rows: Tensor, empty: Tensor, generator: torch.Generator, device: str
) -> Tensor:
    """Flow-matching loss and the cross entropy of the labels."""
    latents, labels = data.latents[rows].float().to(device), data.labels[rows].long().to(device)
    dropped = torch.rand(len(rows), 1, generator=generator) < DROPPED_PROMPTS
    tokens = torch.where(dropped, empty, data.tokens[rows]).to(device)
    noisy, noise_level, flow = noised(latents, generator)
    with bfloat16_on_cpu(latents.device):
        predicted, kinds, tints = module.flow_and_labels(
            noisy.contiguous(memory_format=torch.channels_last), noise_level, tokens
        )
    read = F.cross_entropy(kinds, labels[:, 0]) + F.cross_entropy(tints, labels[:, 1])
    return F.mse_loss(predicted.float(), flow) + LABELS_WEIGHT * read


def sheet(sampler: FlowSampler, decoder: VaeDecoder, columns: int = 6) -> Image.Image:
    """A picture of each row of the sampler, ``columns`` in a line."""
    pictures = decoder.decode(generate(sampler, range(len(sampler.embedding_of_row)))).cpu()
    cells = (pictures.numpy() * 255).round().astype(np.uint8)
    lines = [np.concatenate(list(cells[start : start + columns]), axis=1) for start in range(0, len(cells), columns)]
    return Image.fromarray(np.concatenate(lines))


def train(
    folder: Path,
    command: str,
    steps: int,
    batch: int,
    learning_rate: float,
    pool: int,
    seed: int,
    validate_every: int,
    threads: int | None = None,
    max_seconds: float | None = None,
    export: bool = False,
    begin: Path | None = None,
) -> dict[str, Any]:
    """Train on renders of the generator split; returns the figures.

    Reads ``folder/autoencoder.safetensors``; writes ``folder/pipeline``, and the sheet ``folder/generator.png``.
    It begins with the weights of the pipeline ``begin``, or with random ones. ``export`` writes those of the last saved
    state without training. Raises FileNotFoundError if there is no state to export, no autoencoder or no pipeline to
    begin with.
    """
    run = folder / "generator"
    if export and not (run / "state.safetensors").exists():
        raise FileNotFoundError(f"There is no saved state in {run}. Train first: give the command without --export.")
    file = folder / "autoencoder.safetensors"
    if not file.exists():
        raise FileNotFoundError(f"{file} is missing. Train the autoencoder first.")
    if threads:
        torch.set_num_threads(threads)
    torch.manual_seed(seed)
    device = default_device()
    autoencoder, _ = load_autoencoder(file)
    autoencoder = autoencoder.to(device).eval()
    tokenizer = build_prompt_tokenizer(vocabulary(), PROMPT_TOKENS)
    empty = tokenize(tokenizer, [""])

    def latents(split: str, number: int) -> PromptedLatents:
        return prompted_latents(folder / "latents", split, number, seed, folder / "icons", autoencoder, tokenizer)

    fresh = latents("validation", FRESH_LATENTS)

    @torch.no_grad()
    def validate(module: Any) -> float:
        generator, total = torch.Generator().manual_seed(seed), 0.0
        for rows in torch.arange(len(fresh)).split(64):
            batch_latents = fresh.latents[rows].float().to(device)
            total += loss_of(module, batch_latents, fresh.tokens[rows].to(device), generator).item() * len(rows)
        loss = total / len(fresh)
        print(json.dumps({"step": trainer.step, "loss": round(loss, 5)}), flush=True)
        return loss

    labelling: Any = LabellingGenerator(build_unet(), build_text_encoder(tokenizer))
    if begin:
        labelling.unet.load_state_dict(load_file(begin / "unet" / "diffusion_pytorch_model.safetensors"))
        labelling.text_encoder.load_state_dict(load_file(begin / "text_encoder" / "model.safetensors"))
    trainer = Trainer(
        run,
        labelling.to(memory_format=torch.channels_last),
        steps,
        learning_rate,
        seed,
        device,
        decay=decay_for(steps),
        validate=validate,
        validate_every=validate_every,
        settings={"batch": batch, **({"begin": str(begin)} if begin else {})},
        schedule=falling_at_the_end,
    )
    if not export:
        data = latents("generator", pool)

        def batch_loss(step: int, generator: torch.Generator) -> Tensor:
            rows = torch.randint(0, len(data), (batch,), generator=generator)
            return _batch_loss(trainer.module, data, rows, empty, generator, device)

        trainer.run(batch_loss, max_seconds=max_seconds)
    kept = trainer.kept
    figures: dict[str, Any] = {
        **run_figures("generator", command, trainer),
        "begin": str(begin) if begin else None,
        "samples": trainer.step * batch,
        "validation": trainer.validation,
    }
    sampler = FlowSampler(kept.unet, kept.text_encoder, tokenizer, SHOWN * 2, device, STEPS, GUIDANCE_SCALE)
    sheet(sampler, VaeDecoder(autoencoder)).save(folder / "generator.png")
    save_pipeline(folder / "pipeline", kept.cpu(), tokenizer, autoencoder.cpu())
    return figures
