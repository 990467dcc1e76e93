"""``python -m xlard.bench regions``: one round of a strategy on pictures of which the critic fails a single claim."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from ...critics.mllm import MLLMCritic
from ...critique import Verdict
from ...files import write_json
from ...loop.baselines import base
from ...loop.correction import Correction
from ...loop.engine import Engine
from ...loop.faults import faults_of
from ...loop.router import Router, router
from ...loop.run import plan_for, try_plans
from ...loop.settings import LoopSettings
from ...loop.state import LoopState, Round
from ...loop.strategies import Region
from ...prompts import claims_from_prompt
from ...report.drawing import to_picture
from ...training.trainer import default_device, machine
from ...worlds.registry import add_world_option, load_world
from ...worlds.world import Checker, World
from ..statistics import wilson
from .looks import add_second_look, looking
from .run import seed_of
from .tables import markdown, with_interval

SHARES = ("claim, critic", "claim, checker", "all, critic", "all, checker")

FULL_PROMPT = "region:full_prompt"
"""The strategy region that redraws from the full prompt in any case, for comparison."""

SUMMARY = "one round of a strategy on pictures of which a single claim fails"


@dataclass(frozen=True)
class NearMiss:
    """A first draw of which one claim fails: the claim's index; ``seed`` is the sampler's."""

    state: LoopState
    failed: int
    seed: int

    @property
    def claim_type(self) -> str:
        """The failed claim's type."""
        return self.state.claims[self.failed].type


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Give the command its options."""
    add_world_option(parser)
    parser.add_argument("--split", default="test", help="whose prompts are drawn")
    parser.add_argument(
        "--number", type=int, default=300, help="prompts; about one picture in six fails in a single claim"
    )
    parser.add_argument("--seeds", default="0,1", help="comma-separated seeds, each prompt is drawn with each")
    parser.add_argument(
        "--strategies",
        default="region,rearrange",
        help=f"comma-separated strategies of the loop; {FULL_PROMPT} does not empty places of what has to go",
    )
    parser.add_argument(
        "--surplus", action="store_true", help="only pictures in which objects have to go, and nothing else is wrong"
    )
    add_second_look(parser)
    parser.add_argument("--batch", type=int, default=32, help="pictures sampled together")
    parser.add_argument("--weights", type=Path, help="folder with the world's models (default: the bundled ones)")
    parser.add_argument("--out", type=Path, default=Path("output/regions"), help="folder for pictures and regions.json")


def run(options: argparse.Namespace) -> None:
    """Run the rounds, write ``regions.json`` and pictures, print a table."""
    names, seeds = options.strategies.split(","), [int(seed) for seed in options.seeds.split(",")]
    for name in names:
        _router(name)
    world = load_world(options.world, options.weights, default_device())
    judge = world.critic(options.batch)
    critic = looking(judge, options.second_look)
    prompts = [prompt.text for prompt in world.prompts.evaluation_prompts(options.split, options.number)]
    figures: dict[str, dict[str, dict]] = {}
    with torch.inference_mode():
        misses = near_misses(world, critic, prompts, seeds, options.batch)
        if options.surplus:
            misses = with_surplus(misses)
        for name in names:
            rounds = one_round(name, world, critic, misses, options.batch)
            _write_pictures(options.out / name, misses, rounds)
            figures[name] = figures_of(world.checker, misses, rounds)
            write_json(
                options.out / "regions.json",
                {"machine": machine(), "split": options.split, "seeds": seeds, "strategies": figures},
            )
    print(table(figures))


def near_misses(
    world: World, critic: MLLMCritic, prompts: Sequence[str], seeds: Sequence[int], batch: int
) -> list[NearMiss]:
    """First draws of prompts, each with every seed, of which the critic fails one claim and no more."""
    pairs = [(text, seed_of(index, seed)) for index, text in enumerate(prompts) for seed in seeds]
    misses: list[NearMiss] = []
    for start in range(0, len(pairs), batch):
        drawn = pairs[start : start + batch]
        for state, (_, seed) in zip(base(_engine(world, critic, drawn)), drawn):
            failed = [index for index, verdict in enumerate(state.best.critique.verdicts) if verdict.passed is False]
            if len(failed) == 1:
                misses.append(NearMiss(state, failed[0], seed))
        print(f"first draws: {start + len(drawn)}/{len(pairs)}, one failed claim: {len(misses)}", flush=True)
    return misses


def with_surplus(misses: Sequence[NearMiss]) -> list[NearMiss]:
    """Those of which objects have to go, and nothing else is wrong."""
    return [miss for miss in misses if faults_of(miss.state.best.foreground, None).only_removed]


def one_round(
    name: str, world: World, critic: MLLMCritic, misses: Sequence[NearMiss], batch: int
) -> list[Round | None]:
    """What one round of a strategy makes of each picture, whatever the critic says of it; None if the strategy has
    nothing to offer.
    """
    rounds: list[Round | None] = []
    for start in range(0, len(misses), batch):
        misses_of_batch = misses[start : start + batch]
        engine = _engine(world, critic, [(miss.state.prompt, miss.seed) for miss in misses_of_batch])
        settings = LoopSettings(strategies=(name.partition(":")[0],))
        strategies, correction = _router(name), Correction.resolve(None, None, settings)
        for state, miss in zip(engine.states, misses_of_batch):
            state.rounds.append(miss.state.first)
        plans = {
            row: plan
            for row in range(len(misses_of_batch))
            if (plan := plan_for(engine, row, 1, strategies, correction, settings))
        }
        try_plans(engine, plans, correction, lambda state, critique: True)
        rounds += [state.rounds[1] if state.rounds[1:] else None for state in engine.states]
        print(f"{name}: {start + len(misses_of_batch)}/{len(misses)}", flush=True)
    return rounds


def _router(name: str) -> Router:
    """A router that has one strategy only."""
    return Router((Region(empties=False),)) if name == FULL_PROMPT else router((name,))


def _engine(world: World, critic: MLLMCritic, pairs: Sequence[tuple[str, int]]) -> Engine:
    """An engine for prompts and seeds."""
    prompts, seeds = [prompt for prompt, _ in pairs], [seed for _, seed in pairs]
    claims = [claims_from_prompt(prompt) for prompt in prompts]
    return Engine(world.sampler(prompts), world.decoder, critic, prompts, claims, seeds, encoder=world.encoder)


def changed_outside(before: Round, after: Round) -> int:
    """How many latent values differ where nothing was to be redrawn."""
    if after.region is None:
        return 0
    return int((after.latent != before.latent)[:, ~after.region].sum())


def change_outside(before: Round, after: Round) -> float:
    """The mean change in [0, 1] of the pixels where nothing was to be redrawn; 0 where all was."""
    if after.region is None:
        return 0.0
    size = after.image.shape[:2]
    redrawn = torch.nn.functional.interpolate(after.region[None, None].float(), size, mode="nearest")[0, 0] > 0
    change = (after.image - before.image).abs()[~redrawn]
    return change.mean().item() if len(change) else 0.0


def figures_of(checker: Checker, misses: Sequence[NearMiss], rounds: Sequence[Round | None]) -> dict[str, dict]:
    """Of all pictures, and of those that failed in each type of claim: how many there are and a plan was made for; of
    these the shares, with Wilson intervals, in which the claim holds and in which all do, by the critic and by the
    checker; in how many the checker found before that the claim holds; values changed outside; mean change of pixels
    outside, share of the latent that was open, NFE.
    """
    rows: list[dict] = []
    for miss, after in zip(misses, rounds):
        if after is not None:
            verdicts_of = {"critic": after.critique.verdicts, "checker": _exact(checker, miss, after)}
            rows.append(
                {
                    "claim_type": miss.claim_type,
                    "nfe": after.nfe,
                    "outside": changed_outside(miss.state.first, after),
                    "pixels": change_outside(miss.state.first, after),
                    "open": 1.0 if after.region is None else after.region.float().mean().item(),
                    "held": bool(_exact(checker, miss, miss.state.first)[miss.failed].passed),
                    **{
                        f"claim, {judge}": bool(verdicts[miss.failed].passed) for judge, verdicts in verdicts_of.items()
                    },
                    **{
                        f"all, {judge}": all(verdict.passed for verdict in verdicts)
                        for judge, verdicts in verdicts_of.items()
                    },
                }
            )
    figures = {}
    for claim_type in ("all", *sorted({miss.claim_type for miss in misses})):
        rows_of_type = [row for row in rows if claim_type in ("all", row["claim_type"])]
        number = len(rows_of_type)
        if rows_of_type:
            figures[claim_type] = {
                "pictures": sum(claim_type in ("all", miss.claim_type) for miss in misses),
                "planned": number,
                **{name: wilson(sum(row[name] for row in rows_of_type), number) for name in SHARES},
                "held": sum(row["held"] for row in rows_of_type),
                "outside": sum(row["outside"] for row in rows_of_type),
                **{name: sum(row[name] for row in rows_of_type) / number for name in ("open", "pixels", "nfe")},
            }
    return figures


def _exact(checker: Checker, miss: NearMiss, round_: Round) -> tuple[Verdict, ...]:
    return checker.check(round_.image, miss.state.claims).verdicts


def table(figures: dict[str, dict[str, dict]]) -> str:
    """A Markdown table, a line for each strategy and type of claim."""
    heads = [
        "strategy",
        "failed claim",
        "pictures",
        "planned",
        "claim holds, critic",
        "claim holds, checker",
        "all hold, critic",
        "all hold, checker",
        "held before, checker",
        "open",
        "values changed outside",
        "change of pixels outside",
        "NFE",
    ]
    return markdown(
        heads,
        [
            [
                name,
                claim_type,
                str(row["pictures"]),
                str(row["planned"]),
                *(with_interval(row[share]) for share in SHARES),
                str(row["held"]),
                f"{row['open']:.2f}",
                str(row["outside"]),
                f"{row['pixels']:.4f}",
                f"{row['nfe']:.1f}",
            ]
            for name, figures_of_strategy in figures.items()
            for claim_type, row in figures_of_strategy.items()
        ],
    )


def _write_pictures(folder: Path, misses: Sequence[NearMiss], rounds: Sequence[Round | None]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for index, (miss, after) in enumerate(zip(misses, rounds)):
        if after is not None:
            to_picture(torch.cat([miss.state.first.image, after.image], dim=1)).save(folder / f"{index}.png")
