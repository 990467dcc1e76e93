"""Train a corrector by PPO: correct x0 at a middle noise level, resume sampling, and use the critic's verdict on the
picture as the reward.

The policy is Gaussian around the corrector's residual. A small network is the learned baseline. Clip 0.2, as in the
paper.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import Linear

from ...models.corrector import CorrectorConfig, LatentCorrector, project
from ...models.transformer import LatentTransformer
from .rollouts import Draw, Situations


@dataclass(frozen=True)
class PpoSettings:
    """``deviation`` of the policy's noise relative to the channels' spread; each set of ``rollouts`` is used for
    ``rounds`` losses; ``clip`` of the likelihood ratio; ``anchor`` weighs |delta - delta_0|^2 / |z|^2, with delta_0 the
    residual that the policy began with.
    """

    deviation: float = 0.3
    rounds: int = 4
    clip: float = 0.2
    anchor: float = 0.5
    rollouts: int = 64


class PolicyAndBaseline(nn.Module):
    """The corrector, and a network that predicts the reward before anything is corrected."""

    def __init__(self, config: CorrectorConfig):
        super().__init__()
        self.policy = LatentCorrector(config)
        self.baseline = LatentTransformer(config.latent_channels, config.context_width, 64, 2, 4, config.patch)
        self.value = Linear(64, 1)

    def expected(self, latents: Tensor, context: Tensor, noise_level: Tensor) -> Tensor:
        """The expected reward (B,) in [0, 1]."""
        return self.value(self.baseline(latents, context, noise_level)[0].mean(dim=1)).squeeze(1).sigmoid()


class Ppo:
    """Training by rollouts; ``situations(number, generator)`` draws where to act."""

    def __init__(
        self,
        config: CorrectorConfig,
        situations: Draw,
        device: str,
        start: LatentCorrector | None = None,
        settings: PpoSettings = PpoSettings(),
    ):
        self.situations, self.device, self.settings = situations, device, settings
        self.module = PolicyAndBaseline(config).to(device)
        if start is not None:
            self.module.policy.load_state_dict(start.state_dict())
        self._beginning = copy.deepcopy(self.module.policy).requires_grad_(False)
        self._left = 0
        self._rollout: tuple[Situations, Tensor, Tensor, Tensor] | None = None
        self.mean_rewards: list[float] = []

    def loss(self, generator: torch.Generator) -> Tensor:
        """The clipped surrogate on the present rollouts; new ones are drawn after ``rounds`` losses."""
        if not self._left or self._rollout is None:
            self._rollout, self._left = self._play(generator), self.settings.rounds
        self._left -= 1
        drawn, action, old_likelihood, reward = self._rollout
        inputs = (drawn.latents, drawn.context, drawn.noise_level)
        mean, expected = self.module.policy(*inputs), self.module.expected(*inputs)
        advantage = (reward - expected).detach()
        advantage = (advantage - advantage.mean()) / advantage.std().clamp_min(1e-6)
        ratio = (self._log_likelihood(action, mean) - old_likelihood).exp()
        clipped = ratio.clamp(1 - self.settings.clip, 1 + self.settings.clip)
        distance = (mean - self._beginning(*inputs)).flatten(1).square().sum(dim=1) / drawn.latents.flatten(
            1
        ).square().sum(dim=1).clamp_min(1e-8)
        return (-torch.minimum(ratio * advantage, clipped * advantage) + self.settings.anchor * distance).mean() + (
            reward - expected
        ).square().mean()

    @torch.no_grad()
    def _play(self, generator: torch.Generator) -> tuple[Situations, Tensor, Tensor, Tensor]:
        drawn = self.situations(self.settings.rollouts, generator)
        mean = self.module.policy(drawn.latents, drawn.context, drawn.noise_level)
        noise = torch.randn(mean.shape, generator=generator).to(mean) * self._deviation()
        action = mean + noise
        reward = drawn.play(
            drawn.latents + project(action, drawn.latents, self.module.policy.config.trust_region)
        ).rewards
        self.mean_rewards.append(reward.mean().item())
        return drawn, action, self._log_likelihood(action, mean), reward.to(mean)

    def _deviation(self) -> Tensor:
        return self.settings.deviation * self.module.policy.body.spread[:, None, None]

    def _log_likelihood(self, action: Tensor, mean: Tensor) -> Tensor:
        """Per value: then the ratio of two policies does not depend on the size of the latents."""
        return -((action - mean) / self._deviation()).square().flatten(1).mean(dim=1) / 2

    def corrector(self, module: PolicyAndBaseline) -> LatentCorrector:
        """The policy's mean."""
        return copy.deepcopy(module.policy).eval()
