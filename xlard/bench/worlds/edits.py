"""``python -m xlard.bench.worlds.edits``: edits by instruction on the demo world, judged by the exact checker."""

from __future__ import annotations

import argparse
import itertools
import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from ...claims import Claim
from ...critics.backend import CriticError
from ...critics.mllm import MLLMCritic
from ...critics.scoring.preservation import judge_with_source, stayed_outside
from ...critique import Critique
from ...detections import Detection, ObjectKind
from ...edit import Edit
from ...editing.claims import edit_claims, edit_in, target_prompt
from ...editing.instructions import PLACES, read_instruction
from ...editing.listing import edit_by
from ...editing.steps import edit_of
from ...files import write_json
from ...loop.baselines import one_correction, retry
from ...loop.engine import Engine
from ...loop.run import correct_all
from ...loop.settings import LoopSettings
from ...loop.state import LoopState
from ...prompts import claims_from_prompt
from ...report.drawing import to_picture
from ...rewards import critique_from_detections
from ...training.trainer import default_device, machine
from ...worlds.shapes.architecture import WEIGHTS
from ...worlds.shapes.checker import Checker, check, detect
from ...worlds.shapes.evaluation import generate
from ...worlds.shapes.prompts import evaluation_prompts
from ...worlds.shapes.vocabulary import BLOB, COLOR_NAMES, SIDE
from ...worlds.shapes.world import DemoWorld
from ..geneval.figures import wilson
from .run import seed_of

KINDS = ("recolor", "remove", "move beside", "move to")

RENOISE = 0.7
"""Where ``renoise`` starts from: enough to change a thing, too little to lose all others."""


GAP = 3
"""Pixels between two things of a picture."""


@dataclass(frozen=True, eq=False)
class Job:
    """A source, (C, h, w) as latent, and an instruction; ``exact`` is the edit by the checker's list of the source."""

    kind: str
    seed: int
    latent: Tensor
    exact: Edit


def instruction(kind: str, found: Sequence[Detection], rng: random.Random) -> str | None:
    """An instruction of a kind for one thing of a picture that is the only one of its kind; None where there is
    none."""
    things = [d for d in found if sum(ObjectKind.of(d) == ObjectKind.of(other) for other in found) == 1]
    if not things:
        return None
    thing = rng.choice(things)
    if kind == "recolor":
        return f"make the {thing.label} {rng.choice([color for color in COLOR_NAMES if color != thing.color])}"
    if kind == "remove":
        return f"remove the {thing.label}"
    if kind == "move to":
        return f"move the {thing.label} {rng.choice(list(PLACES))}"
    others = [d for d in things if d is not thing]
    direction = rng.choice(("to the left of", "to the right of", "above", "below"))
    return f"move the {thing.label} {direction} the {rng.choice(others).label}" if others else None


def jobs_of(world: DemoWorld, split: str, number: int, seed: int) -> list[Job]:
    """Edits of the generator's own pictures of a split's prompts, those that show what was asked for; kinds in turn, as
    far as a picture allows.

    What holds of the source already is no edit, and a thing cannot be moved to where there is no room for it: both are
    left out."""
    chosen = [prompt.text for prompt in evaluation_prompts(split, number)]
    seeds = [seed_of(index, seed) for index in range(len(chosen))]
    latents = generate(world.sampler(chosen), seeds).cpu()
    images = world.decoder.decode(latents).cpu()
    jobs = []
    for text, own, latent, image in zip(chosen, seeds, latents, images):
        found = detect(image.permute(2, 0, 1))
        if not check(image.permute(2, 0, 1), claims_from_prompt(text)).passed or any(d.noun == BLOB for d in found):
            continue
        turn = len(jobs) % len(KINDS)
        possible = (_job(kind, own, latent, image, found) for kind in (*KINDS[turn:], *KINDS[:turn]))
        jobs += list(itertools.islice(filter(None, possible), 1))
    return jobs


def _job(kind: str, seed: int, latent: Tensor, image: Tensor, found: Sequence[Detection]) -> Job | None:
    said = instruction(kind, found, random.Random(seed))
    if said is None:
        return None
    exact = edit_of(said, read_instruction(said), image, found)
    possible = not judged([image], [edit_claims(exact)])[0].passed and (not exact.adds_outside or has_room(exact))
    return Job(kind, seed, latent, exact) if possible else None


