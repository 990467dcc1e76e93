"""The shapes world: prompts and splits, scenes that keep their prompt, the renderer and the exact checker."""

from __future__ import annotations

import random
from collections import Counter

import pytest
import torch

from xlard.aspects import ASPECTS
from xlard.critics.boxes import THOUSANDTHS
from xlard.critics.parsing import read_detections, read_json, validated
from xlard.critics.schemas import LISTED
from xlard.detections import Detection
from xlard.prompts import claims_from_prompt, parse_prompt
from xlard.rewards import critique_from_detections
from xlard.training.records import FINAL, Records, reward_rows
from xlard.worlds.critic_model import build_processor, list_answer
from xlard.worlds.prompts import SPLITS
from xlard.worlds.shapes.checker import check, detect
from xlard.worlds.shapes.prompts import PROMPTS, TASKS
from xlard.worlds.shapes.render import pack, render, render_packed
from xlard.worlds.shapes.scenes import random_scene, scene_of
from xlard.worlds.shapes.training.boxes import annotate, varied
from xlard.worlds.shapes.vocabulary import COLOR_NAMES, MAX_OBJECTS, SHAPES, SIDE
from xlard.worlds.shapes.world import ShapesWorld
from xlard.worlds.training.conversations import Conversations
from xlard.worlds.training.lessons import TASKS as QUESTIONS
from xlard.worlds.training.lessons import Lessons
from xlard.worlds.training.relabel import allowed_prompts, relabelled
from xlard.worlds.training.statements import judged_claim


def scenes(number: int, seed: int):
    rng = random.Random(seed)
    chosen = PROMPTS.sample_prompts("test", number, rng)
    return chosen, [scene_of(prompt.text, rng) for prompt in chosen]


def test_no_prompt_is_in_two_splits_and_no_wording_leaks() -> None:
    split_of = {}
    for prompt in PROMPTS.all:
        assert split_of.setdefault(prompt.key, prompt.split) == prompt.split
    assert set(split_of.values()) == set(SPLITS)


def test_there_are_enough_test_prompts_of_every_task() -> None:
    chosen = PROMPTS.evaluation_prompts("test")
    assert len(chosen) >= 200 and len({prompt.text for prompt in chosen}) == len(chosen)
    assert {prompt.task for prompt in chosen} == set(TASKS)


@pytest.mark.parametrize("task", TASKS)
def test_every_prompt_can_be_read_and_drawn(task: str) -> None:
    for prompt in random.Random(0).sample(PROMPTS.of_split("generator", task), 8):
        phrases, _ = parse_prompt(prompt.text)
        assert sum(phrase.number for phrase in phrases) <= MAX_OBJECTS
        assert all(phrase.noun in SHAPES and phrase.color in (None, *COLOR_NAMES) for phrase in phrases)
        assert len(scene_of(prompt.text, random.Random(1))) == sum(phrase.number for phrase in phrases)
        assert PROMPTS.task_of(prompt.text) == task


@pytest.mark.parametrize("prompt", ["", "a teal hexagon", "six circles", "three red circles and three squares"])
def test_what_the_world_cannot_draw_is_refused_by_name(prompt: str) -> None:
    with pytest.raises(ValueError, match="cannot draw"):
        scene_of(prompt, random.Random(0))


def test_the_checker_reads_fresh_renders() -> None:
    chosen, drawn = scenes(300, 5)
    right = exact = 0
    for prompt, scene, picture in zip(chosen, drawn, render(drawn, 1)):
        right += check(picture, claims_from_prompt(prompt.text)).passed
        exact += Counter(d.label for d in detect(picture)) == Counter(f"{thing.color} {thing.shape}" for thing in scene)
    assert right >= 299 and exact >= 299


def test_the_checkers_boxes_are_where_the_objects_are() -> None:
    rng = random.Random(2)
    for _ in range(20):
        scene = random_scene(rng)
        objects = detect(render([scene], 3)[0])
        for thing in scene:
            box = thing.detection()
            assert min(abs(box.center[0] - d.center[0]) + abs(box.center[1] - d.center[1]) for d in objects) < 3


def test_the_checker_fails_a_picture_of_another_prompt() -> None:
    scene = scene_of("two red circles", random.Random(0))
    picture = render([scene])[0]
    for prompt, aspect in (("three circles", "count"), ("two blue circles", "color"), ("a square", "count")):
        assert aspect in check(picture, claims_from_prompt(prompt)).failed_aspects


def test_an_empty_picture_holds_nothing() -> None:
    assert detect(torch.full((3, SIDE, SIDE), 0.6)) == []


