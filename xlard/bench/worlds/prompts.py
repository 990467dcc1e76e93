"""The prompts of a run: those of a file, or of a world's split."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ...prompts.unclaimed import prompts_with_claims, skipped_note
from ...worlds.world import World
from ..errors import BenchError
from ..geneval import prompts as geneval


def read_prompts(path: Path) -> list[str]:
    """The prompts of a file, one a line."""
    lines = [line.strip() for line in path.read_text(encoding="utf-8").splitlines()]
    return [line for line in lines if line]


def geneval_prompts(path: Path, world: World) -> list[str]:
    """The prompts of GenEval's own file that ask for nothing but what a world draws.

    Raises BenchError where the file cannot be read, and where there are none.
    """
    drawable = [prompt.prompt for prompt in geneval.read_prompts(path) if _can_draw(world, prompt)]
    if not drawable:
        raise BenchError(
            f"The world {world.name} draws what none of the prompts of {path} asks for. Name another --world."
        )
    return drawable


def _can_draw(world: World, prompt: geneval.GenEvalPrompt) -> bool:
    required = prompt.include
    known = all(
        thing.name in world.nouns and (thing.color is None or thing.color in world.colors_of(thing.name))
        for thing in required
    )
    return known and sum(thing.count for thing in required) <= world.max_objects


def readable_prompts(prompts: Sequence[str]) -> list[str]:
    """The prompts that make claims; the others are named and skipped. Raises ValueError if none makes any."""
    kept, without = prompts_with_claims(prompts)
    if without:
        print(f"{skipped_note(without)}\nPictures are numbered without them.", flush=True)
    return kept
