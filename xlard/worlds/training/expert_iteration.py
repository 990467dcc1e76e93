"""Expert iteration: correct, resume sampling, let the critic judge, and learn from what passed; again and again.

The expert is the corrector itself, varied by noise and filtered by the critic: the residual learns the way from a
prediction to the finished latents that passed. Rejection sampling on the corrector's own outcomes, as ReST and RAFT do
it on a generator's."""

from __future__ import annotations

import copy
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from ...models.corrector import CorrectorConfig, LatentCorrector, project
from ...training.records import pick
from .rollouts import Draw

_UNBOUND = 1e3


@dataclass(frozen=True)
class ExpertSettings:
    """``rollouts`` are drawn at once, with noise of ``deviation`` relative to the channels' spread on the residual;
    ``rounds`` losses follow, on batches out of the last ``memory`` pairs that passed."""

    rollouts: int = 64
    rounds: int = 16
    batch: int = 64
    deviation: float = 0.1
    memory: int = 4096


class Expert:
    """Training on what passed. Raises ValueError where nothing passes in the first ``PATIENCE`` rollouts."""

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
        # The trust region bounds what is done; what is learnt has to see where it should have gone.
        self.module = LatentCorrector(replace(config, trust_region=_UNBOUND)).to(device)
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
                    "Nothing that the corrector draws passes, so that there is nothing to learn from. Begin with a "
                    "corrector that was trained by another way."
                )
            self._left = self.settings.rounds
        self._left -= 1
        rows = pick(torch.arange(len(self._pairs)), self.settings.batch, generator).tolist()
        latents, context, noise_level, wanted = (torch.stack(part) for part in zip(*(self._pairs[row] for row in rows)))
        residual = self.module(latents, context, noise_level)
        return ((residual - (wanted - latents)) / self.module.body.spread[:, None, None]).square().mean()

    @torch.no_grad()
    def _play(self, generator: torch.Generator) -> None:
        found = self.situations(self.settings.rollouts, generator)
        residual = self.module(found.latents, found.context, found.noise_level)
        noise = torch.randn(residual.shape, generator=generator).to(residual)
        residual = residual + noise * self.settings.deviation * self.module.body.spread[:, None, None]
        outcome = found.play(found.latents + project(residual, found.latents, self._config.trust_region))
        passed = (outcome.rewards >= 1).nonzero().flatten().tolist()
        self.passed.append(len(passed) / len(outcome.rewards))
        final = outcome.latents.to(found.latents)
        self._pairs += [(found.latents[row], found.context[row], found.noise_level[row], final[row]) for row in passed]
        self._pairs = self._pairs[-self.settings.memory :]

    def corrector(self, module: nn.Module) -> LatentCorrector:
        """The module itself, bound to its trust region."""
        corrector = copy.deepcopy(module).eval()
        corrector.config = self._config
        return corrector
