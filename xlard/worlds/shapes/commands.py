"""Commands that draw with the trained generator: annotate, collect, evaluate."""

from __future__ import annotations

import shutil
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from ...critics.scoring import SCORINGS
from ...files import write_json
from ...prompts import claims_from_prompt
from ...training.collect import judge_again
from ...training.dataset import Dataset
from ...training.summary import summarise_dataset
from ...training.trainer import default_device, machine
from ..decoder import load_autoencoder
from ..evaluation import compare_judges
from ..sampling import generate
from ..scoring import changed_verdicts, decomposed, measure, table, write_on
from ..scoring import speed as time_scorings
from .architecture import WEIGHTS
from .checker import check as check_picture
from .prompts import PROMPTS
from .training.boxes import annotate as annotate_pictures
from .training.collect import collect_pictures, prompt_list, settings_for
from .training.scenes import pictures_of, scene_pool
from .world import ShapesWorld


def _world(out: Path) -> ShapesWorld:
    """The world with the models that were trained into a folder, or with the bundled ones if there are none."""
    trained = (out / "pipeline").is_dir()
    if not trained:
        print(f"There are no trained models in {out}: the bundled ones are taken.", flush=True)
        out.mkdir(parents=True, exist_ok=True)
    return ShapesWorld(out if trained else None, default_device())


def check(out: Path, number: int, reconstructions: int, seed: int) -> None:
    """Score the checker on fresh renders of test prompts, and on what the autoencoder makes of the first of them."""
    texts, packed = scene_pool("test", number, 50_000_000 + seed)
    pictures = pictures_of(packed, torch.Generator().manual_seed(seed))
    # Before the generator is trained there is an autoencoder and no pipeline.
    alone = (out / "vae").is_dir() and not (out / "pipeline").is_dir()
    autoencoder = load_autoencoder(out / "vae" if alone else _world(out).pipeline / "vae")
    originals = pictures[:reconstructions]
    with torch.no_grad():
        latents = [autoencoder.encode(batch).latents for batch in originals.split(32)]
        decoded = torch.cat([autoencoder.decode(batch).sample.clamp(-1, 1) for batch in latents])
    figures: dict = {}
    for name, shown in (("renders", pictures), ("reconstructions", decoded)):
        right = [
            check_picture(picture / 2 + 0.5, claims_from_prompt(text)).passed for text, picture in zip(texts, shown)
        ]
        figures[name] = {"pictures": len(right), "right": sum(right) / len(right)}
    figures["psnr"] = round(-10 * ((decoded - originals).square().mean(dim=(1, 2, 3)) / 4).log10().mean().item(), 2)
    print(figures)


BUNDLED = {
    "pipeline/unet": "generator",
    "pipeline/text_encoder": "generator",
    "pipeline/vae": "decoder",
    "critic": "critic",
    "head.safetensors": "head",
    "corrector.safetensors": "corrector",
}
"""Which training's figures go into the metadata of which weights."""


def bundle(out: Path) -> None:
    """Copy the trained models to the pack's own weights, with command, seed, time and figures in their metadata."""
    for name, model in BUNDLED.items():
        figures = (out / f"{model}.json").read_text()
        for source in sorted((out / name).glob("*.safetensors")) if (out / name).is_dir() else [out / name]:
            with safe_open(source, framework="pt") as file:
                metadata = {"format": "pt", **(file.metadata() or {}), "figures": figures}
            target = WEIGHTS / source.relative_to(out)
            target.parent.mkdir(parents=True, exist_ok=True)
            save_file(load_file(source), target, metadata=metadata)
    for folder in ("pipeline", "critic"):
        for source in (path for path in (out / folder).rglob("*") if path.suffix in (".json", ".jinja")):
            target = WEIGHTS / source.relative_to(out)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)
    total = sum(path.stat().st_size for path in WEIGHTS.rglob("*.safetensors"))
    print(f"{WEIGHTS}: {total / 1e6:.1f} MB")