def test_the_renderer_repeats_itself_and_the_background_does_not_hide_shapes() -> None:
    scene = scene_of("a green triangle", random.Random(0))
    first, second = render([scene], 7), render([scene], 7)
    assert torch.equal(first, second) and not torch.equal(first, render([scene], 8))
    assert first.shape == (1, 3, SIDE, SIDE) and 0 <= first.min() and first.max() <= 1


def test_an_empty_scene_is_background_only() -> None:
    picture = render_packed(pack([[]]), torch.Generator().manual_seed(0))
    assert (picture.amax(1) - picture.amin(1)).max() < 0.1


def test_annotations_survive_the_answers_format() -> None:
    scene = random_scene(random.Random(4))
    objects = annotate(render([scene], 0)).objects[0]
    answer = list_answer(objects, SIDE)
    read = read_detections(validated(LISTED, read_json(answer, "["), answer), THOUSANDTHS, (SIDE, SIDE), SIDE, SIDE)
    assert [d.label for d in read] == [d.label for d in objects]
    assert all(abs(a.x - b.x) <= 1 and abs(a.height - b.height) <= 2 for a, b in zip(read, objects))


def test_every_word_of_the_critics_lessons_is_in_its_vocabulary() -> None:
    rng = random.Random(3)
    pictures = annotate(render([random_scene(rng) for _ in range(20)], 0))
    world = ShapesWorld()
    conversations = Conversations(build_processor(world.critic_design), SIDE, "cpu")
    for task in dict.fromkeys(QUESTIONS):
        inputs = conversations.inputs(*Lessons(world).batch_of(task, pictures, 4, rng))
        assert not (inputs["input_ids"] == conversations.tokenizer.unk_token_id).any(), task
        assert (inputs["labels"] >= 0).any(dim=1).all()


def test_lessons_about_claims_are_right_and_of_both_kinds() -> None:
    rng = random.Random(5)
    verdicts = [
        judged_claim(ShapesWorld(), annotate(render([random_scene(rng)], 0)).objects[0], rng, passed)
        for passed in (True, False) * 40
    ]
    assert 30 <= sum(verdict.passed for verdict in verdicts) <= 50
    assert {verdict.claim.type for verdict in verdicts} >= {"count", "color", "position"}


def test_variants_are_annotated_by_what_is_in_them() -> None:
    data = annotate(render([random_scene(random.Random(seed)) for seed in range(6)], 0))
    more = varied(data, 3, 0)
    assert len(more.pictures) == len(more.objects) == 24 and more.objects[:6] == data.objects
    swapped = {"red": "blue", "blue": "red", "yellow": "cyan", "cyan": "yellow"}
    for row, picture in enumerate(more.pictures):
        seen = Counter(d.label for d in more.objects[row])
        known = [
            Counter(f"{names.get(d.color, d.color)} {d.noun}" for d in data.objects[row % 6]) for names in ({}, swapped)
        ]
        assert seen in known
        assert [d.label for d in detect(picture / 255)] and sum(seen.values()) == len(detect(picture / 255))


def test_a_picture_shown_with_another_prompt_gets_its_rewards() -> None:
    objects = [Detection(5, 5, 20, 20, "circle", "red"), Detection(60, 60, 20, 20, "square", "blue")]
    allowed = allowed_prompts(ShapesWorld(), "corrector")
    own_prompt = "a red circle and a blue square"
    records = Records(
        [own_prompt] * 60,
        torch.zeros(60, 4, 12, 12),
        torch.zeros(60),
        torch.full((60,), FINAL),
        torch.zeros(60).bool(),
        torch.ones(60, len(ASPECTS)),
        torch.ones(60).bool(),
        torch.ones(60),
        torch.arange(60),
        torch.zeros(60, 4, 12, 12),
        [objects] * 60,
        SIDE,
        torch.zeros(60).long(),
        torch.zeros(1, 4, 12, 12),
    )
    shown = relabelled(ShapesWorld(), records, 1.0, allowed, random.Random(0))
    other_prompts = {text for text in shown.prompts if text != own_prompt}
    assert len(other_prompts) > 20 and other_prompts <= allowed
    expected = [critique_from_detections(claims_from_prompt(text), objects, SIDE) for text in shown.prompts]
    assert shown.passed.tolist() == [critique.passed for critique in expected]
    assert [place < 0 for place in shown.repair_index.tolist()] == [text != own_prompt for text in shown.prompts]
    assert torch.equal(shown.rewards, reward_rows(expected)) and 10 < shown.passed.sum() < 50
    assert relabelled(ShapesWorld(), records, 0.0, allowed, random.Random(0)).prompts == records.prompts
