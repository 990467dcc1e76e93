"""The parts of a world's command line that are the same for every world."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .training.objectives import OBJECTIVES

LEARNERS = ("head", "corrector", "detector")
"""Models whose training is the same for every world."""

NewModel = Callable[[str, int, int, int, str], argparse.ArgumentParser]
"""Adds the training of a model: its name, steps, batch, pool and help."""


def new_model(models: Any, out: Path) -> NewModel:
    """Trainings with the options that all of them have, writing to ``out``."""

    def model(name: str, steps: int, batch: int, pool: int, text: str) -> argparse.ArgumentParser:
        training = models.add_parser(name, help=text)
        training.add_argument("--out", type=Path, default=out, help="folder for checkpoints and weights")
        training.add_argument("--steps", type=int, default=steps)
        training.add_argument("--batch", type=int, default=batch)
        training.add_argument("--seed", type=int, default=0)
        training.add_argument("--pool", type=int, default=pool, help="scenes rendered, or records used (0: all)")
        training.add_argument("--max-seconds", type=float, default=None, help="stop after this long; resumable")
        return training

    return model


def add_learners(model: NewModel) -> None:
    """The trainings of head, corrector and detector."""
    detector = model(
        "detector", 3000, 16, 6000, "RT-DETR on renders and annotated pictures, to judge beside the critic"
    )
    detector.add_argument("--learning-rate", type=float, default=1e-3)
    detector.add_argument(
        "--drawn", type=int, default=2000, help="pictures of the pool that the generator draws; the others are renders"
    )
    head = model("head", 4000, 64, 0, "reward head on collected pictures")
    head.add_argument("--begin", type=Path, help="head whose weights it begins with")
    head.add_argument(
        "--corrected",
        type=Path,
        help="folder like --out with validation pictures drawn with a corrector: they calibrate and measure it, too",
    )
    corrector = model("corrector", 3000, 64, 0, "latent corrector on collected pictures")
    corrector.add_argument("--objective", default="distillation", choices=OBJECTIVES, help="how it is trained")
    corrector.add_argument("--lowest", type=float, default=0.5, help="lowest noise level that it learns from")
    corrector.add_argument(
        "--acts-from",
        type=float,
        default=0.9,
        help="lowest noise level that it acts at; drafting, minimal_repair, ppo and expert: the one level",
    )
    corrector.add_argument("--once", action="store_true", help="acts once, at --acts-from, as those of drafting do")
    corrector.add_argument("--trust-region", type=float, default=0.7, help="largest correction, relative to the latent")
    corrector.add_argument(
        "--moves-noise", action="store_true", help="drafting: it also moves the noise before the first step"
    )
    corrector.add_argument(
        "--threshold", type=float, default=1.0, help="drafting, minimal_repair: predicted reward below which it acts"
    )
    corrector.add_argument("--begin", type=Path, help="corrector whose weights it begins with; not distillation's")
    corrector.add_argument("--emphasis", type=float, default=0.0, help="distillation: how far beyond what passed")
    for training, name in ((head, "head"), (corrector, "corrector")):
        training.add_argument("--learning-rate", type=float, default=1e-3)
        training.add_argument("--width", type=int, default=128)
        training.add_argument("--layers", type=int, default=4)
        training.add_argument("--name", default=name, help="name of the file in the folder, without .safetensors")


def add_drawing(commands: Any, out: Path) -> None:
    """The commands that draw with the trained generator, and the one that bundles the models in ``out``."""

    def drawing(name: str, text: str, split: str, number: int) -> argparse.ArgumentParser:
        command = commands.add_parser(name, help=text)
        command.add_argument("--out", type=Path, default=out, help="folder with the trained models")
        command.add_argument("--split", default=split, help="prompts to draw")
        command.add_argument("--number", type=int, default=number, help="prompts")
        command.add_argument("--repeats", type=int, default=4, help="pictures a prompt")
        command.add_argument("--seed", type=int, default=0)
        return command

    judge = commands.add_parser("judge", help="judge collected pictures again, after the critic has changed")
    judge.add_argument("--out", type=Path, default=out, help="folder with the trained models")
    judge.add_argument("--split", default="corrector", help="whose pictures")

    bundle = commands.add_parser("bundle", help="put trained models where the pack ships them")
    bundle.add_argument("--out", type=Path, default=out, help="folder with the trained models")

    drawing("annotate", "draw pictures and note what is visibly there, for the critic's training", "critic", 600)
    collect = drawing(
        "collect", "draw pictures and have the critic judge them, for head and corrector", "corrector", 500
    )
    collect.add_argument("--corrector", action="store_true", help="draw with the trained corrector")
    collect.add_argument(
        "--repair-views",
        action="store_true",
        help="repair pictures by other prompts, too, for a corrector that learns minimal repairs",
    )
    drawing("evaluate", "score generator and critic by the exact checker", "test", 300)
    scoring = drawing("scoring", "measure the critic with each scoring by the exact checker", "test", 300)
    scoring.add_argument("--scorings", default="", help="scorings separated by commas (all of them)")
    scoring.add_argument("--write", default="", help="text that is written on the pictures before they are judged")
    drafts = commands.add_parser(
        "drafts", help="put drafts in by hand, sample on, and score them: what a corrector by drafting could reach"
    )
    drafts.add_argument("--out", type=Path, default=out, help="folder with the trained models and collected pictures")
    drafts.add_argument("--split", default="validation", help="whose collected pictures")
    drafts.add_argument("--repeats", type=int, default=2, help="pictures a prompt, at most")
    drafts.add_argument("--levels", default="0.4,0.5,0.6,0.7,0.8", help="noise levels, separated by commas")
    drawing("speed", "time the critic with each scoring", "validation", 32)
