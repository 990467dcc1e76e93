"""The demo generator as a resumable sampler outside ComfyUI: Euler's method on the flow, with guidance."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from torch import Tensor

from ..protocols import Once, Steer
from ..steering import moved_noise

STEPS = 20
GUIDANCE = 4.0


def load_vae(folder: Path):
    """The autoencoder of a diffusers folder, in fp32."""
    from diffusers import AutoencoderTiny

    return AutoencoderTiny.from_pretrained(folder, torch_dtype=torch.float32).eval()


class FlowSampler:
    """protocols.Sampler for a flow UNet and one prompt per row. ``calls_made`` counts guided model calls per picture."""

    def __init__(self, unet, text_encoder, tokenizer, prompts: Sequence[str], device: str = "cpu", steps: int = STEPS,
                 guidance: float = GUIDANCE):
        self.unet, self.device, self.steps, self.guidance = unet, device, steps, guidance
        self.shape = (unet.config.in_channels, unet.config.sample_size, unet.config.sample_size)
        self.text_encoder, self.tokenizer = text_encoder, tokenizer
        distinct = list(dict.fromkeys(prompts))
        self.embeddings = torch.cat([self.encode(distinct[start:start + 500]) for start in range(0, len(distinct), 500)])
        self.row_of = [distinct.index(prompt) for prompt in prompts] if len(distinct) < 500 else \
            list(map({prompt: row for row, prompt in enumerate(distinct)}.get, prompts))
        self.empty = self.encode([""])

    @torch.no_grad()
    def encode(self, texts: Sequence[str]) -> Tensor:
        """Embeddings (B, L, D) of texts."""
        tokens = self.tokenizer(list(texts), padding="max_length", truncation=True, return_tensors="pt").input_ids
        return self.text_encoder(input_ids=tokens.to(self.device)).last_hidden_state

    def reworded(self, prompt: str) -> FlowSampler:
        """The same sampler with every row's prompt replaced by another one."""
        other = copy.copy(self)
        other.embeddings, other.row_of = self.encode([prompt]), [0] * len(self.row_of)
        return other

    def context(self, rows: Sequence[int]) -> Tensor:
        """Prompt embeddings (B, L, D) of the rows."""
        return self.embeddings[torch.tensor([self.row_of[row] for row in rows], device=self.device)]

    def noise(self, seeds: Sequence[int]) -> Tensor:
        """Each seed's noise (B, C, h, w), drawn on the CPU so that every machine draws the same."""
        return torch.stack([torch.randn(self.shape, generator=torch.Generator().manual_seed(seed))
                            for seed in seeds]).to(self.device)

    def sigmas(self, sigma: float = 1.0) -> Tensor:
        """The schedule from the step nearest to ``sigma`` down to 0."""
        full = torch.linspace(1.0, 0.0, self.steps + 1)
        return full[int((full[:-1] - sigma).abs().argmin()):]

    def calls(self, sigma: float = 1.0) -> int:
        """Model calls from ``sigma`` to the end."""
        return len(self.sigmas(sigma)) - 1

    @torch.no_grad()
    def flow(self, noisy: Tensor, sigma: Tensor, context: Tensor) -> Tensor:
        """The guided flow at one noise level; guidance doubles the batch and counts as one call."""
        return self._flow(noisy, sigma, context)

    def predict_noise(self, noise: Tensor, rows: Sequence[int]) -> Tensor:
        """x0 prediction (B, C, h, w) of pure noise: one call, with gradients."""
        return noise - self._flow(noise, torch.ones(()), self.context(rows))

    def _flow(self, noisy: Tensor, sigma: Tensor, context: Tensor) -> Tensor:
        doubled = torch.cat([context, self.empty.expand(len(context), -1, -1)])
        output = self.unet(torch.cat([noisy, noisy]), sigma.to(self.device) * 1000, encoder_hidden_states=doubled).sample
        prompted, unprompted = output.chunk(2)
        return unprompted + self.guidance * (prompted - unprompted)

    def generate(self, rows: Sequence[int], seeds: Sequence[int], steer: Steer | Once | None = None) -> Tensor:
        """Sample from pure noise, steered or not; returns latents (B, C, h, w)."""
        sigmas, context, noisy = self.sigmas(), self.context(rows), self.noise(seeds)
        if not isinstance(steer, Once):
            return self.draw_on(noisy, sigmas, context, steer)
        if steer.at_noise:
            x0 = noisy - self.flow(noisy, sigmas[0], context)
            noisy = moved_noise(noisy, steer.at_noise(x0, 1.0).to(x0) - x0)
        if not steer.stops:
            return self.draw_on(noisy, sigmas, context, steer.along)
        start = self.steps - self.calls(steer.sigma)
        level = sigmas[start]
        noisy = self.draw_on(noisy, sigmas[:start + 1], context, steer.along)
        x0 = noisy - level.item() * self.flow(noisy, level, context)
        noisy = noisy + (1 - level.item()) * (steer.steer(x0, level.item()).to(x0) - x0)
        return self.draw_on(noisy, sigmas[start:], context, steer.along)

    def predict(self, latents: Tensor, sigma: float, rows: Sequence[int], seeds: Sequence[int]) -> Tensor:
        """x0 prediction (B, C, h, w) of latents renoised to ``sigma``: one call."""
        level = self.sigmas(sigma)[0]
        noisy = torch.lerp(latents.to(self.device), self.noise(seeds), level.item())
        return noisy - level.item() * self.flow(noisy, level, self.context(rows))

    def resume(self, latents: Tensor, sigma: float, rows: Sequence[int], seeds: Sequence[int],
               steer: Steer | None = None, regions: Tensor | None = None) -> Tensor:
        """Renoise latents to ``sigma`` and sample to the end, steered or not, everywhere or inside ``regions`` (B, h, w)."""
        sigmas, context = self.sigmas(sigma), self.context(rows)
        latents, noise = latents.to(self.device), self.noise(seeds)
        noisy = torch.lerp(latents, noise, sigmas[0].item())
        if regions is None:
            return self.draw_on(noisy, sigmas, context, steer)
        opened = regions.to(self.device)[:, None]

        def held(noisy: Tensor, level: float) -> Tensor:
            return torch.where(opened, noisy, torch.lerp(latents, noise, level))

        return torch.where(opened, self.draw_on(noisy, sigmas, context, steer, held), latents)

    def draw_on(self, noisy: Tensor, sigmas: Tensor, context: Tensor, steer: Steer | None = None,
                held: Callable[[Tensor, float], Tensor] | None = None) -> Tensor:
        """From the first of ``sigmas`` to the last; ``held`` puts back, before each step, what may not change."""
        for level, following in zip(sigmas[:-1], sigmas[1:]):
            if held is not None:
                noisy = held(noisy, level.item())
            flow = self.flow(noisy, level, context)
            if steer is not None:
                x0 = noisy - level.item() * flow
                # As a difference, so that what is not moved stays the same to the last bit.
                flow = flow - (steer(x0, level.item()).to(x0) - x0) / level.item()
            noisy = noisy + (following - level).item() * flow
        return noisy
