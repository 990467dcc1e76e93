"""The things world as one object, outside ComfyUI."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ...claims import Claim
from ...critique import Verdict
from ...detections import Detection
from ..bundled import BundledWorld
from .architecture import BASE_MODEL, CONTEXT_WIDTH, LATENT_SIDE, WEIGHTS
from .autoencoder import LATENT_CHANNELS
from .checker import ThingsChecker
from .critic_model import DESIGN
from .icons import load_icons
from .judging import verdict, whole_place
from .prompts import PROMPTS
from .render import render_scene
from .scenes import scene_of
from .vocabulary import CLASSES, COLORED_CLASSES, COLORS, MAX_OBJECTS, PLACES, SIDE

ICONS = Path("runs/things/icons")
"""Where the icons are kept that renders need. No other part of the world needs them."""

STEPS = 20
GUIDANCE_SCALE = 2.0

EDIT_STEPS, EDIT_GUIDANCE = 10, 2.0
"""Of the edit model, chosen on validation pictures (README.md)."""

FURTHER_LOOKS = 1
"""Of the critic at what passes, chosen on validation prompts (README.md)."""


class ThingsWorld(BundledWorld):
    """``worlds.world.World`` of real-looking objects, with the models of a weights folder (bundled: None)."""

    name = "things"
    title = "The things world"
    base_model = BASE_MODEL
    side = SIDE
    latent_size = (LATENT_CHANNELS, LATENT_SIDE, LATENT_SIDE)
    context_width = CONTEXT_WIDTH
    weights = WEIGHTS
    steps = STEPS
    guidance_scale = GUIDANCE_SCALE
    further_looks = FURTHER_LOOKS
    edit_steps = EDIT_STEPS
    edit_guidance = (EDIT_GUIDANCE, 1.0)
    nouns: tuple[str, ...] = CLASSES
    max_objects = MAX_OBJECTS
    places = tuple(PLACES.values())
    critic_design = DESIGN
    prompts = PROMPTS

    @property
    def checker_file(self) -> Path:
        """The file of the checker's detector."""
        return self.folder / "checker.safetensors"

    @cached_property
    def checker(self) -> ThingsChecker:
        """The checker, a detector of its own."""
        return ThingsChecker(self.checker_file, self.device)

    def colors_of(self, noun: str) -> tuple[str, ...]:
        """The colours in which prompts ask for an object; none for one that looks as it is."""
        return COLORS if noun in COLORED_CLASSES else ()

    def judge(self, claim: Claim, objects: Sequence[Detection]) -> Verdict:
        """Whether a claim holds of a picture's annotated objects, one of which is the place."""
        return verdict(claim, objects)

    def annotation(self, images: Tensor) -> list[list[Detection]]:
        """The objects of each image (H, W, 3) in [0, 1], and its place, as the checker sees them."""
        return [[*sight.objects, whole_place(sight.place)] for sight in self.checker.see(images)]

    def render(self, prompts: Sequence[str], seed: int = 0) -> Tensor:
        """Pictures (B, H, W, 3) in [0, 1] in which every claim of their prompts holds.

        Raises ValueError for a prompt that the world cannot draw, RuntimeError where the icons cannot be downloaded.
        """
        icons, rng = load_icons(ICONS), np.random.default_rng(seed)
        pictures = [render_scene(scene_of(prompt, rng), icons, rng) for prompt in prompts]
        return torch.from_numpy(np.stack(pictures)).float() / 255