def annotate(out: Path, split: str, number: int, repeats: int, seed: int) -> None:
    """Draw the critic's training pictures and annotate what is visibly there: ``out/annotated<seed>``."""
    world = ShapesWorld(out, default_device())
    prompts = prompt_list(split, number, repeats, seed)
    latents = generate(world.sampler(prompts), [10_000_000 * (seed + 1) + row for row in range(len(prompts))])
    pictures = world.decoder.decode(latents).permute(0, 3, 1, 2).cpu()
    annotate_pictures(pictures).save(out / f"annotated{seed}")


def collect(out: Path, split: str, number: int, repeats: int, seed: int, corrector: bool) -> None:
    """Draw and judge pictures into ``out/records/<split>/<seed>``; continues with what is there."""
    world, prompts = ShapesWorld(out, default_device()), prompt_list(split, number, repeats, seed)
    dataset = collect_pictures(
        world, out / "records" / split / str(seed), prompts, settings_for(split, seed), corrector
    )
    print(summarise_dataset(dataset))


def judge(out: Path, split: str) -> None:
    """Judge the collected pictures of a split again, after the critic has changed."""
    world = ShapesWorld(out, default_device())
    critic = world.critic()
    for path in sorted((out / "records" / split).glob("*/dataset.json")):
        judge_again(Dataset.load(path.parent), world.decoder, critic)
        print(f"judge: {path.parent}", flush=True)


def evaluate(out: Path, split: str, number: int, repeats: int, seed: int) -> None:
    """Score the generator by the checker, and the critic against the checker, on ``repeats`` pictures a prompt."""
    world = _world(out)
    chosen = [prompt for prompt in PROMPTS.evaluation_prompts(split, number) for _ in range(repeats)]
    images, claims = _drawn(world, split, number, repeats, seed)
    figures = compare_judges(chosen, world.checker.judge(images, claims), world.critic().judge(images, claims))
    write_json(out / f"evaluation_{split}.json", figures)
    print(figures)


def scoring(out: Path, split: str, number: int, repeats: int, seed: int, scorings: str, write: str) -> None:
    """Measure the critic with each scoring against the checker, on ``repeats`` generated pictures a prompt.

    With ``write`` the critic sees the pictures with that text written on them, the checker without it.
    """
    world = _world(out)
    images, claims = _drawn(world, split, number, repeats, seed)
    exact, critic = world.checker.judge(images, claims), world.critic()
    figures: dict[str, dict] = {}
    seen = write_on(images, write) if write else images
    for name in scorings.split(",") if scorings else SCORINGS:
        figures[name] = measure(critic, SCORINGS[name], seen, claims, exact)
        print(f"{name}: {figures[name]}", flush=True)
        if write:
            before, after = (critic.with_scoring(SCORINGS[name]).judge(shown, claims) for shown in (images, seen))
            print(f"{name}: {changed_verdicts(before, after)}", flush=True)
    write_json(out / f"scoring_{split}.json", figures)
    print(table(figures))
    print(decomposed(critic, [prompt.text for prompt in PROMPTS.evaluation_prompts(split, number)]))


def speed(out: Path, split: str, number: int, repeats: int, seed: int) -> None:
    """Time the critic with each scoring, on ``repeats`` generated pictures a prompt."""
    images, claims = _drawn(_world(out), split, number, repeats, seed)
    print(f"{len(images)} pictures, {sum(map(len, claims)) / len(claims):.1f} claims each, {machine()}")
    for name, value in time_scorings(out, default_device(), images, claims).items():
        print(f"{name}: {value}")


def _drawn(world: ShapesWorld, split: str, number: int, repeats: int, seed: int) -> tuple[torch.Tensor, list]:
    """Generated pictures (B, H, W, 3) of a split's prompts, and the claims of each."""
    chosen = [prompt.text for prompt in PROMPTS.evaluation_prompts(split, number) for _ in range(repeats)]
    latents = generate(world.sampler(chosen), [seed + row % repeats for row in range(len(chosen))])
    return world.decoder.decode(latents).cpu(), [claims_from_prompt(text) for text in chosen]
