"""Command line: ``python -m xlard.training head|corrector --data FOLDER --out FILE.safetensors``, in one process or
several; and ``measure``, how good a head is on a dataset.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .registry import objective_names, objective_specs
from .settings import CorrectorSettings, TrainingSettings

if TYPE_CHECKING:
    from .dataset import Dataset


def _add_options(parser: argparse.ArgumentParser, settings: type, **defaults: Any) -> None:
    """An option for each field of the settings that has a help text."""
    for field in fields(settings):
        if "help" not in field.metadata:
            continue
        flag, default = f"--{field.name.replace('_', '-')}", defaults.get(field.name, field.default)
        if default is False:
            parser.add_argument(flag, action="store_true", help=field.metadata["help"])
        else:
            text = f"{field.metadata['help']} ({default})"
            parser.add_argument(flag, type=type(default), default=default, help=text)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m xlard.training",
        description=(
            "Train a reward head or a corrector on collected datasets. A run that was stopped continues where it was."
            " In several processes: accelerate launch -m xlard.training ..., or torchrun -m xlard.training ..."
        ),
    )
    commands = parser.add_subparsers(dest="command", required=True)
    data = argparse.ArgumentParser(add_help=False)
    data.add_argument("--data", type=Path, nargs="+", required=True, metavar="FOLDER", help="datasets of one model")
    files = argparse.ArgumentParser(add_help=False, parents=[data])
    files.add_argument("--out", type=Path, required=True, metavar="FILE.safetensors", help="where the result goes")
    files.add_argument(
        "--run", type=Path, metavar="FOLDER", help="where the run's state is kept (runs/NAME in the first dataset)"
    )
    files.add_argument("--max-seconds", type=float, default=None, help="stop after this long; the next run continues")
    head = commands.add_parser("head", help="a reward head", parents=[files])
    _add_options(head, TrainingSettings)
    corrector = commands.add_parser("corrector", help="a corrector", parents=[files])
    _add_options(corrector, TrainingSettings, learning_rate=5e-4)
    corrector.add_argument(
        "--objective",
        choices=objective_names(),
        default=CorrectorSettings.objective,
        help=" ".join(f"{spec.name}: {spec.tooltip}" for spec in objective_specs()),
    )
    corrector.add_argument("--head", type=Path, metavar="FILE.safetensors", help=_head_help())
    _add_options(corrector, CorrectorSettings)
    measure = commands.add_parser("measure", help="how good a head is on all pictures of datasets", parents=[data])
    measure.add_argument("--head", type=Path, required=True, metavar="FILE.safetensors", help="the head")
    return parser


def _head_help() -> str:
    required, started = (
        " and ".join(spec.name for spec in objective_specs() if spec.head == use) for use in ("required", "start")
    )
    return f"the head that {required} climbs, or that {started} start with"


def _settings(settings: type, options: dict[str, Any]) -> Any:
    return settings(**{field.name: options[field.name] for field in fields(settings)})


def main() -> int:
    """Run one command; returns the exit code."""
    options = vars(_parser().parse_args())
    # Imported late: torch is no part of --help.
    from .dataset import Dataset

    try:
        datasets = [Dataset.load(folder) for folder in options["data"]]
        print(_measure(datasets, options) if options["command"] == "measure" else _train(datasets, options))
    except (ValueError, OSError, FloatingPointError) as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return 1
    return 0


def _measure(datasets: list[Dataset], options: dict[str, Any]) -> str:
    from ..models.head import RewardHead
    from .train import measure_head
    from .trainer import default_device

    return json.dumps(measure_head(RewardHead.load(options["head"]), datasets, default_device()), indent=1)


def _train(datasets: list[Dataset], options: dict[str, Any]) -> str:
    from ..models.head import RewardHead
    from .report import corrector_report, head_report
    from .train import train_corrector, train_head
    from .trainer import default_device

    out, device, settings = options["out"], default_device(), _settings(TrainingSettings, options)
    run = options["run"] or datasets[0].folder / "runs" / out.stem
    if options["command"] == "head":
        trained_head = train_head(datasets, settings, run, device)
        trained_head.head.save(out)
        text = head_report(trained_head.figures, trained_head.head.config.noise_level_range)
    else:
        head = RewardHead.load(options["head"]) if options["head"] else None
        corrector_settings = _settings(CorrectorSettings, options)
        trained_corrector = train_corrector(datasets, corrector_settings, settings, run, device, head)
        trained_corrector.corrector.save(out)
        text = corrector_report(trained_corrector.figures)
    return f"{text}\nSaved as {out}"


if __name__ == "__main__":
    sys.exit(main())
