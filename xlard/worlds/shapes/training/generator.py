"""Train the generator: text encoder and UNet together, flow matching with classifier-free guidance."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ....training.trainer import Trainer, default_device, machine
from ...decoder import VaeDecoder, load_autoencoder
from ...evaluation import accuracy
from ...sampling import FlowSampler
from ...tokenizer import build_prompt_tokenizer
from ..architecture import PROMPT_TOKENS, build_scheduler, build_text_encoder, build_unet
from ..checker import ShapesChecker
from ..prompts import PROMPTS, vocabulary
from ..world import GUIDANCE_SCALE, STEPS
from .autoencoder import load_narrow
from .scenes import pictures_of, scene_pool

_DROPPED_PROMPTS = 0.1


class Generator(nn.Module):
    """UNet and text encoder as one trainable module."""

    def __init__(self, tokenizer: Any):
        super().__init__()
        self.unet = build_unet()
        self.text_encoder = build_text_encoder(
            len(tokenizer), tokenizer.bos_token_id, tokenizer.eos_token_id, tokenizer.pad_token_id
        )

    def forward(self, noisy: Tensor, noise_level: Tensor, tokens: Tensor) -> Tensor:
        """Flow (B, C, h, w) at ``noise_level`` (B,) for prompt tokens (B, L)."""
        context = self.text_encoder(input_ids=tokens).last_hidden_state
        return self.unet(noisy, noise_level * 1000, encoder_hidden_states=context).sample


def loss_of(model: nn.Module, latents: Tensor, tokens: Tensor, generator: torch.Generator) -> Tensor:
    """Flow-matching loss (Lipman et al. 2023), noise levels logit-normal and shifted to where composition is
    decided.
    """
    noise = torch.randn(latents.shape, generator=generator).to(latents.device)
    noise_level = torch.sigmoid(torch.randn(len(latents), generator=generator) + 0.4).to(latents.device)
    level = noise_level.view(-1, 1, 1, 1)
    return F.mse_loss(model(torch.lerp(latents, noise, level), noise_level, tokens).float(), noise - latents)


def tokenize(tokenizer: Any, texts: list[str]) -> Tensor:
    """Token ids (B, L), padded to the model's length."""
    return tokenizer(texts, padding="max_length", truncation=True, return_tensors="pt").input_ids


def save_pipeline(folder: Path, model: Any, tokenizer: Any, autoencoder: Any) -> None:
    """Write a ``Generator`` as an ordinary diffusers pipeline folder: fp16 UNet and autoencoder, fp32 text encoder."""
    from diffusers import StableDiffusionPipeline

    unet = build_unet()
    unet.load_state_dict(model.unet.state_dict())
    pipeline: Any = StableDiffusionPipeline(
        vae=autoencoder.half(),
        text_encoder=model.text_encoder,
        tokenizer=tokenizer,
        unet=unet.half(),
        scheduler=build_scheduler(),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    shutil.rmtree(folder, ignore_errors=True)
    pipeline.save_pretrained(folder)
    # transformers 5 writes its new class name, which transformers 4 does not know; both know this one.
    for path in (folder / "model_index.json", folder / "tokenizer" / "tokenizer_config.json"):
        path.write_text(path.read_text().replace("TokenizersBackend", "PreTrainedTokenizerFast"))


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
    trainer = Trainer(folder / "generator", Generator(tokenizer), steps, learning_rate, seed, device)
    validation = PROMPTS.evaluation_prompts("validation", 200)
    checks: list[dict] = []

    def batch_loss(step: int, generator: torch.Generator) -> Tensor:
        rows = torch.randint(0, len(latents), (batch,), generator=generator).to(device)
        dropped = (torch.rand(batch, 1, generator=generator) < _DROPPED_PROMPTS).to(device)
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
