"""Lists of prompts to collect pictures of: from a text, from a file, or generated after GenEval's tasks (arXiv
2310.11513).
"""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import get_args

from ..claims import Direction, count_text, one_line

NOUNS = tuple(
    """apple backpack ball balloon banana basket bear bed bench bicycle bird boat book bottle bowl box bus butterfly
    cake camera candle car carrot cat chair clock cow cup dog donkey door duck elephant fish flower fork fox frog
    giraffe
    guitar hammer hat helmet horse kettle key kite lamp laptop lemon lion mug mushroom owl panda pear pencil penguin
    piano
    pig pillow pizza plate rabbit robot rose sandwich shoe snail sofa spoon suitcase table teapot telephone tent tiger
    tomato train tree truck turtle umbrella vase violin wallet whale zebra""".split()
)
"""Things that are easy to recognise, and to count."""

COLORS = ("red", "orange", "yellow", "green", "blue", "purple", "pink", "brown", "black", "white")

LARGEST_FILE = 50_000_000
"""Bytes of a file of prompts."""

_TRIES = 100


def prompts_from_text(text: str) -> list[str]:
    """The prompts of a text, one per line; lines that start with ``#`` are comments, repeated prompts count once.

    Raises ValueError if there are none.
    """
    lines = [one_line(line) for line in text.splitlines()]
    prompts = list(dict.fromkeys(line for line in lines if line and not line.startswith("#")))
    if not prompts:
        raise ValueError("There is no prompt in the list. Write one per line; lines that start with # do not count.")
    return prompts


def prompts_from_file(path: Path) -> list[str]:
    """``prompts_from_text`` of a text file in UTF-8. Raises FileNotFoundError, or ValueError if it holds no prompts."""
    if not path.is_file():
        raise FileNotFoundError(
            f"There is no prompt file {path}. Put a text file with one prompt per line there, or correct the name."
        )
    if path.stat().st_size > LARGEST_FILE:
        raise ValueError(f"{path} is larger than {LARGEST_FILE // 10**6} MB, which is no list of prompts. Split it.")
    try:
        return prompts_from_text(path.read_text(encoding="utf-8-sig"))
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is no text in UTF-8 ({error}). Save it again as UTF-8.") from error
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error


def generated_prompts(number: int, seed: int = 0) -> list[str]:
    """``number`` different prompts, the same for the same seed, by GenEval's six tasks in turn.

    Raises ValueError if that many cannot be generated.
    """
    rng, prompts, tasks = random.Random(seed), dict[str, None](), list(_TASKS)
    while len(prompts) < number and tasks:
        for task in list(tasks)[: number - len(prompts)]:
            new = next((text for text in (task(rng) for _ in range(_TRIES)) if text not in prompts), None)
            # A task without a new prompt after all tries is as good as used up.
            if new is None:
                tasks.remove(task)
            else:
                prompts[new] = None
    if number < 1 or len(prompts) < number:
        raise ValueError(
            f"{number} prompts cannot be generated; between 1 and some hundred thousand can. Choose another number."
        )
    return list(prompts)


def _a(noun: str, color: str | None = None) -> str:
    phrase = f"{color} {noun}" if color else noun
    return f"{'an' if phrase[0] in 'aeiou' else 'a'} {phrase}"


def _single(rng: random.Random) -> str:
    return f"a photo of {_a(rng.choice(NOUNS))}"


def _two(rng: random.Random) -> str:
    first, second = rng.sample(NOUNS, 2)
    return f"a photo of {_a(first)} and {_a(second)}"


def _counting(rng: random.Random) -> str:
    return f"a photo of {count_text(rng.randint(2, 5), rng.choice(NOUNS))}"


def _colored(rng: random.Random) -> str:
    return f"a photo of {_a(rng.choice(NOUNS), rng.choice(COLORS))}"


def _placed(rng: random.Random) -> str:
    first, second = rng.sample(NOUNS, 2)
    return f"a photo of {_a(first)} {rng.choice(get_args(Direction))} {_a(second)}"


def _attributed(rng: random.Random) -> str:
    first, second = rng.sample(NOUNS, 2)
    first_color, second_color = rng.sample(COLORS, 2)
    return f"a photo of {_a(first, first_color)} and {_a(second, second_color)}"


_TASKS: tuple[Callable[[random.Random], str], ...] = (_single, _two, _counting, _colored, _placed, _attributed)
