"""The seams between the library and what runs it: ComfyUI, a diffusers pipeline or a plain script.

Latents are in the space that the VAE decodes. ``rows`` are indices of the pictures of a batch, so that an
implementation finds each picture's conditioning. ``noise_level`` is a position in [0, 1] between a picture, 0, and
pure noise, 1: the share of noise beside latents of the size that the model works on. A flow's sigma is this share; a
variance-exploding sigma s, beside latents of standard deviation d, is the level s / (d + s), with d = 1 but for EDM
models (0.5).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol, runtime_checkable

from torch import Tensor

from .claims import Claim
from .critique import Critique
from .guidance.base import X0Guidance
from .models.corrector import Corrector
from .models.head import Head

__all__ = [
    "Corrector",
    "Critic",
    "CropSampler",
    "CropTerms",
    "Decoder",
    "Editor",
    "Encoder",
    "Filler",
    "Head",
    "Judge",
    "MaskedSampler",
    "Rewriter",
    "Sampler",
    "StagedSampler",
    "Window",
]


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


class Encoder(Protocol):
    """Turns pictures into latents."""

    def encode(self, images: Tensor) -> Tensor:
        """Encode images (B, H, W, 3) in [0, 1] to latents (B, C, h, w)."""


class Rewriter(Protocol):
    """A ``critics.rewrite.PromptRewriter``, or what asks one."""

    def __call__(self, prompt: str, critique: Critique, tried: Sequence[str] = ()) -> str | None:
        """Another wording of the prompt than its own and those tried, or None."""


class Sampler(Protocol):
    """A diffusion model with its sampler, schedule, guidance and conditioning, that can start at any noise level."""

    def context(self, rows: Sequence[int]) -> Tensor:
        """The prompt embeddings of the rows, (B, L, D)."""

    def generate(self, rows: Sequence[int], seeds: Sequence[int], guidance: X0Guidance | None = None) -> Tensor:
        """Sample from pure noise, with x0 guidance or without; returns latents (B, C, h, w)."""

    def predict(self, latents: Tensor, noise_level: float, rows: Sequence[int], seeds: Sequence[int]) -> Tensor:
        """Renoise latents to ``noise_level`` with each seed's noise and return the model's x0 prediction: one call."""

    def resume(
        self,
        latents: Tensor,
        noise_level: float,
        rows: Sequence[int],
        seeds: Sequence[int],
        guidance: X0Guidance | None = None,
        regions: Tensor | None = None,
    ) -> Tensor:
        """Renoise latents to ``noise_level`` with each seed's noise and sample from there to the end.

        ``regions`` (B, h, w) are true where latents are redrawn; elsewhere they come back as they were, to the last
        bit. As numbers they are the noise levels from which cells are redrawn, 0 for those that stay: until sampling
        has come down to its level, a cell is what it was, with the noise of the step.
        """

    def with_prompt(self, prompt: str) -> Sampler:
        """The same sampler with every row's prompt replaced by another one, and all else that guides it kept."""

    def nfe(self, noise_level: float = 1.0) -> int:
        """Model calls (NFE) per picture from ``noise_level`` to the end; guidance counts as part of its call."""


@runtime_checkable
class StagedSampler(Sampler, Protocol):
    """A sampler whose fresh draws can be looked at on their way, and gone on with or not."""

    @property
    def staged(self) -> bool:
        """Whether its draws can be stopped: not where a noise mask keeps a part of them."""

    def begin(
        self, rows: Sequence[int], seeds: Sequence[int], noise_level: float, guidance: X0Guidance | None = None
    ) -> Tensor:
        """Sample from pure noise through the step nearest to ``noise_level``; what ``finish`` goes on from."""

    def finish(
        self,
        begun: Tensor,
        noise_level: float,
        rows: Sequence[int],
        seeds: Sequence[int],
        guidance: X0Guidance | None = None,
    ) -> Tensor:
        """Sample to the end what was begun with the same arguments; latents (B, C, h, w).

        For samplers whose steps do not look back the picture is that of ``generate``.
        """

    def begin_nfe(self, noise_level: float) -> int:
        """Model calls per picture of ``begin``; those of ``finish`` are the others of a whole draw."""


class Window(NamedTuple):
    """A part of a picture: where it begins and how large it is, in shares of the picture's height and width."""

    top: float
    left: float
    height: float
    width: float


@dataclass(frozen=True, eq=False)
class CropTerms:
    """On what terms a sampler draws parts of a picture.

    ``takes_prompts``: they may have prompts of their own. ``area`` (h, w) in [0, 1] is how much each cell of the
    picture's latent may change, None: all of it.
    """

    takes_prompts: bool
    area: Tensor | None = None


@runtime_checkable
class CropSampler(Sampler, Protocol):
    """A sampler that also draws parts of its pictures, enlarged."""

    def crop_terms(self, row: int) -> CropTerms | None:
        """On what terms parts of a row's picture can be drawn; None where they cannot."""

    def cropped(
        self,
        rows: Sequence[int],
        windows: Sequence[Window],
        size: tuple[int, int],
        prompt: str | None = None,
        avoid: str = "",
    ) -> Sampler:
        """A sampler of one part of each row's picture, its rows in this order, at latents of ``size`` (height, width).

        ``prompt`` stands in the place of every row's, unless it is None, and ``avoid`` is added to what is avoided.
        """


@runtime_checkable
class MaskedSampler(Sampler, Protocol):
    """A sampler that keeps parts of its pictures as they were given to it."""

    def area(self, row: int) -> Tensor | None:
        """How much of each cell (h, w) of a row's latent may change, in [0, 1]; None: all of it."""


@runtime_checkable
class Editor(Protocol):
    """Changes pictures by instructions."""

    def edit(self, images: Tensor, instructions: Sequence[str], seeds: Sequence[int]) -> Tensor:
        """Images (B, H, W, 3) in [0, 1], of the same size, of which each is changed by its own instruction."""

    def nfe(self) -> int:
        """Model calls (NFE) that one picture costs."""


@runtime_checkable
class Filler(Protocol):
    """Redraws holes in pictures, so that they fit what is around them."""

    def fill(
        self, images: Tensor, holes: Tensor, prompts: Sequence[str], avoided: Sequence[str], seeds: Sequence[int]
    ) -> Tensor:
        """Images (B, H, W, 3) in [0, 1], of the same size, of which each is redrawn where its hole is 1.

        ``holes`` (B, H, W) are 0 and 1. A hole shows what its prompt says, and nothing of what is ``avoided``, which
        may be empty. What comes back outside of holes is not used.
        """

    def nfe(self) -> int:
        """Model calls (NFE) that one picture costs."""
