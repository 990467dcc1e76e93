"""``python -m xlard.bench.worlds.regions``: one round of a strategy on pictures of which the critic fails a single
claim."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from ...critics.mllm import MLLMCritic
from ...critics.scoring import make_scoring
from ...critique import Verdict
from ...files import write_json
from ...loop.attempt import carry_out
from ...loop.baselines import base
from ...loop.correction import Correction
from ...loop.engine import Engine
from ...loop.router import router
from ...loop.run import plan_for
from ...loop.settings import LoopSettings
from ...loop.state import LoopState, Round
from ...prompts import claims_from_prompt
from ...report.drawing import to_picture
from ...training.trainer import default_device, machine
from ...worlds.shapes.architecture import WEIGHTS
from ...worlds.shapes.checker import check
from ...worlds.shapes.prompts import evaluation_prompts
from ...worlds.shapes.world import DemoWorld
from ..geneval.figures import wilson
from .run import seed_of
from .tables import markdown, with_interval


@dataclass(frozen=True)
class Case:
    """A first draw and the place of its one failed claim; ``seed`` is the sampler's."""

    state: LoopState
    failed: int
    seed: int

    @property
    def kind(self) -> str:
        """The failed claim's type."""
        return self.state.claims[self.failed].type


def cases_of(
    world: DemoWorld, critic: MLLMCritic, prompts: Sequence[str], seeds: Sequence[int], batch: int
) -> list[Case]:
    """First draws of prompts, each with every seed, of which the critic fails one claim and no more."""
    jobs, cases = [(text, seed_of(index, seed)) for index, text in enumerate(prompts) for seed in seeds], []
    for start in range(0, len(jobs), batch):
        part = jobs[start : start + batch]
        for state, (_, seed) in zip(base(_engine(world, critic, part)), part):
            failed = [place for place, verdict in enumerate(state.best.critique.verdicts) if verdict.passed is False]
            if len(failed) == 1:
                cases.append(Case(state, *failed, seed))
        print(f"first draws: {start + len(part)}/{len(jobs)}, one failed claim: {len(cases)}", flush=True)
    return cases


def one_round(name: str, world: DemoWorld, critic: MLLMCritic, cases: Sequence[Case], batch: int) -> list[Round | None]:
    """What one round of a strategy makes of each case, whatever the critic says of it; None where it has nothing to
    offer."""
    found = []
    for start in range(0, len(cases), batch):
        part = cases[start : start + batch]
        engine = _engine(world, critic, [(case.state.prompt, case.seed) for case in part])
        strategies, correction = router((name,)), Correction.resolve(None, None, LoopSettings())
        for state, case in zip(engine.states, part):
            state.rounds.append(case.state.first)
        plans = {row: plan for row in range(len(part)) if (plan := plan_for(engine, row, 1, strategies, correction))}
        if plans:
            engine.try_rows(
                list(plans),
                lambda: carry_out(engine, list(plans), list(plans.values()), correction),
                lambda state, critique: True,
            )
        found += [state.rounds[1] if state.rounds[1:] else None for state in engine.states]
        print(f"{name}: {start + len(part)}/{len(cases)}", flush=True)
    return found


def _engine(world: DemoWorld, critic: MLLMCritic, jobs: Sequence[tuple[str, int]]) -> Engine:
    texts, seeds = zip(*jobs)
    return Engine(
        world.sampler(texts), world.decoder, critic, texts, [claims_from_prompt(text) for text in texts], seeds
    )


def changed_outside(before: Round, after: Round) -> int:
    """How many latent values differ where nothing was to be drawn anew."""
    if after.region is None:
        return 0
    return int((after.latent != before.latent)[:, ~after.region].sum())


