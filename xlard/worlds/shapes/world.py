"""The shapes world as one object, outside ComfyUI."""

from __future__ import annotations

import random
from collections.abc import Sequence

from torch import Tensor

from ...detections import Detection
from ..bundled import BundledWorld
from ..world import Checker
from .architecture import BASE_MODEL, CONTEXT_WIDTH, DETECTOR_THRESHOLD, LATENT_CHANNELS, LATENT_SIDE, WEIGHTS
from .checker import ShapesChecker
from .critic_model import DESIGN
from .prompts import PROMPTS
from .render import render
from .scenes import scene_of
from .vocabulary import COLOR_NAMES, MAX_OBJECTS, SHAPES, SIDE

STEPS = 20
GUIDANCE_SCALE = 4.0


class ShapesWorld(BundledWorld):
    """``worlds.world.World`` of flat shapes on grey, with the models of a weights folder (bundled: None)."""

    name = "shapes"
    title = "The shapes world"
    base_model = BASE_MODEL
    side = SIDE
    latent_size = (LATENT_CHANNELS, LATENT_SIDE, LATENT_SIDE)
    context_width = CONTEXT_WIDTH
    weights = WEIGHTS
    steps = STEPS
    guidance_scale = GUIDANCE_SCALE
    detector_threshold = DETECTOR_THRESHOLD
    nouns: tuple[str, ...] = SHAPES
    max_objects = MAX_OBJECTS
    places: tuple[str, ...] = ()
    critic_design = DESIGN
    prompts = PROMPTS
    checker: Checker = ShapesChecker()

    def colors_of(self, noun: str) -> tuple[str, ...]:
        """The colours in which prompts ask for an object: all of them."""
        return COLOR_NAMES

    def annotation(self, images: Tensor) -> list[list[Detection]]:
        """The objects of each image (H, W, 3) in [0, 1], as the checker sees them."""
        return [self.checker.detect(image) for image in images]

    def render(self, prompts: Sequence[str], seed: int = 0) -> Tensor:
        """Pictures (B, H, W, 3) in [0, 1] in which every claim of their prompts holds.

        Raises ValueError for a prompt that the world cannot draw.
        """
        rng = random.Random(seed)
        return render([scene_of(prompt, rng) for prompt in prompts], seed).permute(0, 2, 3, 1)
