"""Expert iteration: correct, resume sampling, let the critic judge, learn from what passed, and repeat.

The expert is the corrector itself, varied by noise and filtered by the critic: the residual learns the step from a
prediction to the finished latents that passed. This is rejection sampling on the corrector's own outcomes, as ReST and
RAFT do it on a generator's.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ...models.corrector import CorrectorConfig, LatentCorrector, project
from ...training.objectives import UNBOUND, bound_corrector
from ...training.records import pick
from .rollouts import Draw


@dataclass(frozen=True)
class ExpertSettings:
    """``rollouts`` are drawn at once, with noise of ``deviation`` on the residual, relative to the channels' spread;
    ``rounds`` losses follow, on batches from the last ``memory`` pairs that passed.
    """

    rollouts: int = 64
    rounds: int = 16
    batch: int = 64
    deviation: float = 0.1
    memory: int = 4096


class ExpertIteration:
    """Training on what passed. Its loss raises ValueError where nothing passes in the first ``PATIENCE`` rollouts."""

    PATIENCE = 3

    def __init__(
        self,
        config: CorrectorConfig,
        situations: Draw,
        device: str,
        start: LatentCorrector | None = None,
        settings: ExpertSettings = ExpertSettings(),
    ):
        self.situations, self.device, self.settings, self._config = situations, device, settings, config
        self.module = LatentCorrector(replace(config, trust_region=UNBOUND)).to(device)
        if start is not None:
            self.module.load_state_dict(start.state_dict())
        self._pairs: list[tuple[Tensor, Tensor, Tensor, Tensor]] = []
        self._left = 0
        self.passed: list[float] = []

    def loss(self, generator: torch.Generator) -> Tensor:
        """Mean squared error to what passed, in units of the channels' spread."""
        if not self._left:
            for _ in range(self.PATIENCE):
                self._play(generator)
                if self._pairs:
                    break
            else:
                raise ValueError(
                    "Nothing that the corrector draws passes, so there is nothing to learn from. Begin with a"
                    " corrector that was trained by another objective."
                )
            self._left = self.settings.rounds
        self._left -= 1
        rows = pick(torch.arange(len(self._pairs)), self.settings.batch, generator).tolist()
        latents, context, noise_level, targets = (
            torch.stack(tensors) for tensors in zip(*(self._pairs[row] for row in rows))
        )
        residual = self.module(latents, context, noise_level)
        return ((residual - (targets - latents)) / self.module.body.spread[:, None, None]).square().mean()

    @torch.no_grad()
    def _play(self, generator: torch.Generator) -> None:
        drawn = self.situations(self.settings.rollouts, generator)
        residual = self.module(drawn.latents, drawn.context, drawn.noise_level)
        noise = torch.randn(residual.shape, generator=generator).to(residual)
        residual = residual + noise * self.settings.deviation * self.module.body.spread[:, None, None]
        outcome = drawn.play(drawn.latents + project(residual, drawn.latents, self._config.trust_region))
        passed = (outcome.rewards >= 1).nonzero().flatten().tolist()
        self.passed.append(len(passed) / len(outcome.rewards))
        finals = outcome.latents.to(drawn.latents)
        self._pairs += [(drawn.latents[row], drawn.context[row], drawn.noise_level[row], finals[row]) for row in passed]
        self._pairs = self._pairs[-self.settings.memory :]

    def corrector(self, module: LatentCorrector) -> LatentCorrector:
        """The module with its trust region."""
        return bound_corrector(module, self._config)
