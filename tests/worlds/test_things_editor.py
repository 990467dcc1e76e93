"""The bundled edit model of the things world: it does what it is told, and keeps what it is not told to change."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from xlard.worlds.sampling import generate
from xlard.worlds.things.world import ThingsWorld

pytestmark = pytest.mark.model

PROMPT, NUMBER = "a red apple", 8

ADD = "add another red apple; keep everything else as it is"


@pytest.fixture(scope="module")
def world() -> ThingsWorld:
    return ThingsWorld()


@pytest.fixture(scope="module")
def pictures(world: ThingsWorld) -> Tensor:
    """Pictures (B, H, W, 3) on which the checker finds one red apple."""
    with torch.inference_mode():
        images = world.decoder.decode(generate(world.sampler([PROMPT] * NUMBER), range(NUMBER)))
        right = [_labels(world, image) == ["red apple"] for image in images]
    assert sum(right) >= 4
    return images[right]


def _labels(world: ThingsWorld, image: Tensor) -> list[str]:
    return sorted(thing.label for thing in world.checker.detect(image))


def edited(world: ThingsWorld, pictures: Tensor, instruction: str) -> Tensor:
    with torch.inference_mode():
        return world.editor().edit(pictures, [instruction] * len(pictures), range(len(pictures)))


def test_it_adds_what_it_is_told_to(world, pictures) -> None:
    images = edited(world, pictures, ADD)
    assert images.shape == pictures.shape
    assert sum(_labels(world, image) == ["red apple"] * 2 for image in images) >= len(images) / 2


def test_it_removes_what_it_added(world, pictures) -> None:
    two = edited(world, pictures, ADD)
    two = two[[_labels(world, image) == ["red apple"] * 2 for image in two]]
    one = edited(world, two, "remove one of the two red apples; keep everything else as it is")
    assert sum(_labels(world, image) == ["red apple"] for image in one) >= len(one) / 2


def test_what_is_to_stay_stays(world, pictures) -> None:
    kept = edited(world, pictures, "keep the red apple and everything else as they are")
    others = pictures.roll(1, 0)
    assert (kept - pictures).abs().mean() < 0.3 * (others - pictures).abs().mean()
    assert sum(_labels(world, image) == ["red apple"] for image in kept) >= len(kept) - 1
