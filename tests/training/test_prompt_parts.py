"""The parts of a prompt as targets of a head's training: which object matches which phrase, how many, where."""

from __future__ import annotations

import random

import pytest
import torch

from tests.support.toy_training import fit
from xlard.aspects import ASPECTS
from xlard.detections import Detection
from xlard.models.head import RewardPrediction
from xlard.training.cells import Cells
from xlard.training.prompt_parts import MOST_PHRASES, PromptParts, number_targets, phrase_targets, relation_targets
from xlard.worlds.shapes.render import render
from xlard.worlds.shapes.scenes import scene_of
from xlard.worlds.shapes.world import ShapesWorld

PROMPT = "two red circles left of a blue square"
SIDE = 40.0
CELLS = Cells(4, 4, SIDE)


def at(column: int, row: int, color: str, noun: str) -> Detection:
    """An object in the middle of a cell of the 4 x 4 map."""
    return Detection(10.0 * column + 2, 10.0 * row + 2, 6.0, 6.0, noun, color)


CIRCLE, OTHER, SQUARE, GREEN = (
    at(0, 1, "red", "circle"),
    at(1, 3, "red", "circle"),
    at(3, 1, "blue", "square"),
    at(2, 0, "green", "square"),
)


def test_cells_hold_the_phrase_that_their_object_answers_to() -> None:
    (targets,) = phrase_targets([PROMPT], [[CIRCLE, OTHER, SQUARE, GREEN]], CELLS).view(1, 4, 4)
    assert (targets[1, 0], targets[3, 1], targets[1, 3], targets[0, 2]) == (1, 1, 2, 0)
    assert (targets == -100).sum() == 12


def test_numbers_are_what_each_phrase_asks_for_and_finds() -> None:
    (targets,) = number_targets([PROMPT], [[CIRCLE, SQUARE, GREEN]]).view(1, 2, MOST_PHRASES).expm1()
    assert torch.allclose(targets[:, :2], torch.tensor([[2.0, 1.0], [1.0, 1.0]])) and targets[:, 2:].isnan().all()


def test_a_relation_has_a_direction_a_way_and_an_outcome() -> None:
    prompts = [PROMPT, PROMPT, "two red circles"]
    directions, offsets, holds = relation_targets(
        prompts, [[CIRCLE, SQUARE], [at(3, 0, "red", "circle"), at(0, 0, "blue", "square")], [CIRCLE]], CELLS, SIDE
    )
    assert directions[0] == directions[1] >= 0 and directions[2] == -100
    # Four times the offset in sides of the picture: three of four cells to the right.
    assert torch.allclose(offsets[0, 4], torch.tensor([3.0, 0.0])) and torch.allclose(
        offsets[1, 3], torch.tensor([-3.0, 0.0])
    )
    assert offsets[2].isnan().all() and (~offsets[:2].isnan()).sum() == 4
    assert holds[0, [4, 7]].tolist() == [1, 1] and holds[1, [3, 0]].tolist() == [0, 0]
    assert (~holds.isnan()).sum() == 4


def test_a_missing_thing_leaves_no_way_and_fails_what_is_there() -> None:
    _, offsets, holds = relation_targets([PROMPT], [[CIRCLE]], CELLS, SIDE)
    assert offsets.isnan().all() and holds[0, 4] == 0 and (~holds.isnan()).sum() == 1


def test_each_part_can_be_learnt_from_tokens_that_tell_it() -> None:
    records = SeenRecords()
    torch.manual_seed(0)
    tokens = torch.nn.Parameter(torch.randn(2, 16, 32))
    maps = torch.nn.Parameter(torch.zeros(2, len(ASPECTS), 4, 4))
    parts = PromptParts(32)
    module = torch.nn.ParameterList([tokens, maps, *parts.parameters()])

    def loss(generator: torch.Generator) -> torch.Tensor:
        return parts.loss(RewardPrediction(torch.zeros(2), torch.zeros(2), maps, ASPECTS, tokens), records)

    losses = fit(module, loss, 400)
    assert losses[-1] < 0.1 < 1 < losses[0]
    position = maps[:, ASPECTS.index("position")].flatten(1).detach()
    assert position[0, 4] > 1 and position[1, 3] < -1 and not position[0, 15]


def test_a_prompt_without_parts_costs_nothing() -> None:
    records = SeenRecords()
    records.prompts, records.seen = ["in a dreamy mood"], [[]]
    tokens, maps = torch.randn(1, 16, 32), torch.zeros(1, len(ASPECTS), 4, 4)
    assert PromptParts(32).loss(RewardPrediction(torch.zeros(1), torch.zeros(1), maps, ASPECTS, tokens), records) == 0


class SeenRecords:
    """As much of records as the parts need: one picture that keeps to its relation, and one that does not."""

    def __init__(self):
        self.prompts, self.side = [PROMPT, PROMPT], SIDE
        self.seen = [[CIRCLE, SQUARE], [at(3, 0, "red", "circle"), at(0, 0, "blue", "square")]]


@pytest.fixture(scope="module")
def world() -> ShapesWorld:
    return ShapesWorld()


@pytest.mark.model
@pytest.mark.parametrize("direction, opposite", [("left of", "right of"), ("above", "below")])
def test_the_shipped_head_reads_what_stands_where(world: ShapesWorld, direction: str, opposite: str) -> None:
    rng, number = random.Random(5), 24
    prompts = [f"a red circle {direction} a blue square", f"a red circle {opposite} a blue square"]
    scenes = [scene_of(prompt, rng) for prompt in prompts for _ in range(number)]
    with torch.no_grad():
        latents = world.decoder.autoencoder.encode(render(scenes) * 2 - 1).latents
    head, contexts = world.head(), world.sampler(prompts).context([0, 1])
    of_scene, of_opposite = (contexts[order].repeat_interleave(number, dim=0) for order in ([0, 1], [1, 0]))
    column = ASPECTS.index("position")
    true, false = (
        head(latents, context, torch.zeros(2 * number)).rewards[:, column] for context in (of_scene, of_opposite)
    )
    assert (true > false).float().mean() > 0.8
