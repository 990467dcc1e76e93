"""``python -m xlard.bench edits``: edits by instruction on a world, judged by its checker."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch

from ...critics.backend import CriticError
from ...critics.mllm import MLLMCritic
from ...critics.scoring.preservation import stayed_outside
from ...editing.claims import edit_claims, edit_in, target_prompt
from ...editing.listing import edit_by
from ...files import write_json
from ...loop.baselines import one_correction, retry
from ...loop.engine import Engine
from ...loop.run import correct_all
from ...loop.settings import LoopSettings
from ...loop.state import LoopState
from ...report.drawing import to_picture
from ...training.trainer import default_device, machine
from ...worlds.registry import add_world_option, load_world
from ...worlds.world import Checker, World
from ..statistics import wilson
from .edit_tasks import EDIT_TYPES, EditTask, edit_tasks, exact_critiques
from .methods import MethodName, Run

RENOISE = 0.7
"""Where ``renoise`` starts from: enough to change an object, too little to lose all others."""

SUMMARY = "edits by instruction on a world's own pictures"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Give the command its options."""
    add_world_option(parser)
    parser.add_argument("--split", default="test", help="whose prompts the sources are drawn from")
    parser.add_argument("--number", type=int, default=300, help="prompts; about half of their pictures become sources")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--methods", default="edit_4,draw_4,renoise", help="comma-separated methods")
    parser.add_argument("--batch", type=int, default=32, help="pictures sampled together")
    parser.add_argument("--weights", type=Path, help="folder with the world's models (default: the bundled ones)")
    parser.add_argument("--out", type=Path, default=Path("output/edits"), help="folder for pictures and edits.json")


def run(options: argparse.Namespace) -> None:
    """Run the methods, write ``edits.json`` and pictures, print a table."""
    names = options.methods.split(",")
    for name in names:
        method(name)
    world = load_world(options.world, options.weights, default_device())
    figures: dict[str, dict[str, dict]] = {}
    with torch.inference_mode():
        tasks = edit_tasks(world, options.split, options.number, options.seed)
        critic = world.critic(options.batch)
        for name in names:
            states = run_method(name, world, critic, tasks, options.batch)
            _write_pictures(options.out / name, tasks, states)
            figures[name] = figures_of(world.checker, tasks, states)
            write_json(
                options.out / "edits.json",
                {
                    "machine": machine(),
                    "split": options.split,
                    "seed": options.seed,
                    "instructions": [task.exact.instruction for task in tasks],
                    "methods": figures,
                },
            )
    print(table(figures))


def method(name: str) -> Run:
    """``edit_N``: the loop on the source; with one strategy alone ``rearrange_N``, ``region_N``; ``draw_N``: fresh
    draws of the picture after the edit until the critic accepts; ``renoise``: all of the source renoised once.

    Raises ValueError for other names.
    """
    parsed = MethodName.read(name)
    family, number = parsed.family, parsed.number
    if family == "renoise":
        # Without the record of a source nothing is held to its edit region.
        return lambda engine: one_correction(engine, RENOISE, LoopSettings(candidates=1, strength=0.0))
    if family == "draw" and number is not None:
        return lambda engine: retry(replace(engine, sources=None), number)
    if family == "edit" and number is not None:
        return _loop(number, LoopSettings())
    if family in ("rearrange", "region") and number is not None:
        return _loop(number, LoopSettings(strategies=(family,)))
    raise ValueError(f"There is no method '{name}'; there are edit_N, rearrange_N, region_N, draw_N and renoise.")


def _loop(number: int, settings: LoopSettings) -> Run:
    def run_loop(engine: Engine) -> list[LoopState]:
        budget = number * engine.sampler.nfe()
        return correct_all(engine, replace(settings, rounds=10 * number, budget=budget))

    return run_loop


