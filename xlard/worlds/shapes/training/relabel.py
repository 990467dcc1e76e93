"""Other prompts for pictures that the critic has judged: the objects it saw decide their claims, too."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import replace
from functools import lru_cache

from ....detections import Detection
from ....english import NUMBER_WORDS
from ....training.recompose import critique_by_boxes
from ....training.records import Records, reward_rows
from ...prompts import DIRECTION_WORDS, phrase
from ..prompts import PROMPTS
from ..vocabulary import COLOR_NAMES, MAX_OBJECTS, SHAPES

TRAINING_SPLITS = ("generator", "critic", "corrector")
"""Splits whose prompts may be seen in training: validation and test are kept out."""

_TRIES = 12

_DESCRIBED = 0.7
"""How often another prompt is made from the picture's objects rather than from its own prompt."""

_RELATED = 0.8
"""How often a prompt about two kinds or more relates them: what stands where is the hardest to learn to read."""

_ALTERNATIVES = (
    COLOR_NAMES,
    SHAPES,
    tuple(shape + "s" for shape in SHAPES),
    tuple(NUMBER_WORDS[n] for n in range(2, MAX_OBJECTS + 1)),
    ("left", "right"),
    ("above", "below"),
)


def describe(objects: Sequence[Detection], rng: random.Random) -> str:
    """A prompt about one to three kinds of the objects, most often with a relation, which may hold or not."""
    kinds = list(
        Counter((detection.color, detection.noun) for detection in objects if detection.noun in SHAPES).items()
    )
    rng.shuffle(kinds)
    related = len(kinds) > 1 and rng.random() < _RELATED
    kinds = kinds[: rng.randint(2 if related else 1, 3)]
    if related:
        # Prompts relate one or two things to a single one.
        kinds.sort(key=lambda kind: -kind[1])
    things = [phrase(number, color, shape) for (color, shape), number in kinds]
    if related:
        verb = " are " if kinds[0][1] > 1 else " "
        things = [f"{things[0]}{verb}{rng.choice(DIRECTION_WORDS)} {things[1]}", *things[2:]]
    return " and ".join(things)


def mutate(text: str, rng: random.Random) -> str:
    """The prompt with one colour, shape, number or direction exchanged, or with two of a kind swapped."""
    words = text.split()
    places_by_group = [[index for index, word in enumerate(words) if word in group] for group in _ALTERNATIVES]
    present = [number for number, places in enumerate(places_by_group) if places]
    if not present:
        return text
    chosen = rng.choice(present)
    places = places_by_group[chosen]
    if len(places) > 1 and rng.random() < 0.5:
        first, second = rng.sample(places, 2)
        words[first], words[second] = words[second], words[first]
    else:
        words[rng.choice(places)] = rng.choice(_ALTERNATIVES[chosen])
    return " ".join(words)


def other_prompt(prompt: str, objects: Sequence[Detection], allowed: Collection[str], rng: random.Random) -> str:
    """A prompt of ``allowed`` about the objects or similar to the picture's own; its own if no other is found."""
    for _ in range(_TRIES):
        text = describe(objects, rng) if rng.random() < _DESCRIBED else prompt
        text = mutate(text, rng) if rng.random() < 0.5 else text
        if text != prompt and text in allowed:
            return text
    return prompt


@lru_cache
def allowed_prompts(split: str) -> frozenset[str]:
    """The texts that pictures of a split may be read with: those of all training splits, or only the split's own."""
    splits = TRAINING_SPLITS if split in TRAINING_SPLITS else (split,)
    return frozenset(prompt.text for name in splits for prompt in PROMPTS.of_split(name))


def relabelled(records: Records, share: float, allowed: Collection[str], rng: random.Random) -> Records:
    """The records, a ``share`` of them with another prompt and the rewards that follow from what the critic saw.

    A head that sees each picture with its own prompt only learns which prompts are hard; with other prompts it has to
    look.
    """
    texts, rewards = list(records.prompts), records.rewards.clone()
    passed, repair_index = records.passed.clone(), records.repair_index.clone()
    for row, objects in enumerate(records.seen):
        if rng.random() >= share or records.confidence[row] == 0:
            continue
        texts[row] = other_prompt(texts[row], objects, allowed, rng)
        if texts[row] != records.prompts[row]:
            repair_index[row] = -1
        critique = critique_by_boxes(texts[row], objects, records.side)
        rewards[row], passed[row] = reward_rows([critique], records.aspects)[0], critique.passed
    return replace(records, prompts=texts, rewards=rewards, passed=passed, repair_index=repair_index)
