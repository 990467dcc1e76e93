"""Command line of the things world: ``python -m xlard.worlds.things train <model>``."""

from __future__ import annotations

import argparse
from importlib import import_module
from pathlib import Path
from typing import Any

from ...file_keys import to_file
from ...files import write_json
from ..training.command import training_command

OUT = Path("runs/things")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m xlard.worlds.things", description="Train the models of the things world."
    )
    commands = parser.add_subparsers(dest="command", required=True)
    train = commands.add_parser("train", help="train one model, or continue where it stopped")
    models = train.add_subparsers(dest="model", required=True)
    autoencoder = models.add_parser("autoencoder", help="AutoencoderTiny on renders")
    autoencoder.add_argument("--out", type=Path, default=OUT, help="folder for icons, renders, the run and weights")
    autoencoder.add_argument("--steps", type=int, default=100_000)
    autoencoder.add_argument("--batch", type=int, default=8, help="crops a step")
    autoencoder.add_argument("--crop", type=int, default=64, help="side of a crop in pixels, a multiple of 8")
    autoencoder.add_argument("--encoder-width", type=int, default=32, help="channels of the encoder")
    autoencoder.add_argument("--decoder-width", type=int, default=64, help="channels of the decoder")
    autoencoder.add_argument("--learning-rate", type=float, default=1.5e-3)
    autoencoder.add_argument("--pool", type=int, default=16_000, help="renders to train on, 49 kB each on disk")
    autoencoder.add_argument("--seed", type=int, default=0)
    autoencoder.add_argument("--validate-every", type=int, default=1000, help="steps between two validations")
    autoencoder.add_argument("--begin", type=Path, metavar="FILE", help="autoencoder whose weights it begins with")
    autoencoder.add_argument("--threads", type=int, help="CPU threads (PyTorch's choice)")
    autoencoder.add_argument("--max-seconds", type=float, help="stop after this long; resumable")
    autoencoder.add_argument(
        "--export", action="store_true", help="write the weights of the last saved state without training"
    )
    return parser


def main(arguments: list[str] | None = None) -> None:
    """Run one command."""
    options: dict[str, Any] = vars(_parser().parse_args(arguments))
    del options["command"]
    name, folder = options.pop("model"), options.pop("out")
    command = training_command("things", name, options)
    figures = import_module(f"{__package__}.training.{name}").train(folder, command, **options)
    write_json(folder / f"{name}.json", to_file(figures))
    print(figures)


if __name__ == "__main__":
    main()
