"""What training, bench and nodes need of a world, whichever it is."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from torch import Tensor

from ..claims import Claim
from ..critics.detector.critic import DetectorCritic
from ..critics.mllm import MLLMCritic
from ..critique import Critique, Verdict
from ..detections import Detection
from ..models.corrector import LatentCorrector
from ..models.head import RewardHead
from ..protocols import Decoder, Editor, Encoder, Judge
from .critic_model import CriticDesign
from .prompts import WorldPrompts
from .sampling import FlowSampler


class Checker(Judge, Protocol):
    """Reads what a picture of a world shows. It evaluates pictures and annotates them for training; no loop sees it."""

    def detect(self, image: Tensor) -> list[Detection]:
        """The objects of an image (H, W, 3) in [0, 1], with tight boxes in pixels, largest first."""

    def check(self, image: Tensor, claims: Sequence[Claim]) -> Critique:
        """The critique of an image (H, W, 3) in [0, 1]."""


class World(Protocol):
    """A text-to-image model small enough to ship, with its renderer, prompts, checker, critic, head and corrector.

    Models load on first use, from a folder, and run on one device.
    """

    name: str
    """What ``--world`` calls it."""

    title: str
    """What people read."""

    side: int
    """Width and height of its pictures in pixels."""

    base_model: str
    """What files of its head and corrector call its generator."""

    latent_size: tuple[int, int, int]
    """Channels, height and width of its latents."""

    context_width: int
    """Channels of a token's embedding."""

    steps: int
    """Sampling steps of a picture, unless another number is asked for."""

    nouns: tuple[str, ...]
    """What its checker calls the objects that it draws."""

    max_objects: int
    """Objects that its pictures hold at most."""

    places: tuple[str, ...]
    """Wordings that name a place in its prompts: ``on grass``. None where all pictures have the same ground."""

    detector_threshold: float
    """Score from which a box of its detector counts."""

    further_looks: int
    """How often its critic looks again at what passes (see ``SecondLook``), unless it is told otherwise."""

    critic_design: CriticDesign
    """What its critic sees and says."""

    prompts: WorldPrompts
    """All of its prompts, with their tasks and splits."""

    @property
    def checker(self) -> Checker:
        """What evaluates its pictures."""

    @property
    def pipeline(self) -> Path:
        """The diffusers folder of its generator."""

    @property
    def edit_pipeline(self) -> Path:
        """The diffusers folder of its edit model; there need not be one."""

    @property
    def critic_folder(self) -> Path:
        """The transformers folder of its critic."""

    @property
    def detector_folder(self) -> Path:
        """The transformers folder of its detector; there need not be one."""

    @property
    def head_file(self) -> Path:
        """The file of its reward head."""

    @property
    def corrector_file(self) -> Path:
        """The file of its corrector."""

    @property
    def decoder(self) -> Decoder:
        """The autoencoder's decoder."""

    @property
    def encoder(self) -> Encoder:
        """The autoencoder's encoder."""

    def colors_of(self, noun: str) -> tuple[str, ...]:
        """The colours in which prompts ask for an object; none for one that looks as it is."""

    def judge(self, claim: Claim, objects: Sequence[Detection]) -> Verdict:
        """Whether a claim holds of a picture's annotated objects; a place is annotated as one of them."""

    def annotation(self, images: Tensor) -> list[list[Detection]]:
        """The objects of each image (H, W, 3) in [0, 1], and its place, as the checker sees them."""

    def render(self, prompts: Sequence[str], seed: int = 0) -> Tensor:
        """Pictures (B, H, W, 3) in [0, 1] in which every claim of their prompts holds.

        Raises ValueError for a prompt that the world cannot draw.
        """

    def sampler(self, prompts: Sequence[str], steps: int | None = None) -> FlowSampler:
        """The generator as a resumable sampler, one prompt a row."""

    def editor(self) -> Editor:
        """The edit model. Raises OSError for a world without one."""

    def critic(self, batch: int = 32) -> MLLMCritic:
        """The critic with its further looks, judging ``batch`` pictures at a time."""

    def detector(self, threshold: float | None = None) -> DetectorCritic:
        """The detector as critic; boxes count from the world's own threshold on, unless another one is given.

        Raises FileNotFoundError for a world without one.
        """

    def head(self) -> RewardHead:
        """The reward head."""

    def corrector(self) -> LatentCorrector:
        """The latent corrector."""
