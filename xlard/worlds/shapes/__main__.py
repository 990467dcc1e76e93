"""Command line of the shapes world: ``python -m xlard.worlds.shapes train <model>``."""

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
from .world import ShapesWorld

OUT = Path("runs/demo")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m xlard.worlds.shapes", description="Train the models of the shapes world."
    )
    commands = parser.add_subparsers(dest="command", required=True)
    train = commands.add_parser("train", help="train one model, or continue where it stopped")
    models = train.add_subparsers(dest="model", required=True)

    model = new_model(models, OUT)
    autoencoder = model("autoencoder", 4500, 48, 4000, "AutoencoderTiny on renders")
    autoencoder.add_argument("--width", type=int, default=16, help="channels, zero-padded to 64 when saved")
    decoder = model("decoder", 1200, 6, 3000, "a wider decoder for the trained autoencoder")
    decoder.add_argument("--width", type=int, default=32, help="channels, zero-padded to 64 when saved")
    generator = model("generator", 12000, 32, 16000, "UNet and text encoder on the generator split")
    generator.add_argument("--stop-at", type=float, default=0.58, help="stop at this accuracy on validation prompts")
    generator.add_argument("--check-every", type=int, default=1000)
    model("boxes", 6000, 32, 10000, "Qwen3-VL on renders, reconstructions and annotated pictures: what is where")
    model("critic", 7000, 32, 10000, "the same model on every question to a critic")
    add_learners(model)

    check = commands.add_parser("check", help="score the checker on fresh renders, and their reconstructions")
    check.add_argument("--out", type=Path, default=OUT, help="folder with the trained models")
    check.add_argument("--number", type=int, default=5000, help="renders")
    check.add_argument("--reconstructions", type=int, default=1000, help="how many of them the autoencoder repeats")
    check.add_argument("--seed", type=int, default=0)
    add_drawing(commands, OUT)
    return parser


def _train(options: dict[str, Any]) -> None:
    name, folder = options.pop("model"), options.pop("out")
    folder.mkdir(parents=True, exist_ok=True)
    command = training_command("shapes", name, options)
    if name in LEARNERS:
        trained = import_module(f"..training.{name}", __package__).train(_world(folder), folder, **options)
    else:
        trained = import_module(f"{__package__}.training.{name}").train(folder, **options)
    figures = {"command": command, **trained}
    write_json(folder / f"{options.get('name', name)}.json", to_file(figures))
    print(figures)


def _world(out: Path) -> ShapesWorld:
    """The world with the models that were trained into a folder, or with the bundled ones if there are none."""
    trained = (out / "pipeline").is_dir()
    if not trained:
        print(f"There are no trained models in {out}: the bundled ones are taken.", flush=True)
        out.mkdir(parents=True, exist_ok=True)
    return ShapesWorld(out if trained else None, default_device())


def main() -> None:
    """Run one command."""
    options = vars(_parser().parse_args())
    command = options.pop("command")
    if command == "train":
        return _train(options)
    from .. import commands
    from .commands import BUNDLED, check

    if command == "bundle":
        commands.bundle(options["out"], WEIGHTS, BUNDLED)
    elif command == "check":
        check(_world(options["out"]), **options)
    else:
        getattr(commands, command)(_world(options["out"]), **options)


if __name__ == "__main__":
    main()
