"""Fake models of a loop: a scripted sampler, a decoder, a judge that counts circles, heads and a corrector."""

from __future__ import annotations

import torch

from xlard.aspects import ASPECTS
from xlard.detections import Detection
from xlard.loop.engine import Engine
from xlard.models.corrector import CorrectorConfig
from xlard.models.head import HeadConfig, RewardPrediction
from xlard.prompts import claims_from_prompt
from xlard.rewards import critique_from_detections

PROMPT = "three circles"


class FakeSampler:
    """Latents hold the number of circles that the picture will show: a script, by order of the attempts."""

    def __init__(self, script: list[int]):
        self.script, self.resumed, self.predicted, self.drawn = list(script), [], [], []

    def context(self, rows):
        return torch.zeros(len(rows), 1, 1)

    def generate(self, rows, seeds, guidance=None):
        latents = torch.full((len(rows), 1, 1, 1), float(self.script.pop(0)))
        if guidance:
            (stop,) = guidance.stop_at
            self.drawn.append((stop, guidance.apply(latents, stop, stop)[0].item()))
        else:
            self.drawn.append(None)
        return latents

    def predict(self, latents, noise_level, rows, seeds):
        self.predicted.append(list(seeds))
        return torch.tensor([float(seed % 97) for seed in seeds]).view(-1, 1, 1, 1)

    def resume(self, latents, noise_level, rows, seeds, guidance=None, regions=None):
        if guidance:
            self.guided = [guidance.apply(latents, level) for level in (0.9, 0.5)]
        self.resumed.append((latents.clone(), noise_level, list(rows), list(seeds)))
        return torch.full((len(rows), 1, 1, 1), float(self.script.pop(0)))

    def nfe(self, noise_level=1.0):
        return round(20 * noise_level)


class FakeDecoder:
    def decode(self, latents):
        # A picture that is black all over would be none.
        return latents.view(-1, 1, 1, 1).expand(-1, 8, 8, 3).clamp_min(0.01)


class FakeJudge:
    def judge(self, images, claims):
        return [
            critique_from_detections(own, [Detection(0, 0, 4, 4, "circle")] * int(image[0, 0, 0]), 8)
            for image, own in zip(images, claims)
        ]


class SeedHead:
    """Promises more for a higher latent, so that the pick is known."""

    config = HeadConfig(1, 1, "a fake", noise_level_range=(0.0, 0.8))

    def __call__(self, latents, context, noise_level):
        rewards = (latents.flatten(1)[:, :1] / 100).expand(-1, len(ASPECTS))
        return RewardPrediction(rewards, rewards * 0 + 0.1, rewards[..., None, None], ASPECTS, rewards[:, None])


class OneMore:
    """Corrects every value by one."""

    config = CorrectorConfig(1, 1, "a fake", noise_level_range=(0.8, 1.0))

    def __call__(self, latents, context, noise_level):
        return torch.ones_like(latents)


def engine(script: list[int], pictures: int = 1, **models) -> Engine:
    return Engine(
        FakeSampler(script),
        FakeDecoder(),
        FakeJudge(),
        [PROMPT] * pictures,
        [claims_from_prompt(PROMPT)] * pictures,
        list(range(pictures)),
        **models,
    )
