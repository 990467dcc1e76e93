"""Repair pairs of collected pictures, by their own prompts and by others: redrawn, judged, and left out where they
fail.
"""

from __future__ import annotations

from collections.abc import Sequence

import pytest
import torch

from tests.support.latent_scenes import SIDE, box, drawn, seen
from xlard.detections import Detection
from xlard.loop.strategies import REARRANGE_NOISE_LEVEL
from xlard.rewards import critique_from_detections
from xlard.training.collect import CollectSettings, collect
from xlard.training.dataset import Dataset, Source

OWN, OTHER, CELLS = "one red circle", "three red circles", 4
PLACES = ((0, 0), (4, 4), (8, 8), (0, 8), (8, 0))


class Circles:
    """A generator whose seeds are numbers of red circles; decoder and judge of its pictures.

    It forgets what it is to redraw where ``forgets``. Its judge sees the ``ground``, too.
    """

    def __init__(self, forgets: bool = False, ground: Sequence[Detection] = ()):
        self.forgets, self.ground, self.resumed = forgets, ground, []

    def context(self, rows):
        return torch.zeros(len(rows), 4, 3)

    def generate(self, rows, seeds, guidance=None):
        latents = torch.stack([drawn([box("red circle", *place) for place in PLACES[:seed]]) for seed in seeds])
        guidance.apply(latents, 0.6)
        return latents

    def predict(self, latents, noise_level, rows, seeds):
        return latents

    def resume(self, latents, noise_level, rows, seeds, guidance=None, regions=None):
        assert noise_level == REARRANGE_NOISE_LEVEL and regions.any()
        self.resumed.append(list(rows))
        return torch.zeros_like(latents) if self.forgets else latents

    def decode(self, latents):
        return latents[:, :1].repeat_interleave(8, 2).repeat_interleave(8, 3).movedim(1, -1).expand(-1, -1, -1, 3)

    def judge(self, images, claims):
        numbers = [(image[::8, ::8, 0] > 0.9).sum().item() // CELLS for image in images]
        objects = [[box("red circle", *place) for place in PLACES[:number]] for number in numbers]
        return [critique_from_detections(own, [*self.ground, *found], SIDE) for own, found in zip(claims, objects)]


def collected(folder, world: Circles) -> Dataset:
    """A picture of one circle and one of two, each also read with a prompt that asks for three."""
    dataset = Dataset.open(folder, Source("a test", "", 4, 3))
    settings = CollectSettings(
        levels=(0.6,),
        views=2,
        view_levels=(0.6,),
        other_prompt_share=1.0,
        other_prompt=lambda prompt, objects, rng: OTHER,
        repair_pairs=True,
        repair_views=True,
    )
    collect(dataset, [[(OWN, 1), (OWN, 2)]], lambda prompts: world, world, world, settings)
    return Dataset.load(folder)


@pytest.mark.parametrize("ground", [(), (Detection(0, 0, SIDE, SIDE, "wall"),)], ids=["nothing", "a wall"])
def test_pictures_are_repaired_by_their_own_prompt_and_by_others(tmp_path, ground) -> None:
    world = Circles(ground=ground)
    records = collected(tmp_path, world).records()
    wanted = {OWN: 1, OTHER: 3}
    for row, prompt in enumerate(records.prompts):
        circles = seen(records.finals[records.pictures[row]])["red circle"] // CELLS
        assert records.repaired[row] == (circles != wanted[prompt]), (prompt, circles)
        if records.repaired[row]:
            repair = records.repairs[records.repair_index[row]]
            assert seen(repair)["red circle"] == CELLS * wanted[prompt]
    # One by its own prompt, in its own row; both by the other one.
    assert world.resumed == [[1], [0, 1]] and len(records.repairs) == 3
    assert not records.passed[records.repaired].any()


def test_a_repair_that_the_critic_does_not_pass_is_left_out(tmp_path) -> None:
    records = collected(tmp_path, Circles(forgets=True)).records()
    assert not records.repaired.any() and not len(records.repairs)
