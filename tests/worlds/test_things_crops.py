"""Crops that the things world's autoencoder learns from, and the measure of its reconstructions."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from torch import Tensor

from xlard.worlds.things.training.reconstruction import crops, evaluate
from xlard.worlds.things.training.renders import Renders
from xlard.worlds.things.vocabulary import MAX_OBJECTS, SIDE


@pytest.fixture(scope="module")
def renders() -> Renders:
    rng = np.random.default_rng(0)
    pictures = rng.integers(0, 255, (4, 4, 4, 3), dtype=np.uint8).repeat(SIDE // 4, axis=1).repeat(SIDE // 4, axis=2)
    boxes = np.full((4, MAX_OBJECTS, 4), -1, np.int16)
    boxes[:3, 0] = 10, 20, 60, 90
    return Renders(pictures, boxes)


def test_crops_are_inside_the_pictures_and_follow_the_generator(renders: Renders) -> None:
    cropped = crops(renders, 6, 48, np.random.default_rng(1), 0.6)
    assert cropped.shape == (6, 48, 48, 3)
    assert np.array_equal(cropped, crops(renders, 6, 48, np.random.default_rng(1), 0.6))


def test_a_perfect_reconstruction_of_the_objects_counts_as_such(renders: Renders) -> None:
    class WrongBelow:
        def encode(self, pictures: Tensor) -> SimpleNamespace:
            return SimpleNamespace(latents=pictures)

        def decode(self, pictures: Tensor) -> SimpleNamespace:
            sample = pictures + 0.002
            sample[:, :, 100:] = 0
            return SimpleNamespace(sample=sample)

    figures = evaluate(WrongBelow(), Renders(renders.pictures[:3], renders.boxes[:3]), "cpu")
    assert figures["psnr"] < 20 < 55 < figures["psnr_objects"]
