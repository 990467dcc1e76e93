"""Train the things world's edit model: the generator with a picture's latent beside its own, told what to change.

As InstructPix2Pix (arXiv 2211.09800): the new input channels begin at zero, and the instruction stands in the place of
the prompt.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torch import Tensor

from ....training.trainer import Trainer, decay_for, default_device
from ...tokenizer import build_prompt_tokenizer
from ...training.generator import DROPPED_PROMPTS, Generator, noised, save_pipeline, tokenize
from ...training.precision import bfloat16_on_cpu
from ...training.schedule import falling_at_the_end
from ..architecture import EDIT_TOKENS, build_edit_unet, build_text_encoder
from ..autoencoder import load_autoencoder
from ..repairs import edit_vocabulary
from .edit_latents import EditLatents, edit_latents
from .run_figures import run_figures

FRESH_PAIRS = 512
"""Pairs for validation prompts that the loss is measured on, with the same noise in every run."""

DROPPED_SOURCES = 0.1
"""Share of the pairs that are learnt without their first picture, which guidance by the picture needs."""

SOURCE_NOISE = 0.3
"""Noise of up to this deviation is added to first pictures: those that it will be given are less clear than renders."""

PIPELINE = "edit_pipeline"
"""The folder that the trained model is written to."""


class EditModel(Generator):
    """A generator that sees a picture's latent beside its own."""

    def flow(self, noisy: Tensor, source: Tensor, noise_level: Tensor, tokens: Tensor) -> Tensor:
        """Flow (B, C, h, w) at ``noise_level`` (B,) for a source (B, C, h, w) and an instruction's tokens (B, L)."""
        both = torch.cat([noisy, source], dim=1).contiguous(memory_format=torch.channels_last)
        return self(both, noise_level, tokens)


def begun_with(model: EditModel, tokenizer: Any, pipeline: Path) -> None:
    """Give an edit model the weights of a generator's pipeline folder: it then draws as that does, and no more.

    The new input channels are zero. Words and positions that the generator does not know keep their random weights.
    Raises FileNotFoundError where there is no pipeline.
    """
    from transformers import AutoTokenizer

    for part, name in (("unet", "diffusion_pytorch_model"), ("text_encoder", "model")):
        file = pipeline / part / f"{name}.safetensors"
        if not file.exists():
            raise FileNotFoundError(f"{file} is missing. Train the generator first.")
    unet = {
        name: value.float()
        for name, value in load_file(pipeline / "unet" / "diffusion_pytorch_model.safetensors").items()
    }
    first = model.unet.conv_in.weight.detach().clone().zero_()
    first[:, : unet["conv_in.weight"].shape[1]] = unet["conv_in.weight"]
    model.unet.load_state_dict({**unet, "conv_in.weight": first})
    known = AutoTokenizer.from_pretrained(pipeline / "tokenizer").get_vocab()
    words = tokenizer.get_vocab()
    own = model.text_encoder.state_dict()
    for name, value in load_file(pipeline / "text_encoder" / "model.safetensors").items():
        target = own[name if name in own else name.removeprefix("text_model.")]
        if name.endswith("token_embedding.weight"):
            for word, row in words.items():
                if word in known:
                    target[row] = value[known[word]]
        elif name.endswith("position_embedding.weight"):
            target[: len(value)] = value
        elif not name.endswith("position_ids"):
            target.copy_(value)


def _loss(
    model: Any, data: EditLatents, rows: Tensor, generator: torch.Generator, empty: Tensor | None, device: str
) -> Tensor:
    """An edit model's flow-matching loss on pairs; with the tokens of an ``empty`` instruction some lack a half."""
    before, after = (latents[rows].float().to(device) for latents in (data.before, data.after))
    tokens = data.tokens[rows]
    if empty is not None:
        without_text, without_source = (
            torch.rand(len(rows), generator=generator) < share for share in (DROPPED_PROMPTS, DROPPED_SOURCES)
        )
        tokens = torch.where(without_text[:, None], empty, tokens)
        before = before + SOURCE_NOISE * _noise_of_any_strength(before, generator)
        before = before * ~without_source.to(device)[:, None, None, None]
    noisy, noise_level, flow = noised(after, generator)
    with bfloat16_on_cpu(after.device):
        predicted = model.flow(noisy, before, noise_level, tokens.to(device))
    return F.mse_loss(predicted.float(), flow)


def _noise_of_any_strength(like: Tensor, generator: torch.Generator) -> Tensor:
    """Noise of a deviation between 0 and 1, another one for each row."""
    strength = torch.rand(len(like), 1, 1, 1, generator=generator)
    return (strength * torch.randn(like.shape, generator=generator)).to(like.device)


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
    """Train on pairs of renders of the generator split; returns the figures.

    Reads ``folder/autoencoder.safetensors`` and the generator at ``begin``, else ``folder/pipeline``; writes
    ``folder/edit_pipeline``. ``export`` writes the weights of the last saved state without training. Raises
    FileNotFoundError if there is no state to export, no autoencoder or no generator.
    """
    run = folder / "edit"
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
    tokenizer = build_prompt_tokenizer(edit_vocabulary(), EDIT_TOKENS)
    empty = tokenize(tokenizer, [""])

    def pairs(split: str, number: int) -> EditLatents:
        return edit_latents(folder / "edits", split, number, seed, folder / "icons", autoencoder, tokenizer)

    model: Any = EditModel(build_edit_unet(), build_text_encoder(tokenizer))
    begun_with(model, tokenizer, begin or folder / "pipeline")
    fresh = pairs("validation", FRESH_PAIRS)

    @torch.no_grad()
    def validate(module: Any) -> float:
        generator, total = torch.Generator().manual_seed(seed), 0.0
        for rows in torch.arange(len(fresh)).split(64):
            total += _loss(module, fresh, rows, generator, None, device).item() * len(rows)
        loss = total / len(fresh)
        print(json.dumps({"step": trainer.step, "loss": round(loss, 5)}), flush=True)
        return loss

    trainer = Trainer(
        run,
        model.to(memory_format=torch.channels_last),
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
        data = pairs("generator", pool)

        def batch_loss(step: int, generator: torch.Generator) -> Tensor:
            rows = torch.randint(0, len(data), (batch,), generator=generator)
            return _loss(trainer.module, data, rows, generator, empty, device)

        trainer.run(batch_loss, max_seconds=max_seconds)
    figures: dict[str, Any] = {
        **run_figures("edit", command, trainer),
        "begin": str(begin) if begin else None,
        "samples": trainer.step * batch,
        "validation": trainer.validation,
    }
    save_pipeline(folder / PIPELINE, trainer.kept.cpu(), tokenizer, autoencoder.cpu())
    return figures