def run_method(
    name: str, world: World, critic: MLLMCritic, tasks: Sequence[EditTask], batch: int
) -> list[LoopState | None]:
    """The state of each edit; None if the critic does not see in the source what the instruction speaks of, or if its
    list of the source cannot be read.
    """
    apply = method(name)
    states: list[LoopState | None] = [None] * len(tasks)
    for start in range(0, len(tasks), batch):
        rows, claims = [], []
        for index in range(start, min(start + batch, len(tasks))):
            exact = tasks[index].exact
            try:
                claims.append(edit_claims(edit_by(critic, exact.instruction, exact.image)))
                rows.append(index)
            except (ValueError, CriticError):
                continue
        if not rows:
            continue
        edits = [edit for edit in map(edit_in, claims) if edit is not None]
        prompts = [target_prompt(edit) for edit in edits]
        engine = Engine(
            world.sampler(prompts),
            world.decoder,
            critic,
            prompts,
            claims,
            [tasks[row].seed for row in rows],
            world.head(),
            world.corrector(),
            sources=torch.stack([tasks[row].latent for row in rows]),
            encoder=world.encoder,
        )
        for row, state in zip(rows, apply(engine)):
            states[row] = state
        print(f"{name}: {min(start + batch, len(tasks))}/{len(tasks)}", flush=True)
    return states


def figures_of(checker: Checker, tasks: Sequence[EditTask], states: Sequence[LoopState | None]) -> dict[str, dict]:
    """Shares by the checker, with Wilson intervals, of edits done, of all else kept, of both; mean share of pixels
    outside that stayed, of latent values outside of what was drawn that changed, and NFE.
    """
    images = [task.exact.image if state is None else state.best.image for task, state in zip(tasks, states)]
    critiques = exact_critiques(checker, images, [edit_claims(task.exact) for task in tasks])
    rows: list[dict] = []
    for task, state, image, critique in zip(tasks, states, images, critiques):
        done = all(verdict.passed for verdict in critique.verdicts if not verdict.claim.keep)
        kept = all(verdict.passed for verdict in critique.verdicts if verdict.claim.keep)
        requested, _ = task.exact.arrived(critique.detections)
        rows.append(
            {
                "edit_type": task.edit_type,
                "done": done,
                "kept": kept,
                "both": done and kept,
                "read": state is not None,
                "critic": state is not None and state.passed,
                "stayed": stayed_outside(task.exact, image, requested),
                "changed": 0.0 if state is None else _changed_outside(task, state),
                "nfe": 0 if state is None else state.nfe,
            }
        )
    figures = {}
    for edit_type in ("all", *EDIT_TYPES):
        rows_of_type = [row for row in rows if edit_type in ("all", row["edit_type"])]
        number = len(rows_of_type)
        if rows_of_type:
            figures[edit_type] = {
                "edits": number,
                **{
                    name: wilson(sum(row[name] for row in rows_of_type), number)
                    for name in ("read", "done", "kept", "both", "critic")
                },
                **{name: sum(row[name] for row in rows_of_type) / number for name in ("stayed", "changed", "nfe")},
            }
    return figures


def _changed_outside(task: EditTask, state: LoopState) -> float:
    """The share of latent values outside of all that was redrawn that are not the source's to the last bit."""
    regions = [round_.region for round_ in state.rounds if round_.region is not None]
    if len(regions) < len(state.rounds):
        return 1.0
    outside = ~torch.stack(regions).any(dim=0)
    if not outside.any():
        return 0.0
    return (state.best.latent[:, outside] != task.latent[:, outside]).float().mean().item()


def table(figures: dict[str, dict[str, dict]]) -> str:
    """A Markdown table, a line for each method and type of edit."""
    lines = [
        "| method | edit | edits | done | all else kept | both | pixels that stayed | NFE |",
        "| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for name, figures_of_method in figures.items():
        for edit_type, row in figures_of_method.items():
            shares = " | ".join("{:.3f} [{:.3f}, {:.3f}]".format(*row[key]) for key in ("done", "kept", "both"))
            lines.append(
                f"| {name} | {edit_type} | {row['edits']} | {shares} | {row['stayed']:.3f} | {row['nfe']:.1f} |"
            )
    return "\n".join(lines)


def _write_pictures(folder: Path, tasks: Sequence[EditTask], states: Sequence[LoopState | None]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for index, (task, state) in enumerate(zip(tasks, states)):
        images = [task.exact.image, task.exact.image if state is None else state.best.image]
        to_picture(torch.cat(images, dim=1)).save(folder / f"{index}.png")
