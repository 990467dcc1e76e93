"""What every world offers, and how command lines find one."""

from __future__ import annotations

import random

import pytest

from xlard.prompts import claims_from_prompt
from xlard.worlds.prompts import SPLITS, Prompt, WorldPrompts
from xlard.worlds.registry import DEFAULT_WORLD, load_world
from xlard.worlds.world import World


@pytest.fixture(scope="module")
def world() -> World:
    return load_world(DEFAULT_WORLD)


def test_an_unknown_world_is_refused_with_the_list() -> None:
    with pytest.raises(ValueError, match="There is no world 'atlantis'; there are things, shapes"):
        load_world("atlantis")


def test_what_a_world_renders_is_right_by_its_checker(world: World) -> None:
    prompts = [prompt.text for prompt in world.prompts.sample_prompts("test", 20, random.Random(0))]
    images = world.render(prompts, 1)
    assert images.shape == (20, world.side, world.side, 3)
    claims = [claims_from_prompt(prompt) for prompt in prompts]
    critiques = world.checker.judge(images, claims)
    assert sum(critique.passed for critique in critiques) >= 19
    assert critiques[0] == world.checker.check(images[0], claims[0])
    objects = [detection for image in images for detection in world.checker.detect(image)]
    assert all(detection.noun in world.nouns for detection in objects)
    assert all(detection.color in world.colors_of(detection.noun) for detection in objects)


def test_the_models_are_where_nodes_load_them_from(world: World) -> None:
    assert (world.pipeline / "model_index.json").is_file() and (world.critic_folder / "config.json").is_file()
    assert world.head_file.is_file() and world.corrector_file.is_file()


@pytest.mark.model
def test_latents_are_as_large_as_the_world_says(world: World) -> None:
    sampler = world.sampler(["a red circle"], steps=1)
    latents = sampler.generate([0], [0])
    assert latents.shape == (1, *world.latent_size)
    assert world.decoder.decode(latents).shape == (1, world.side, world.side, 3)
    assert world.head().config.latent_channels == world.corrector().config.latent_channels == world.latent_size[0]


def test_a_prompt_has_one_split_and_samples_keep_to_it() -> None:
    texts = [f"{number} {noun}" for noun in ("cats", "dogs") for number in range(500)]
    prompts = WorldPrompts(
        lambda: [Prompt(text, text.split()[1], text) for text in texts], {"cats": 0.25, "dogs": 0.75}
    )
    assert prompts.tasks == ("cats", "dogs")
    assert sum(len(prompts.of_split(split)) for split in SPLITS) == len(texts)
    chosen = prompts.evaluation_prompts("test", 40)
    assert [prompt.task for prompt in chosen] == ["cats"] * 10 + ["dogs"] * 30 and len(set(chosen)) == 40
    assert {prompt.split for prompt in chosen} == {"test"}
    drawn = prompts.sample_prompts("critic", 400, random.Random(0))
    assert {prompt.split for prompt in drawn} == {"critic"}
    assert 60 < sum(prompt.task == "cats" for prompt in drawn) < 140
    assert (prompts.task_of("7 dogs"), prompts.task_of("a bird")) == ("dogs", "other")


@pytest.mark.parametrize(
    ("split", "task", "message"), [("exam", None, "no split 'exam'"), ("test", "cows", "no task 'cows'")]
)
def test_unknown_splits_and_tasks_are_refused_by_name(split: str, task: str | None, message: str) -> None:
    prompts = WorldPrompts(lambda: [Prompt("a cat", "cats", "a cat")], {"cats": 1.0})
    with pytest.raises(ValueError, match=message):
        prompts.of_split(split, task)
