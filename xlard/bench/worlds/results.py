"""What a run writes: pictures, rows of ``results.json``, and each method's part of ``summary.json``."""

from __future__ import annotations

import itertools
import json
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from torch import Tensor

from ...loop.state import LoopState
from ...report.drawing import to_picture
from ...worlds.registry import DEFAULT_WORLD, load_world
from ...worlds.world import Checker, World
from .caps import at_caps, outcome


def world_of_run(folder: Path) -> World:
    """The world of a run of the bench. Raises FileNotFoundError if the folder is not of a run."""
    # Runs that do not say so are from before there were two.
    return load_world(json.loads((folder / "summary.json").read_text()).get("world", DEFAULT_WORLD))


class Result(NamedTuple):
    """The state of a picture of a prompt and a seed."""

    prompt_index: int
    seed: int
    state: LoopState


def write_method(name: str, results: Sequence[Result], right: Sequence[bool], out: Path) -> list[dict]:
    """Save a method's pictures and return its rows of results.json; ``right`` is the checker's verdict on each."""
    folder = out / name.replace(":", "_")
    folder.mkdir(parents=True, exist_ok=True)
    rows = []
    for (index, seed, state), is_right in zip(results, right):
        picture = folder / f"{index}_{seed}.png"
        to_picture(state.best.image).save(picture)
        critique = state.best.critique.to_dict()
        claims = [{key: claim[key] for key in ("type", "text", "score", "passed")} for claim in critique["claims"]]
        rows.append(
            {
                "method": name,
                "prompt_index": index,
                "prompt": state.prompt,
                "seed": seed,
                "picture": str(picture.relative_to(out)),
                "nfe": state.nfe,
                "seconds": round(state.seconds, 4),
                "critic_calls": state.critic_calls,
                "right": is_right,
                "score": critique["score"],
                "claims": claims,
                "steps": [round_["steps"] for round_ in state.to_dict()["rounds"]],
                "rounds": [
                    {
                        "strategy": round_.strategy,
                        "accepted": round_.accepted,
                        "passed": round_.critique.passed,
                        "confidence": round_.critique.confidence,
                    }
                    for round_ in state.rounds
                ],
            }
        )
    return rows


def summarise(results: Sequence[Result], checker: Checker, before: Sequence[bool] | None, generation: int) -> dict:
    """``outcome`` of a method's pictures, what the critic thinks of them, and what ``outcome`` was at caps in multiples
    of ``generation`` model calls.
    """
    states, clusters = [result.state for result in results], [result.prompt_index for result in results]
    pictures: dict[int, list[Tensor]] = defaultdict(list)
    for index, _, state in results:
        pictures[index].append(state.best.image.half())
    changes = [state.best.change for state in states if state.best.change]
    number = len(results)
    return {
        **outcome(states, checker, clusters, before),
        "critic_calls": sum(state.critic_calls for state in states) / number,
        "critic_passed": sum(state.passed for state in states) / number,
        "change": sum(changes) / len(changes) if changes else 0.0,
        "diversity": diversity(list(pictures.values())),
        "caps": at_caps(states, checker, clusters, generation, before),
    }


def diversity(pictures: Sequence[Sequence[Tensor]]) -> float | None:
    """Mean distance between two pictures (H, W, 3) of the same prompt: root mean square of values in [0, 1]; None for
    one picture a prompt.
    """
    distances = [
        (first.float() - second.float()).square().mean().sqrt().item()
        for group in pictures
        for first, second in itertools.combinations(group, 2)
    ]
    return sum(distances) / len(distances) if distances else None
