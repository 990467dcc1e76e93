"""``python -m xlard.bench``: run methods over prompts and seeds; write pictures, results.json and tables."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

import torch

from ...critics.critic_pair import CriticPair
from ...files import write_json
from ...loop.engine import Engine
from ...models.corrector import LatentCorrector
from ...models.head import RewardHead
from ...prompts import claims_from_prompt
from ...protocols import Corrector, Editor, Head, Judge
from ...training.trainer import default_device, machine
from ...worlds.registry import add_world_option, load_world
from ...worlds.world import World
from .looks import add_second_look, looking
from .methods import described_methods, method
from .prompts import geneval_prompts, read_prompts, readable_prompts
from .results import Result, summarise, write_method
from .reused_draws import can_reuse, most_draws, reused
from .tables import DETECTOR, EXACT, PAIR, curves, differences, table, tasks

Model = TypeVar("Model")

SUMMARY = "compare methods at equal compute (also without this word)"
_METHODS = f"""methods:
{described_methods()}

N caps the model calls in multiples of one base generation. Of several pictures the critic's best is returned."""


@dataclass(frozen=True)
class Models:
    """What judges, corrects and edits in a method; a world without a head or corrector is compared without."""

    judge: Judge
    head: Head | None
    corrector: Corrector | None
    editor: Editor | None = None


@dataclass(frozen=True)
class Variants:
    """What stands in for the world's own models in a method named with ``:name``."""

    correctors: dict[str, LatentCorrector]
    heads: dict[str, RewardHead]
    judges: dict[str, Judge]

    def check(self, names: Sequence[str]) -> None:
        """Raises ValueError for a method whose ``:name`` no file was given for."""
        known = {"", *self.correctors, *self.heads, *self.judges}
        missing = [name for name in names if name.partition(":")[2] not in known]
        if missing:
            raise ValueError(
                f"No file was given for {', '.join(missing)}. Name it with --correctors NAME=FILE or --heads NAME=FILE;"
                f" :{DETECTOR} and :{PAIR} need a world that has a detector."
            )

    def models_for(self, name: str, models: Models) -> Models:
        """The models of a method."""
        variant = name.partition(":")[2]
        return replace(
            models,
            judge=self.judges.get(variant, models.judge),
            head=self.heads.get(variant, models.head),
            corrector=self.correctors.get(variant, models.corrector),
        )


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Give the command its options."""
    parser.epilog, parser.formatter_class = _METHODS, argparse.RawDescriptionHelpFormatter
    add_world_option(parser)
    source = parser.add_mutually_exclusive_group()
    source.add_argument("--prompts", type=Path, help="file with one prompt a line (default: the test split)")
    source.add_argument(
        "--geneval", type=Path, metavar="FILE", help="GenEval's own prompts whose things the world draws, from its file"
    )
    parser.add_argument("--number", type=int, default=300, help="prompts of the split, if no file is given")
    parser.add_argument("--split", default="test", help="split to take prompts from, if no file is given")
    parser.add_argument("--seeds", default="0,1", help="comma-separated seeds, each prompt is drawn with each")
    parser.add_argument(
        "--methods",
        default="base,corrector,best_of_4,retry_4,loop_4",
        help=(
            "comma-separated methods; METHOD:detector has the world's detector in the critic's place, METHOD:pair both,"
            " METHOD:exact_judge, for reference, the exact checker"
        ),
    )
    parser.add_argument("--budget", type=int, help="N for methods named without one")
    parser.add_argument("--steps", type=int, default=20, help="sampling steps of one generation")
    parser.add_argument("--batch", type=int, default=32, help="pictures sampled together")
    parser.add_argument("--weights", type=Path, help="folder with the world's models (default: the bundled ones)")
    parser.add_argument(
        "--correctors",
        default="",
        help=(
            "other correctors, name=file separated by commas; 'corrector:name' and other methods with ':name' use them"
        ),
    )
    parser.add_argument("--heads", default="", help="other heads, in the same way")
    add_second_look(parser)
    parser.add_argument(
        "--read-steps",
        action="store_true",
        help="the head reads each step that it can, for results.json; no picture changes, seconds do",
    )
    parser.add_argument("--out", type=Path, default=Path("output/bench"), help="folder for pictures and results.json")


def prompts_for(options: argparse.Namespace, world: World) -> list[str]:
    """The prompts of a file, or of a split of the world, that make claims. Raises ValueError if none does."""
    if options.geneval:
        return readable_prompts(geneval_prompts(options.geneval, world))
    if options.prompts:
        return readable_prompts(read_prompts(options.prompts))
    return readable_prompts([prompt.text for prompt in world.prompts.evaluation_prompts(options.split, options.number)])


def run_method(
    name: str, world: World, models: Models, prompts: Sequence[str], seeds: Sequence[int], options: argparse.Namespace
) -> list[Result]:
    """Every picture, sampled in batches."""
    pairs = [(index, seed) for index in range(len(prompts)) for seed in seeds]
    apply = method(name, options.budget)
    results: list[Result] = []
    for start in range(0, len(pairs), options.batch):
        batch = pairs[start : start + options.batch]
        texts = [prompts[index] for index, _ in batch]
        engine = Engine(
            world.sampler(texts, options.steps),
            world.decoder,
            models.judge,
            prompts=texts,
            claims=[claims_from_prompt(text) for text in texts],
            seeds=[seed_of(index, seed) for index, seed in batch],
            head=models.head,
            corrector=models.corrector,
            read_steps=options.read_steps,
            encoder=world.encoder,
            editor=models.editor,
        )
        results += [Result(index, seed, state) for (index, seed), state in zip(batch, apply(engine))]
        print(f"{name}: {len(results)}/{len(pairs)}", flush=True)
    return results


def models_by_name(text: str, load: Callable[[Path], Model]) -> dict[str, Model]:
    """Models by the name that ``name=file,name=file`` gives them."""
    pairs = [pair.partition("=") for pair in text.split(",") if pair]
    return {name: load(Path(path)) for name, _, path in pairs}


def judges_of(world: World, critic: Judge) -> dict[str, Judge]:
    """What may stand in the critic's place, by the variant of a method that names it."""
    judges: dict[str, Judge] = {EXACT: world.checker}
    if world.detector_folder.is_dir():
        detector = world.detector()
        judges |= {DETECTOR: detector, PAIR: CriticPair(detector, critic)}
    return judges


