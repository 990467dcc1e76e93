"""The seams between the library and what runs it: ComfyUI, a diffusers pipeline or a plain script.

Latents are in the space that the VAE decodes. ``rows`` are indices of the pictures of a batch, so that an
implementation finds each picture's conditioning. ``noise_level`` is the noise level in [0, 1]: 1 is pure noise; a
variance-exploding noise_level s is the level s / (1 + s).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from torch import Tensor

from .claims import Claim
from .critique import Critique

X0Guidance = Callable[[Tensor, float], Tensor]
"""Given the model's x0 predictions (B, C, h, w) of the rows at a noise level in [0, 1], returns those to go on from.

It is called each time that the model is, which second-order samplers do several times in a step.
"""


@dataclass(frozen=True)
class SingleStepGuidance:
    """A steer that acts once: sampling stops at the step nearest to ``noise_level``, and goes on from what ``steer``
    makes of the x0 prediction there, under the same noise. That takes one model call more. ``along`` is a steer at all
    steps, before and after.

    At a ``noise_level`` of 1 it is the noise that is moved, see ``steering.moved_noise``, by what is added to the x0
    prediction before the first step. ``noise`` is a steer that does so beside one that acts later."""

    noise_level: float
    steer: X0Guidance
    along: X0Guidance | None = None
    noise: X0Guidance | None = None

    @property
    def stops(self) -> bool:
        """Whether sampling stops on its way."""
        return self.noise_level < 1

    @property
    def at_noise(self) -> X0Guidance | None:
        """What moves the noise, if anything does."""
        return self.noise if self.stops else self.steer

    @property
    def calls(self) -> int:
        """The model calls that it takes."""
        return self.stops + (self.at_noise is not None)


class Judge(Protocol):
    """Whatever judges pictures against claims."""

    def judge(self, images: Tensor, claims: Sequence[Sequence[Claim]]) -> list[Critique]:
        """Judge images (B, H, W, 3) in [0, 1], each against its own claims."""


class Critic(Judge, Protocol):
    """An MLLM that judges. What a model or a server cannot do raises ``critics.backend.CannotDo``."""

    def ask(self, image: Tensor | None, question: str) -> str:
        """The answer to a question about an image (H, W, 3) in [0, 1], or about none."""

    def score_yes(self, image: Tensor, question: str) -> float | None:
        """P(yes) in [0, 1] of a yes/no question about an image (H, W, 3) in [0, 1]; None if it says neither."""

    def log_likelihood(self, image: Tensor, prompt: str) -> float:
        """Mean log-likelihood per token, at most 0, of a prompt given an image (H, W, 3) in [0, 1]."""


class Decoder(Protocol):
    """Turns latents into pictures."""

    def decode(self, latents: Tensor) -> Tensor:
        """Decode latents (B, C, h, w) to images (B, H, W, 3) in [0, 1]."""


class Sampler(Protocol):
    """A diffusion model with its sampler, schedule, guidance and conditioning, that can start at any noise_level."""

    def context(self, rows: Sequence[int]) -> Tensor:
        """The prompt embeddings of the rows, (B, L, D)."""

    def generate(
        self, rows: Sequence[int], seeds: Sequence[int], steer: X0Guidance | SingleStepGuidance | None = None
    ) -> Tensor:
        """Sample from pure noise, steered or not; returns latents (B, C, h, w)."""

    def predict(self, latents: Tensor, noise_level: float, rows: Sequence[int], seeds: Sequence[int]) -> Tensor:
        """Renoise latents to ``noise_level`` with each seed's noise and return the model's x0 prediction: one call."""

    def resume(
        self,
        latents: Tensor,
        noise_level: float,
        rows: Sequence[int],
        seeds: Sequence[int],
        steer: X0Guidance | None = None,
        regions: Tensor | None = None,
    ) -> Tensor:
        """Renoise latents to ``noise_level`` with each seed's noise and sample from there to the end, steered or not.

        ``regions`` (B, h, w) are true where latents are drawn anew; elsewhere they come back as they were, to the last
        bit."""

    def with_prompt(self, prompt: str) -> Sampler:
        """The same sampler with every row's prompt replaced by another one, and all else that guides it kept."""

    def calls(self, noise_level: float = 1.0) -> int:
        """Model calls (NFE) per picture from ``noise_level`` to the end; guidance counts as part of its call."""
