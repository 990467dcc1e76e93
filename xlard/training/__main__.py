"""Command line: ``python -m xlard.training head|corrector --data FOLDER --out FILE.safetensors``, in one process or
several; and ``measure``, what a head is worth on a dataset."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import fields
from pathlib import Path
from typing import get_args

from ..models.head import RewardHead
from .dataset import Dataset
from .report import corrector_report, head_report
from .train import CorrectorSettings, Kind, TrainingSettings, measure_head, train_corrector, train_head
from .trainer import default_device

_COMMON = {
    "steps": "steps of the training",
    "batch": "latents in a step, in each process",
    "learning_rate": "AdamW's peak learning rate",
    "width": "width of the transformer, a multiple of 32",
    "layers": "its blocks",
    "seed": "seed of weights, batches and split",
}
_CORRECTOR = {
    "trust_region": "largest correction relative to the latent",
    "noise_level_start": "highest noise level that it corrects at",
    "noise_level_end": "lowest noise level that it corrects at",
    "learns_until": "lowest noise level that it learns from",
    "reward_threshold": "drafting: predicted reward below which the corrector acts",
    "moves_noise": "drafting: the corrector also moves the noise before the first step",
    "emphasis": "distillation: how far to go beyond what passed",
    "anchor": "path-wise: weight of staying near the latent",
}


def _options(parser: argparse.ArgumentParser, kind: type, texts: dict[str, str], **defaults) -> None:
    for field in fields(kind):
        if field.name in texts:
            default = defaults.get(field.name, field.default)
            if default is False:
                parser.add_argument(f"--{field.name.replace('_', '-')}", action="store_true", help=texts[field.name])
                continue
            parser.add_argument(
                f"--{field.name.replace('_', '-')}",
                type=type(default),
                default=default,
                help=f"{texts[field.name]} ({default})",
            )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m xlard.training",
        description=(
            "Train a reward head or a corrector on collected datasets. A run that was stopped goes on where it was. In"
            " several processes: accelerate launch -m xlard.training ..., or torchrun -m xlard.training ..."
        ),
    )
    commands = parser.add_subparsers(dest="command", required=True)
    for name, text, defaults in (("head", "a reward head", {}), ("corrector", "a corrector", {"learning_rate": 5e-4})):
        one = commands.add_parser(name, help=text)
        one.add_argument("--data", type=Path, nargs="+", required=True, metavar="FOLDER", help="datasets of one model")
        one.add_argument("--out", type=Path, required=True, metavar="FILE.safetensors", help="where the result goes")
        one.add_argument(
            "--run", type=Path, metavar="FOLDER", help="where the run's state is kept (runs/NAME in the first dataset)"
        )
        one.add_argument("--max-seconds", type=float, default=None, help="stop after this long; the next run goes on")
        _options(one, TrainingSettings, _COMMON, **defaults)
        if name == "corrector":
            one.add_argument("--way", choices=get_args(Kind), default=CorrectorSettings.way)
            one.add_argument(
                "--head",
                type=Path,
                metavar="FILE.safetensors",
                help="the head that the path-wise way climbs, or that mending and drafting begin with",
            )
            _options(one, CorrectorSettings, _CORRECTOR)
    measure = commands.add_parser("measure", help="what a head is worth on all pictures of datasets")
    measure.add_argument("--data", type=Path, nargs="+", required=True, metavar="FOLDER", help="datasets of one model")
    measure.add_argument("--head", type=Path, required=True, metavar="FILE.safetensors", help="the head")
    return parser


def _settings(kind: type, options: dict):
    return kind(**{field.name: options[field.name] for field in fields(kind)})


def main() -> int:
    """Run one command; returns the exit code."""
    options = vars(_parser().parse_args())
    try:
        datasets = [Dataset.load(folder) for folder in options["data"]]
        if options["command"] == "measure":
            text = json.dumps(measure_head(RewardHead.load(options["head"]), datasets, default_device()), indent=1)
        else:
            text = _train(datasets, options)
    except (ValueError, OSError, FloatingPointError) as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return 1
    print(text)
    return 0


def _train(datasets: list[Dataset], options: dict) -> str:
    out, device, settings = options["out"], default_device(), _settings(TrainingSettings, options)
    run = options["run"] or datasets[0].folder / "runs" / out.stem
    if options["command"] == "head":
        trained = train_head(datasets, settings, run, device)
        result, text = trained.head, head_report(trained.figures, trained.head.config.noise_level_range)
    else:
        head = RewardHead.load(options["head"]) if options["head"] else None
        trained = train_corrector(datasets, _settings(CorrectorSettings, options), settings, run, device, head)
        result, text = trained.corrector, corrector_report(trained.figures)
    result.save(out)
    return f"{text}\nSaved as {out}"


if __name__ == "__main__":
    sys.exit(main())
