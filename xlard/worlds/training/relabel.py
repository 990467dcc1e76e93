"""Other prompts for pictures that the critic has judged: the objects it saw decide their claims, too."""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from ...detections import Detection
from ...english import NUMBER_WORDS, plural
from ...prompts import claims_from_prompt
from ...rewards import decidable
from ...training.recompose import critique_by_boxes
from ...training.records import Records, reward_rows
from ..prompts import DIRECTION_WORDS, phrase
from ..world import World

TRAINING_SPLITS = ("generator", "critic", "corrector")
"""Splits whose prompts may be seen in training: validation and test are kept out."""

_TRIES = 12

_DESCRIBED = 0.7
"""How often another prompt is made from the picture's objects rather than from its own prompt."""

_RELATED = 0.8
"""How often a prompt about two kinds or more relates them: what stands where is the hardest to learn to read."""


@dataclass(frozen=True)
class _Exchange:
    """Groups of words that may stand in each other's place, and a pattern that finds them all."""

    groups: tuple[tuple[str, ...], ...]
    group_of: dict[str, int]
    pattern: re.Pattern[str]


@lru_cache
def _exchange(colors: tuple[str, ...], nouns: tuple[str, ...], most: int) -> _Exchange:
    groups = (
        colors,
        nouns,
        tuple(plural(noun) for noun in nouns),
        tuple(NUMBER_WORDS[number] for number in range(2, most + 1)),
        ("left", "right"),
        ("above", "below"),
    )
    group_of = {words: index for index, group in enumerate(groups) for words in group}
    known = "|".join(sorted(group_of, key=len, reverse=True))
    return _Exchange(groups, group_of, re.compile(rf"\b({known})\b"))


def describe(world: World, objects: Sequence[Detection], rng: random.Random) -> str:
    """A prompt about one to three kinds of the objects, most often with a relation, which may hold or not."""
    kinds = list(
        Counter((detection.color, detection.noun) for detection in objects if detection.noun in world.nouns).items()
    )
    rng.shuffle(kinds)
    related = len(kinds) > 1 and rng.random() < _RELATED
    kinds = kinds[: rng.randint(2 if related else 1, 3)]
    if related:
        # Prompts relate one or two things to a single one.
        kinds.sort(key=lambda kind: -kind[1])
    things = [phrase(number, color, noun) for (color, noun), number in kinds]
    if related:
        verb = " are " if kinds[0][1] > 1 else " "
        things = [f"{things[0]}{verb}{rng.choice(DIRECTION_WORDS)} {things[1]}", *things[2:]]
    return " and ".join(things)


def mutate(world: World, text: str, rng: random.Random) -> str:
    """The prompt with one colour, noun, number or direction exchanged, or with two of a kind swapped."""
    exchange = _exchange(world.critic_design.colors, world.nouns, world.max_objects)
    groups, parts = exchange.groups, exchange.pattern.split(text)
    places_by_group = [
        [place for place in range(1, len(parts), 2) if exchange.group_of[parts[place]] == group]
        for group in range(len(groups))
    ]
    present = [number for number, places in enumerate(places_by_group) if places]
    if not present:
        return text
    chosen = rng.choice(present)
    places = places_by_group[chosen]
    if len(places) > 1 and rng.random() < 0.5:
        first, second = rng.sample(places, 2)
        parts[first], parts[second] = parts[second], parts[first]
    else:
        parts[rng.choice(places)] = rng.choice(groups[chosen])
    return re.sub(r"\ban? (?=(\w))", lambda match: "an " if match[1] in "aeiou" else "a ", "".join(parts))


def other_prompt(
    world: World, prompt: str, objects: Sequence[Detection], allowed: Collection[str], rng: random.Random
) -> str:
    """A prompt of ``allowed`` about the objects or similar to the picture's own; its own if no other is found."""
    for _ in range(_TRIES):
        text = describe(world, objects, rng) if rng.random() < _DESCRIBED else prompt
        text = mutate(world, text, rng) if rng.random() < 0.5 else text
        if text != prompt and text in allowed and all(map(decidable, claims_from_prompt(text))):
            return text
    return prompt


def allowed_prompts(world: World, split: str) -> frozenset[str]:
    """The texts that pictures of a split may be read with: those of all training splits, or only the split's own."""
    splits = TRAINING_SPLITS if split in TRAINING_SPLITS else (split,)
    return frozenset(prompt.text for name in splits for prompt in world.prompts.of_split(name))


def relabelled(world: World, records: Records, share: float, allowed: Collection[str], rng: random.Random) -> Records:
    """The records, a ``share`` of them with another prompt and the rewards that follow from what the critic saw.

    A head that sees each picture with its own prompt only learns which prompts are hard; with other prompts it has to
    look.
    """
    texts, rewards = list(records.prompts), records.rewards.clone()
    passed, repair_index = records.passed.clone(), records.repair_index.clone()
    for row, objects in enumerate(records.seen):
        if rng.random() >= share or records.confidence[row] == 0:
            continue
        texts[row] = other_prompt(world, texts[row], objects, allowed, rng)
        if texts[row] == records.prompts[row]:
            continue
        repair_index[row] = -1
        critique = critique_by_boxes(texts[row], objects, records.side)
        rewards[row], passed[row] = reward_rows([critique], records.aspects)[0], critique.passed
    return replace(records, prompts=texts, rewards=rewards, passed=passed, repair_index=repair_index)