def seed_of(prompt_index: int, seed: int) -> int:
    """The sampler's seed: paired between methods, different between prompts."""
    return 1_000_000 + 1000 * prompt_index + seed


def run(options: argparse.Namespace) -> None:
    """Run every method, write ``results.json``, ``summary.json`` and pictures, print the tables."""
    torch.manual_seed(0)
    world = load_world(options.world, options.weights, default_device())
    prompts, seeds = prompts_for(options, world), [int(seed) for seed in options.seeds.split(",")]
    names = options.methods.split(",")
    for name in names:
        method(name, options.budget)
    critic = world.critic(options.batch)
    judge = looking(critic, options.second_look)
    variants = Variants(
        models_by_name(options.correctors, LatentCorrector.load),
        models_by_name(options.heads, RewardHead.load),
        judges_of(world, judge),
    )
    variants.check(names)
    head = world.head() if world.head_file.is_file() else None
    corrector = world.corrector() if world.corrector_file.is_file() else None
    models = Models(judge, head, corrector, world.editor() if world.edit_pipeline.is_dir() else None)
    options.out.mkdir(parents=True, exist_ok=True)
    rows: list[dict] = []
    summaries: dict[str, dict] = {}
    before, source = None, most_draws(names)
    with torch.inference_mode():
        drawn = run_method(source, world, models, prompts, seeds, options) if source else []
    for name in names:
        models_of_method = variants.models_for(name, models)
        with torch.inference_mode():
            if can_reuse(name, source):
                results = [
                    result._replace(state=reused(name, result.state, models_of_method.judge)) for result in drawn
                ]
            else:
                results = run_method(name, world, models_of_method, prompts, seeds, options)
        summaries[name] = summarise(results, world.checker, before, options.steps)
        rows += write_method(name, results, summaries[name]["right"], options.out)
        before = summaries[name]["right"] if name == "base" else before
        write_json(options.out / "results.json", rows)
        write_json(
            options.out / "summary.json",
            {
                "machine": machine(),
                "world": options.world,
                "further looks": world.further_looks if options.second_look is None else options.second_look,
                "prompts": prompts,
                "seeds": seeds,
                "steps": options.steps,
                "methods": summaries,
            },
        )
    print(f"{len(prompts)} prompts, seeds {options.seeds}, {options.steps} steps, {machine()}")
    clusters = [index for index in range(len(prompts)) for _ in seeds]
    print(table(summaries), curves(summaries), tasks(summaries), differences(summaries, clusters), sep="\n\n")