def has_room(edit: Edit) -> bool:
    """Whether the one thing that is moved fits somewhere in the picture beside all others with its claims true."""
    (thing,), claims = edit.touched, [claim for claim in edit_claims(edit) if claim.edit is None]
    for y, x in itertools.product(
        range(0, SIDE - math.ceil(thing.height), 2), range(0, SIDE - math.ceil(thing.width), 2)
    ):
        moved = replace(thing, x=float(x), y=float(y))
        free = all(
            moved.x >= d.x + d.width + GAP
            or d.x >= moved.x + moved.width + GAP
            or moved.y >= d.y + d.height + GAP
            or d.y >= moved.y + moved.height + GAP
            for d in edit.staying
        )
        if free and critique_from_detections(claims, (*edit.staying, moved), SIDE).passed:
            return True
    return False


def judged(images: Sequence[Tensor], claims: Sequence[Sequence[Claim]]) -> list[Critique]:
    """Exact critiques of images (H, W, 3), what must stay included."""
    stacked = torch.stack(list(images))
    return judge_with_source(stacked, claims, lambda own: Checker().judge(stacked, own))


def _loop(number: int, **settings) -> Callable[[Engine], list[LoopState]]:
    def run(engine: Engine) -> list[LoopState]:
        return correct_all(engine, LoopSettings(rounds=10 * number, budget=number * engine.sampler.nfe(), **settings))

    return run


def method(name: str) -> Callable[[Engine], list[LoopState]]:
    """``edit_N``: the loop on the source; with one strategy alone ``rearrange_N``, ``region_N``; ``draw_N``: fresh
    draws of what is there afterwards until the critic accepts; ``renoise``: all of the source renoised once. Raises
    ValueError for others."""
    family, _, number = name.partition("_")
    if family == "renoise":
        # Without the record of a source nothing is within_edit_region.
        return lambda engine: one_correction(engine, RENOISE, LoopSettings(candidates=1, strength=0.0))
    if family == "draw" and number.isdecimal():
        return lambda engine: retry(replace(engine, sources=None), int(number))
    if family in ("edit", "rearrange", "region") and number.isdecimal():
        return _loop(int(number), **({} if family == "edit" else {"strategies": (family,)}))
    raise ValueError(f"There is no method '{name}'; there are edit_N, rearrange_N, region_N, draw_N and renoise.")


def run_method(
    name: str, world: DemoWorld, critic: MLLMCritic, jobs: Sequence[Job], batch: int
) -> list[LoopState | None]:
    """The state of each edit; None where the critic does not see in the source what the instruction speaks of, or its
    list of the source cannot be read."""
    apply, states = method(name), [None] * len(jobs)
    for start in range(0, len(jobs), batch):
        rows, claims = [], []
        for index in range(start, min(start + batch, len(jobs))):
            try:
                claims.append(edit_claims(edit_by(critic, jobs[index].exact.instruction, jobs[index].exact.image)))
                rows.append(index)
            except (ValueError, CriticError):
                continue
        if not rows:
            continue
        prompts = [target_prompt(edit_in(own)) for own in claims]
        engine = Engine(
            world.sampler(prompts),
            world.decoder,
            critic,
            prompts,
            claims,
            [jobs[row].seed for row in rows],
            world.head(),
            world.corrector(),
            sources=torch.stack([jobs[row].latent for row in rows]),
        )
        for row, state in zip(rows, apply(engine)):
            states[row] = state
        print(f"{name}: {min(start + batch, len(jobs))}/{len(jobs)}", flush=True)
    return states


