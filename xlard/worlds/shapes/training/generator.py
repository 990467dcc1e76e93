"""Train the generator: text encoder and UNet together, flow matching with classifier-free guidance."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ....training.trainer import Trainer, default_device, machine
from ...decoder import VaeDecoder, load_autoencoder
from ...evaluation import accuracy
from ...sampling import FlowSampler
from ...tokenizer import build_prompt_tokenizer
from ...training.generator import DROPPED_PROMPTS, Generator, loss_of, save_pipeline, tokenize
from ..architecture import PROMPT_TOKENS, build_text_encoder, build_unet
from ..checker import ShapesChecker
from ..prompts import PROMPTS, vocabulary
from ..world import GUIDANCE_SCALE, STEPS
from .autoencoder import load_narrow
from .scenes import pictures_of, scene_pool


def train(
    folder: Path,
    steps: int,
    batch: int,
    seed: int,
    pool: int,
    stop_at: float,
    check_every: int,
    max_seconds: float | None = None,
    learning_rate: float = 8e-4,
) -> dict:
    """Train on the generator split until ``steps`` or until accuracy on validation prompts reaches ``stop_at``.

    Reads ``folder/trained_vae`` and ``folder/vae``; writes ``folder/pipeline``. The generator is meant to stay
    imperfect, hence ``stop_at``.
    """
    device = default_device()
    torch.manual_seed(seed)
    autoencoder = load_narrow(folder, "trained_vae").to(device)
    tokenizer = build_prompt_tokenizer(vocabulary(), PROMPT_TOKENS)
    texts, packed = scene_pool("generator", pool, seed + 10)
    tokens = tokenize(tokenizer, texts).to(device)
    empty = tokenize(tokenizer, [""]).to(device)
    drawing = torch.Generator(device).manual_seed(seed)
    with torch.no_grad():
        latents = torch.cat([autoencoder.encode(pictures_of(scenes, drawing)).latents for scenes in packed.split(250)])
    generator_module = Generator(build_unet(), build_text_encoder(tokenizer))
    trainer = Trainer(folder / "generator", generator_module, steps, learning_rate, seed, device)
    validation = PROMPTS.evaluation_prompts("validation", 200)
    checks: list[dict] = []

    def batch_loss(step: int, generator: torch.Generator) -> Tensor:
        rows = torch.randint(0, len(latents), (batch,), generator=generator).to(device)
        dropped = (torch.rand(batch, 1, generator=generator) < DROPPED_PROMPTS).to(device)
        return loss_of(trainer.module, latents[rows], torch.where(dropped, empty, tokens[rows]), generator)

    def check(step: int) -> bool:
        model: Any = trainer.average.module.eval()
        validation_texts, seeds = [prompt.text for prompt in validation], list(range(1000, 1000 + len(validation)))
        sampler = FlowSampler(
            model.unet, model.text_encoder, tokenizer, validation_texts, device, STEPS, GUIDANCE_SCALE
        )
        result = accuracy(sampler, VaeDecoder(autoencoder), ShapesChecker(), validation, seeds)
        checks.append({"step": step, **result})
        print(json.dumps(checks[-1]), flush=True)
        return result["overall"] >= stop_at

    trainer.run(batch_loss, check, check_every, max_seconds)
    if not checks or checks[-1]["step"] != trainer.step:
        check(trainer.step)
    figures = {
        "model": "generator",
        "steps": trainer.step,
        "batch": batch,
        "seed": seed,
        "pool": pool,
        "seconds": round(trainer.seconds),
        "machine": machine(),
        "validation": checks,
    }
    save_pipeline(folder / "pipeline", trainer.average.module.cpu().eval(), tokenizer, load_autoencoder(folder / "vae"))
    return figures
