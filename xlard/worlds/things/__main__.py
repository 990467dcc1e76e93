"""Command line of the things world: ``python -m xlard.worlds.things train <model>``, and what draws with it."""

from __future__ import annotations

import argparse
from importlib import import_module
from pathlib import Path
from typing import Any

from ...file_keys import to_file
from ...files import write_json
from ...training.trainer import default_device
from ..command_line import LEARNERS, add_drawing, add_learners, new_model
from ..training.command import training_command
from .architecture import WEIGHTS
from .checker import CERTAIN
from .world import ThingsWorld

OUT = Path("runs/things")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m xlard.worlds.things", description="Train the models of the things world."
    )
    commands = parser.add_subparsers(dest="command", required=True)
    train = commands.add_parser("train", help="train one model, or continue where it stopped")
    models = train.add_subparsers(dest="model", required=True)

    def model(name: str, text: str, steps: int, batch: int, rate: float, pool: int) -> argparse.ArgumentParser:
        training = models.add_parser(name, help=text)
        training.add_argument("--out", type=Path, default=OUT, help="folder for icons, renders, the run and weights")
        training.add_argument("--steps", type=int, default=steps)
        training.add_argument("--batch", type=int, default=batch, help="samples a step")
        training.add_argument("--learning-rate", type=float, default=rate)
        training.add_argument("--pool", type=int, default=pool, help="renders to train on")
        training.add_argument("--seed", type=int, default=0)
        training.add_argument("--threads", type=int, help="CPU threads (PyTorch's choice)")
        training.add_argument("--max-seconds", type=float, help="stop after this long; resumable")
        return training

    def validated(training: argparse.ArgumentParser) -> argparse.ArgumentParser:
        training.add_argument("--validate-every", type=int, default=1000, help="steps between two validations")
        training.add_argument(
            "--export", action="store_true", help="write the weights of the last saved state without training"
        )
        return training

    autoencoder = validated(model("autoencoder", "AutoencoderTiny on renders", 100_000, 8, 1.5e-3, 16_000))
    autoencoder.add_argument("--crop", type=int, default=64, help="side of a crop in pixels, a multiple of 8")
    autoencoder.add_argument("--on-objects", type=float, default=0.9, help="share of the crops around an object")
    autoencoder.add_argument("--encoder-width", type=int, default=32, help="channels of the encoder")
    autoencoder.add_argument("--decoder-width", type=int, default=64, help="channels of the decoder")
    autoencoder.add_argument("--begin", type=Path, metavar="FILE", help="autoencoder whose weights it begins with")
    generator = validated(model("generator", "UNet and text encoder on latents of renders", 60_000, 32, 8e-4, 40_000))
    generator.add_argument("--begin", type=Path, metavar="FOLDER", help="pipeline whose weights it begins with")
    edit = validated(model("edit", "the generator, told what to change in a picture", 40_000, 32, 4e-4, 40_000))
    edit.add_argument("--begin", type=Path, metavar="FOLDER", help="generator's pipeline whose weights it begins with")
    checker = validated(model("checker", "a detector on renders and their reconstructions", 4000, 32, 1e-3, 8000))
    checker.add_argument("--width", type=int, default=32, help="channels at half of the picture's size")
    critic = model("critic", "Qwen3-VL on renders, reconstructions and annotated pictures", 8000, 32, 1e-3, 20_000)
    critic.add_argument(
        "--stage",
        choices=("seeing", "boxes", "critic"),
        default="critic",
        help="first what stands where, then lists of objects, then all questions",
    )
    critic.add_argument(
        "--begin", type=Path, metavar="FOLDER", help="critic that it begins with; else the last stage's"
    )
    add_learners(new_model(models, OUT))
    add_drawing(commands, OUT)
    renders = commands.add_parser(
        "renders", help="renders with known contents and their canonical repairs, for head and corrector"
    )
    renders.add_argument("--out", type=Path, default=OUT, help="folder with the trained models")
    renders.add_argument("--split", default="corrector", help="whose prompts")
    renders.add_argument("--number", type=int, default=6000, help="pictures in all; what is there is kept")
    renders.add_argument("--seed", type=int, default=0)
    masks = commands.add_parser("masks", help="measure a segmenter's masks of boxes on renders")
    masks.add_argument("--segmenter", type=Path, metavar="DIR", help="folder of a segmenter (GrabCut without)")
    masks.add_argument("--number", type=int, default=100, help="renders")
    masks.add_argument("--seed", type=int, default=0, help="of the first render")
    masks.add_argument("--off", type=float, default=0.06, help="how far the boxes are off, in shares of their size")
    eye = commands.add_parser("eye", help="compare the checker with somebody who looked at generated pictures")
    eye.add_argument("--out", type=Path, default=WEIGHTS, help="folder with the models (default: the bundled ones)")
    eye.add_argument("--certain", type=float, default=CERTAIN, help="probability from which on something is an object")
    return parser


BUNDLED = {
    "pipeline/unet": "generator",
    "pipeline/text_encoder": "generator",
    "pipeline/vae": "autoencoder",
    "edit_pipeline/unet": "edit",
    "edit_pipeline/text_encoder": "edit",
    "checker.safetensors": "checker",
    "critic": "critic",
    "head.safetensors": "head",
    "corrector.safetensors": "corrector",
}
"""Which training's figures go into the metadata of which weights."""


def _train(options: dict[str, Any]) -> None:
    name, folder = options.pop("model"), options.pop("out")
    folder.mkdir(parents=True, exist_ok=True)
    command = training_command("things", name, options)
    if name in LEARNERS:
        world = ThingsWorld(folder, default_device())
        trained = import_module(f"..training.{name}", __package__).train(world, folder, **options)
        figures = {"command": command, **trained}
    else:
        figures = import_module(f"{__package__}.training.{name}").train(folder, command, **options)
    write_json(folder / f"{options.get('name', figures['model'])}.json", to_file(figures))
    print(figures)


def _renders(out: Path, split: str, number: int, seed: int) -> None:
    from .training.rendered import collect_renders

    world = ThingsWorld(out, default_device())
    collect_renders(world, out / "records" / split / f"renders{seed}", split, number, seed)


def _masks(segmenter: Path | None, number: int, seed: int, off: float) -> None:
    from ...critics.segmenter.folder import SegmenterFolder
    from ...critics.segmenter.grab_cut import GrabCut
    from ...critics.segmenter.transformers import loaded_segmenter
    from .icons import load_icons
    from .masks import compare
    from .world import ICONS

    chosen = GrabCut() if segmenter is None else loaded_segmenter(SegmenterFolder(segmenter), default_device())
    print(compare(chosen, load_icons(ICONS), number, seed, off))


def main(arguments: list[str] | None = None) -> None:
    """Run one command."""
    options: dict[str, Any] = vars(_parser().parse_args(arguments))
    command = options.pop("command")
    if command == "train":
        return _train(options)
    if command == "masks":
        return _masks(**options)
    if command == "renders":
        return _renders(**options)
    if command == "eye":
        from .training.by_eye import agreement

        return print(agreement(ThingsWorld(options["out"], default_device()), options["certain"]))
    from .. import commands

    if command == "bundle":
        commands.bundle(options["out"], WEIGHTS, BUNDLED)
    else:
        getattr(commands, command)(ThingsWorld(options["out"], default_device()), **options)


if __name__ == "__main__":
    main()