def figures_of(cases: Sequence[Case], rounds: Sequence[Round | None]) -> dict[str, dict]:
    """Of all pictures, and of those that failed in each type of claim: how many there are and a plan was made for; of
    these the shares, with Wilson intervals, in which the claim holds and in which all do, by the critic and by the
    exact checker; in how many the checker found before that the claim holds; values changed outside; mean share of the
    latent that was open, NFE."""
    rows = []
    for case, after in zip(cases, rounds):
        if after is not None:
            seen = {"critic": after.critique.verdicts, "checker": _exact(case, after)}
            rows.append(
                {
                    "kind": case.kind,
                    "nfe": after.nfe,
                    "outside": changed_outside(case.state.first, after),
                    "open": 1.0 if after.region is None else after.region.float().mean().item(),
                    "held": bool(_exact(case, case.state.first)[case.failed].passed),
                    **{f"claim, {judge}": bool(verdicts[case.failed].passed) for judge, verdicts in seen.items()},
                    **{
                        f"all, {judge}": all(verdict.passed for verdict in verdicts) for judge, verdicts in seen.items()
                    },
                }
            )
    figures = {}
    for kind in ("all", *sorted({case.kind for case in cases})):
        own = [row for row in rows if kind in ("all", row["kind"])]
        if own:
            figures[kind] = {
                "pictures": sum(kind in ("all", case.kind) for case in cases),
                "planned": len(own),
                **{name: wilson(sum(row[name] for row in own), len(own)) for name in SHARES},
                "held": sum(row["held"] for row in own),
                "outside": sum(row["outside"] for row in own),
                **{name: sum(row[name] for row in own) / len(own) for name in ("open", "nfe")},
            }
    return figures


SHARES = ("claim, critic", "claim, checker", "all, critic", "all, checker")


def _exact(case: Case, entry: Round) -> tuple[Verdict, ...]:
    return check(entry.image.permute(2, 0, 1), case.state.claims).verdicts


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
        "NFE",
    ]
    return markdown(
        heads,
        [
            [
                name,
                kind,
                str(row["pictures"]),
                str(row["planned"]),
                *(with_interval(row[share]) for share in SHARES),
                str(row["held"]),
                f"{row['open']:.2f}",
                str(row["outside"]),
                f"{row['nfe']:.1f}",
            ]
            for name, kinds in figures.items()
            for kind, row in kinds.items()
        ],
    )


def main() -> None:
    """Parse the command line, run the rounds, write ``regions.json`` and pictures, print a table."""
    parser = argparse.ArgumentParser(
        prog="python -m xlard.bench.worlds.regions",
        description="One round of a strategy on demo pictures of which a single claim fails.",
    )
    parser.add_argument("--split", default="test", help="whose prompts are drawn")
    parser.add_argument(
        "--number", type=int, default=300, help="prompts; about one picture in six fails in a single claim"
    )
    parser.add_argument("--seeds", default="0,1", help="comma-separated seeds, each prompt is drawn with each")
    parser.add_argument("--strategies", default="region,rearrange", help="comma-separated strategies of the loop")
    parser.add_argument(
        "--second-look", action="store_true", help="the critic judges what passes once more in the mirror"
    )
    parser.add_argument("--batch", type=int, default=32, help="pictures sampled together")
    parser.add_argument("--weights", type=Path, default=WEIGHTS, help="folder with the demo world's models")
    parser.add_argument("--out", type=Path, default=Path("output/regions"), help="folder for pictures and regions.json")
    options = parser.parse_args()
    names, seeds = options.strategies.split(","), [int(seed) for seed in options.seeds.split(",")]
    for name in names:
        router((name,))
    world, figures = DemoWorld(options.weights, default_device()), {}
    judge = world.critic(options.batch)
    critic = judge.with_scoring(make_scoring("grounded", second_look=True)) if options.second_look else judge
    with torch.inference_mode():
        cases = cases_of(
            world,
            critic,
            [prompt.text for prompt in evaluation_prompts(options.split, options.number)],
            seeds,
            options.batch,
        )
        for name in names:
            rounds = one_round(name, world, critic, cases, options.batch)
            _write_pictures(options.out / name, cases, rounds)
            figures[name] = figures_of(cases, rounds)
            write_json(
                options.out / "regions.json",
                {"machine": machine(), "split": options.split, "seeds": seeds, "strategies": figures},
            )
    print(table(figures))


def _write_pictures(folder: Path, cases: Sequence[Case], rounds: Sequence[Round | None]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for index, (case, after) in enumerate(zip(cases, rounds)):
        if after is not None:
            to_picture(torch.cat([case.state.first.image, after.image], dim=1)).save(folder / f"{index}.png")


if __name__ == "__main__":
    main()
