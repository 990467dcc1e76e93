"""Commands that draw with a world's trained generator. ``out`` is the training's folder."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from ..critics.scoring import SCORINGS
from ..files import write_json
from ..prompts import claims_from_prompt
from ..training.collect import judge_again
from ..training.dataset import Dataset
from ..training.summary import summarise_dataset
from ..training.trainer import default_device, machine
from .drafted import measure_drafts
from .evaluation import accuracy_of, compare_judges
from .sampling import generate
from .scoring import changed_verdicts, decomposed, measure, table, write_on
from .scoring import speed as time_scorings
from .training.annotated import Annotated
from .training.collect import collect_pictures, prompt_list, settings_for
from .training.records import load_records
from .world import World

EDIT_PARTS = ("unet", "text_encoder", "tokenizer")
"""What an edit model has of its own: its autoencoder is that of the generator."""


def bundle(out: Path, weights: Path, bundled: Mapping[str, str]) -> None:
    """Copy trained models to the pack's own weights, with command, seed, time and figures in their metadata.

    ``bundled`` says which training's figures go into the metadata of which weights. What was not trained into ``out``
    stays as the pack has it.
    """
    for name, model in bundled.items():
        if not (out / name).exists():
            continue
        figures = (out / f"{model}.json").read_text()
        for source in sorted((out / name).glob("*.safetensors")) if (out / name).is_dir() else [out / name]:
            with safe_open(source, framework="pt") as file:
                metadata = {"format": "pt", **(file.metadata() or {}), "figures": figures}
            target = weights / source.relative_to(out)
            target.parent.mkdir(parents=True, exist_ok=True)
            save_file(load_file(source), target, metadata=metadata)
    for folder in ("pipeline", "critic", "detector", *(f"edit_pipeline/{part}" for part in EDIT_PARTS)):
        for source in (path for path in (out / folder).rglob("*") if path.suffix in (".json", ".jinja")):
            target = weights / source.relative_to(out)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)
    total = sum(path.stat().st_size for path in weights.rglob("*.safetensors"))
    print(f"{weights}: {total / 1e6:.1f} MB")


def annotate(world: World, out: Path, split: str, number: int, repeats: int, seed: int) -> None:
    """Draw the critic's training pictures and annotate what is visibly there: ``out/annotated<seed>``."""
    prompts = prompt_list(world, split, number, repeats, seed)
    latents = generate(world.sampler(prompts), [10_000_000 * (seed + 1) + row for row in range(len(prompts))])
    images = world.decoder.decode(latents).cpu()
    pictures = (images * 255).round().to(torch.uint8).permute(0, 3, 1, 2)
    Annotated(pictures, world.annotation(images)).save(out / f"annotated{seed}")


def collect(
    world: World, out: Path, split: str, number: int, repeats: int, seed: int, corrector: bool, repair_views: bool
) -> None:
    """Draw and judge pictures into ``out/records/<split>/<seed>``; continues with what is there."""
    prompts = prompt_list(world, split, number, repeats, seed)
    settings = settings_for(world, split, seed, repair_views)
    dataset = collect_pictures(world, out / "records" / split / str(seed), prompts, settings, corrector)
    print(summarise_dataset(dataset))


def judge(world: World, out: Path, split: str) -> None:
    """Judge the collected pictures of a split again, after the critic has changed."""
    critic = world.critic()
    for path in sorted((out / "records" / split).glob("*/dataset.json")):
        judge_again(Dataset.load(path.parent), world.decoder, critic)
        print(f"judge: {path.parent}", flush=True)


def evaluate(world: World, out: Path, split: str, number: int, repeats: int, seed: int) -> None:
    """Score the generator by the checker, and the critic, once it is trained, against the checker, on ``repeats``
    pictures a prompt.
    """
    chosen = [prompt for prompt in world.prompts.evaluation_prompts(split, number) for _ in range(repeats)]
    images, claims = drawn(world, split, number, repeats, seed)
    exact = world.checker.judge(images, claims)
    figures: dict = {"pictures": len(chosen), "accuracy": accuracy_of(chosen, exact)}
    if world.critic_folder.is_dir():
        figures |= compare_judges(exact, world.critic().judge(images, claims), world.nouns)
    write_json(out / f"evaluation_{split}.json", figures)
    print(figures)


def scoring(
    world: World, out: Path, split: str, number: int, repeats: int, seed: int, scorings: str, write: str
) -> None:
    """Measure the critic with each scoring against the checker, on ``repeats`` generated pictures a prompt.

    With ``write`` the critic sees the pictures with that text written on them, the checker without it.
    """
    images, claims = drawn(world, split, number, repeats, seed)
    exact, critic = world.checker.judge(images, claims), world.critic()
    figures: dict[str, dict] = {}
    seen = write_on(images, write) if write else images
    for name in scorings.split(",") if scorings else SCORINGS:
        figures[name] = measure(critic.with_scoring(SCORINGS[name]), seen, claims, exact)
        print(f"{name}: {figures[name]}", flush=True)
        if write:
            before, after = (critic.with_scoring(SCORINGS[name]).judge(shown, claims) for shown in (images, seen))
            print(f"{name}: {changed_verdicts(before, after)}", flush=True)
    write_json(out / f"scoring_{split}.json", figures)
    print(table(figures))
    print(decomposed(critic, [prompt.text for prompt in world.prompts.evaluation_prompts(split, number)]))


def speed(world: World, out: Path, split: str, number: int, repeats: int, seed: int) -> None:
    """Time the critic with each scoring, on ``repeats`` generated pictures a prompt."""
    images, claims = drawn(world, split, number, repeats, seed)
    print(f"{len(images)} pictures, {sum(map(len, claims)) / len(claims):.1f} claims each, {machine()}")
    for name, value in time_scorings(out, default_device(), images, claims).items():
        print(f"{name}: {value}")


def drafts(world: World, out: Path, split: str, repeats: int, levels: str) -> None:
    """Score drafts of a split's collected pictures, sampled on from noise levels; see ``drafted.measure_drafts``."""
    pieces, records = load_records(world, out, "corrector"), load_records(world, out, split)
    for name, figures in measure_drafts(world, pieces, records, repeats, [*map(float, levels.split(","))]).items():
        print(f"{name}: {figures}")


def drawn(world: World, split: str, number: int, repeats: int, seed: int) -> tuple[torch.Tensor, list]:
    """Generated pictures (B, H, W, 3) of a split's prompts, and the claims of each."""
    chosen = [prompt.text for prompt in world.prompts.evaluation_prompts(split, number) for _ in range(repeats)]
    latents = generate(world.sampler(chosen), [seed + row % repeats for row in range(len(chosen))])
    return world.decoder.decode(latents).cpu(), [claims_from_prompt(text) for text in chosen]