def figures_of(jobs: Sequence[Job], states: Sequence[LoopState | None]) -> dict:
    """Shares by the exact checker, with Wilson intervals, of edits done, of all else kept, of both; mean share of
    pixels outside that stayed, of latent values outside of what was drawn that changed, and NFE."""
    images = [job.exact.image if state is None else state.best.image for job, state in zip(jobs, states)]
    rows = []
    for job, state, image, critique in zip(
        jobs, states, images, judged(images, [edit_claims(job.exact) for job in jobs])
    ):
        done = all(verdict.passed for verdict in critique.verdicts if not verdict.claim.keep)
        kept = all(verdict.passed for verdict in critique.verdicts if verdict.claim.keep)
        asked, _ = job.exact.arrived(critique.detections)
        rows.append(
            {
                "kind": job.kind,
                "done": done,
                "kept": kept,
                "both": done and kept,
                "read": state is not None,
                "critic": state is not None and state.passed,
                "stayed": stayed_outside(job.exact, image, asked),
                "changed": 0.0 if state is None else _changed(job, state),
                "nfe": 0 if state is None else state.nfe,
            }
        )
    figures = {}
    for kind in ("all", *KINDS):
        own = [row for row in rows if kind in ("all", row["kind"])]
        if own:
            shares = {
                name: wilson(sum(row[name] for row in own), len(own))
                for name in ("read", "done", "kept", "both", "critic")
            }
            means = {name: sum(row[name] for row in own) / len(own) for name in ("stayed", "changed", "nfe")}
            figures[kind] = {"edits": len(own), **shares, **means}
    return figures


def _changed(job: Job, state: LoopState) -> float:
    """The share of latent values outside of all that was drawn anew that are not the source's to the last bit."""
    drawn = [entry.region for entry in state.rounds]
    if any(region is None for region in drawn):
        return 1.0
    outside = ~torch.stack(drawn).any(dim=0)
    return (state.best.latent[:, outside] != job.latent[:, outside]).float().mean().item() if outside.any() else 0.0


def table(figures: dict[str, dict[str, dict]]) -> str:
    """A Markdown table, a line for each method and kind of edit."""
    lines = [
        "| method | edit | edits | done | all else kept | both | pixels that stayed | NFE |",
        "| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for name, kinds in figures.items():
        for kind, row in kinds.items():
            shares = " | ".join("{:.3f} [{:.3f}, {:.3f}]".format(*row[key]) for key in ("done", "kept", "both"))
            lines.append(f"| {name} | {kind} | {row['edits']} | {shares} | {row['stayed']:.3f} | {row['nfe']:.1f} |")
    return "\n".join(lines)


def main() -> None:
    """Parse the command line, run the methods, write ``edits.json`` and pictures, print a table."""
    parser = argparse.ArgumentParser(
        prog="python -m xlard.bench.worlds.edits", description="Edits by instruction on the demo world."
    )
    parser.add_argument("--split", default="test", help="whose prompts the sources are drawn from")
    parser.add_argument("--number", type=int, default=300, help="prompts; about half of their pictures become sources")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--methods", default="edit_4,draw_4,renoise", help="comma-separated methods")
    parser.add_argument("--batch", type=int, default=32, help="pictures sampled together")
    parser.add_argument("--weights", type=Path, default=WEIGHTS, help="folder with the demo world's models")
    parser.add_argument("--out", type=Path, default=Path("output/edits"), help="folder for pictures and edits.json")
    options = parser.parse_args()
    names = options.methods.split(",")
    for name in names:
        method(name)
    world, figures = DemoWorld(options.weights, default_device()), {}
    with torch.inference_mode():
        jobs, critic = jobs_of(world, options.split, options.number, options.seed), world.critic(options.batch)
        for name in names:
            states = run_method(name, world, critic, jobs, options.batch)
            _write_pictures(options.out / name, jobs, states)
            figures[name] = figures_of(jobs, states)
            write_json(
                options.out / "edits.json",
                {
                    "machine": machine(),
                    "split": options.split,
                    "seed": options.seed,
                    "instructions": [job.exact.instruction for job in jobs],
                    "methods": figures,
                },
            )
    print(table(figures))


def _write_pictures(folder: Path, jobs: Sequence[Job], states: Sequence[LoopState | None]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for index, (job, state) in enumerate(zip(jobs, states)):
        images = [job.exact.image, job.exact.image if state is None else state.best.image]
        to_picture(torch.cat(images, dim=1)).save(folder / f"{index}.png")


if __name__ == "__main__":
    main()
