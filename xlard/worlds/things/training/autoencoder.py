"""Train the things world's autoencoder on crops of renders."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from ....training.trainer import Trainer, decay_for, default_device
from ...previews import preview_factors
from ...training.schedule import falling_at_the_end
from ..autoencoder import build_autoencoder, load_autoencoder, save_autoencoder
from ..icons import load_icons
from .reconstruction import as_tensor, crops, evaluate, loss_of, reconstructed, side_by_side
from .renders import draw_renders, load_pool
from .run_figures import run_figures

FRESH_RENDERS = 64
"""Renders that validation and figures are measured on, the same in every run."""


def train(
    folder: Path,
    command: str,
    steps: int,
    batch: int,
    crop: int,
    on_objects: float,
    encoder_width: int,
    decoder_width: int,
    learning_rate: float,
    pool: int,
    seed: int,
    validate_every: int,
    begin: Path | None = None,
    threads: int | None = None,
    max_seconds: float | None = None,
    export: bool = False,
) -> dict[str, Any]:
    """Train, evaluate and write ``folder/autoencoder.safetensors`` and a picture beside it; returns the figures.

    It begins with the weights in the file ``begin``, or with random ones. ``export`` writes the weights of the last
    saved state without training. Raises FileNotFoundError if there is no state to export, ValueError for weights to
    begin with that do not fit, and as ``Trainer`` and ``load_icons``.
    """
    output, run = folder / "autoencoder.safetensors", folder / "autoencoder"
    if export and not (run / "state.safetensors").exists():
        raise FileNotFoundError(f"There is no saved state in {run}. Train first: give the command without --export.")
    if begin and begin.resolve() == output.resolve():
        raise ValueError(f"This training will replace {begin}. Give --begin a copy of it under another name.")
    if threads:
        torch.set_num_threads(threads)
    torch.manual_seed(seed)
    device = default_device()
    widths = {"encoder_width": encoder_width, "decoder_width": decoder_width}
    autoencoder, origin = _beginning(begin, widths)
    fresh = draw_renders(FRESH_RENDERS, load_icons(folder / "icons"))

    def validate(module: Any) -> float:
        measured = evaluate(module, fresh, device)
        print(json.dumps({"step": trainer.step, **measured}), flush=True)
        return measured["loss"]

    trainer = Trainer(
        run,
        autoencoder.to(memory_format=torch.channels_last),
        steps,
        learning_rate,
        seed,
        device,
        decay=decay_for(steps),
        weight_decay=0.0,
        validate=validate,
        validate_every=validate_every,
        settings={
            **widths,
            "batch": batch,
            "crop": crop,
            "on_objects": on_objects,
            "pool": pool,
            "begin": str(begin) if begin else None,
        },
        schedule=falling_at_the_end,
    )
    if not export:
        renders = load_pool(folder / "renders", pool, folder / "icons")

        def batch_loss(step: int, generator: torch.Generator) -> Tensor:
            rng = np.random.default_rng(int(torch.randint(2**62, (1,), generator=generator)))
            return loss_of(trainer.module, as_tensor(crops(renders, batch, crop, rng, on_objects), device), generator)

        trainer.run(batch_loss, max_seconds=max_seconds)
    kept = trainer.kept.half().float()  # As it will be in the file.
    latents, _ = reconstructed(kept, as_tensor(fresh.pictures, device))
    figures: dict[str, Any] = {
        **run_figures("autoencoder", command, trainer),
        "begin": origin,
        "pictures": len(fresh),
        **evaluate(kept, fresh, device),
        "preview_factors": preview_factors(as_tensor(fresh.pictures, device), latents),
    }
    factors = {"scaling_factor": round(1 / figures["latent_std"], 4), "shift_factor": figures["latent_mean"]}
    save_autoencoder(output, kept, {**widths, **factors}, figures)
    Image.fromarray(side_by_side(kept, fresh, device)).save(output.with_suffix(".png"))
    return figures


def _beginning(file: Path | None, widths: dict[str, int]) -> tuple[Any, dict[str, Any] | None]:
    """An autoencoder to train, random or from a file, and how the file's was trained."""
    if file is None:
        autoencoder = build_autoencoder(**widths)
        with torch.no_grad():
            autoencoder.decoder.layers[-1].bias.fill_(0.5)  # Grey as most pictures, instead of black.
        return autoencoder.train(), None
    autoencoder, figures = load_autoencoder(file)
    in_file = {
        "encoder_width": autoencoder.config.encoder_block_out_channels[0],
        "decoder_width": autoencoder.config.decoder_block_out_channels[0],
    }
    if in_file != widths:
        options = " ".join(f"--{name.replace('_', '-')} {width}" for name, width in in_file.items())
        raise ValueError(f"{file} holds an autoencoder of other widths. Give {options}, or begin without it.")
    names = ("command", "time", "steps", "minutes", "begin")
    return autoencoder.train(), {"file": file.name, **{name: figures.get(name) for name in names}}
