"""Run methods over prompts and seeds; write pictures, results.json and a table."""

from __future__ import annotations

import argparse
import itertools
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from ...critics.scoring import make_scoring
from ...files import write_json
from ...loop.engine import Engine
from ...loop.state import LoopState
from ...models.corrector import LatentCorrector
from ...models.head import RewardHead
from ...prompts import claims_from_prompt
from ...report.drawing import to_picture
from ...training.trainer import default_device, machine
from ...worlds.shapes.checker import Checker
from ...worlds.shapes.prompts import evaluation_prompts
from ...worlds.shapes.world import DemoWorld
from .caps import at_caps, outcome
from .methods import method
from .reused_draws import most_draws, read_off, readable
from .tables import EXACT, curves, differences, table, tasks


def read_prompts(options: argparse.Namespace) -> list[str]:
    """The prompts of a file, or of a split. Raises ValueError for a prompt without a readable claim."""
    if options.prompts:
        texts = [line.strip() for line in options.prompts.read_text().splitlines() if line.strip()]
    else:
        texts = [prompt.text for prompt in evaluation_prompts(options.split, options.number)]
    unreadable = [text for text in texts if not claims_from_prompt(text)]
    if unreadable or not texts:
        raise ValueError(
            f"No claim can be read out of: {unreadable[:3] or 'an empty list of prompts'}. "
            "Write what the picture must show, one prompt a line."
        )
    return texts


def run_method(
    name: str, world: DemoWorld, models: dict, prompts: list[str], seeds: list[int], options: argparse.Namespace
) -> list[tuple[int, int, LoopState]]:
    """(prompt index, seed, state) of every picture, sampled in batches."""
    jobs = [(index, seed) for index in range(len(prompts)) for seed in seeds]
    apply = method(name, options.budget)
    results = []
    for start in range(0, len(jobs), options.batch):
        part = jobs[start : start + options.batch]
        texts = [prompts[index] for index, _ in part]
        engine = Engine(
            world.sampler(texts, options.steps),
            world.decoder,
            prompts=texts,
            claims=[claims_from_prompt(text) for text in texts],
            seeds=[seed_of(index, seed) for index, seed in part],
            read_steps=options.read_steps,
            **models,
        )
        results += [(index, seed, state) for (index, seed), state in zip(part, apply(engine))]
        print(f"{name}: {len(results)}/{len(jobs)}", flush=True)
    return results


def named(text: str, load: Callable[[str], nn.Module]) -> dict[str, nn.Module]:
    """Modules by the name that ``name=file,name=file`` gives them."""
    return {name: load(path) for name, _, path in (entry.partition("=") for entry in text.split(",") if entry)}


def check_variants(names: Sequence[str], others: dict[str, dict]) -> None:
    """Raises ValueError for a method whose ``:name`` no file was given for."""
    known = {variant for found in others.values() for variant in found}
    missing = [name for name in names if name.partition(":")[2] not in {"", *known}]
    if missing:
        raise ValueError(
            f"No file was given for {', '.join(missing)}. Name it with --correctors NAME=FILE or --heads NAME=FILE."
        )


def seed_of(prompt_index: int, seed: int) -> int:
    """The sampler's seed: paired between methods, different between prompts."""
    return 1_000_000 + 1000 * prompt_index + seed


def write_method(name: str, results: list[tuple[int, int, LoopState]], out: Path) -> list[dict]:
    """Save a method's pictures and return its rows of results.json."""
    folder = out / name.replace(":", "_")
    folder.mkdir(parents=True, exist_ok=True)
    rows = []
    for index, seed, state in results:
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
                "score": critique["score"],
                "claims": claims,
                "steps": [entry["steps"] for entry in state.to_dict()["rounds"]],
                "rounds": [
                    {
                        "strategy": entry.strategy,
                        "accepted": entry.accepted,
                        "passed": entry.critique.passed,
                        "confidence": entry.critique.confidence,
                    }
                    for entry in state.rounds
                ],
            }
        )
    return rows


def summarise(results: list[tuple[int, int, LoopState]], before: list[bool] | None, generation: int) -> dict:
    """``outcome`` of a method's pictures, what the critic thinks of them, and what ``outcome`` was at caps in multiples
    of ``generation`` model calls."""
    states, clusters = [state for _, _, state in results], [index for index, _, _ in results]
    pictures = defaultdict(list)
    for index, _, state in results:
        pictures[index].append(state.best.image.half())
    changes = [state.best.change for state in states if state.best.change]
    number = len(results)
    return {
        **outcome(states, clusters, before),
        "critic_calls": sum(state.critic_calls for state in states) / number,
        "critic_passed": sum(state.passed for state in states) / number,
        "change": sum(changes) / len(changes) if changes else 0.0,
        "diversity": diversity(list(pictures.values())),
        "caps": at_caps(states, clusters, generation, before),
    }


def diversity(pictures: Sequence[Sequence[Tensor]]) -> float | None:
    """Mean distance between two pictures (H, W, 3) of the same prompt: root mean square of values in [0, 1]; None for
    one picture a prompt."""
    distances = [
        (a.float() - b.float()).square().mean().sqrt().item()
        for group in pictures
        for a, b in itertools.combinations(group, 2)
    ]
    return sum(distances) / len(distances) if distances else None


def run(options: argparse.Namespace) -> None:
    """Run every method, write ``results.json``, ``summary.json`` and pictures, print the table."""
    torch.manual_seed(0)
    prompts, seeds = read_prompts(options), [int(seed) for seed in options.seeds.split(",")]
    names = options.methods.split(",")
    for name in names:
        method(name, options.budget)
    others = {
        "corrector": named(options.correctors, LatentCorrector.load),
        "head": named(options.heads, RewardHead.load),
        "judge": {EXACT: Checker()},
    }
    check_variants(names, others)
    world = DemoWorld(options.weights, default_device())
    critic = world.critic(options.batch)
    judge = critic.with_scoring(make_scoring("grounded", second_look=True)) if options.second_look else critic
    models = {"judge": judge, "head": world.head(), "corrector": world.corrector()}
    options.out.mkdir(parents=True, exist_ok=True)
    rows, summaries, before, source = [], {}, None, most_draws(names)
    with torch.inference_mode():
        drawn = run_method(source, world, models, prompts, seeds, options) if source else []
    for name in names:
        variant = name.partition(":")[2]
        own = models | {kind: found[variant] for kind, found in others.items() if variant in found}
        with torch.inference_mode():
            results = (
                [(index, seed, read_off(name, state, own["judge"])) for index, seed, state in drawn]
                if readable(name, source)
                else run_method(name, world, own, prompts, seeds, options)
            )
        rows += write_method(name, results, options.out)
        summaries[name] = summarise(results, before, options.steps)
        before = summaries[name]["right"] if name == "base" else before
        write_json(options.out / "results.json", rows)
        write_json(
            options.out / "summary.json",
            {"machine": machine(), "prompts": prompts, "seeds": seeds, "steps": options.steps, "methods": summaries},
        )
    print(f"{len(prompts)} prompts, seeds {options.seeds}, {options.steps} steps, {machine()}")
    clusters = [index for index in range(len(prompts)) for _ in seeds]
    print(table(summaries), curves(summaries), tasks(summaries), differences(summaries, clusters), sep="\n\n")
