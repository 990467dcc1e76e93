"""``python -m xlard.bench critics``: how rightly critics, and pairs of them, judge a world's generated pictures.

The world's own critic always judges, and its detector if it has one; others come from folders and servers. Each
detector is also paired with each critic that is asked in words.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch

from ...critics.critic_pair import CriticPair
from ...critics.detector.critic import DetectorCritic
from ...critics.detector.folder import DetectorFolder
from ...critics.detector.transformers import OVERLAP, THRESHOLD, loaded_detector
from ...critics.folder import CriticFolder
from ...critics.mllm import MLLMCritic
from ...critics.scoring import SCORINGS, make_scoring
from ...critics.server.backend import ServerBackend
from ...critics.server.settings import ServerSettings
from ...critics.transformers import loaded_backend
from ...files import write_json
from ...protocols import Judge
from ...training.trainer import default_device, machine
from ...worlds.commands import drawn
from ...worlds.registry import add_world_option, load_world
from ...worlds.scoring import measure
from ...worlds.world import World
from .tables import markdown

SUMMARY = "how rightly critics, and pairs of them, judge a world's pictures"

_FIGURES = ("claims", "count", "color", "position", "exact_count", "readable", "ece", "seconds")


@dataclass(frozen=True)
class Entrant:
    """A critic, and the size of its weights in megabytes; None where they are somebody else's."""

    name: str
    judge: Judge
    megabytes: float | None


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Give the command its options."""
    add_world_option(parser)
    parser.add_argument("--split", default="test", help="whose prompts are drawn")
    parser.add_argument("--number", type=int, default=300, help="prompts of the split")
    parser.add_argument("--repeats", type=int, default=1, help="pictures of each prompt")
    parser.add_argument("--seed", type=int, default=0, help="of the first picture of each prompt")
    parser.add_argument(
        "--scoring", choices=tuple(SCORINGS), default=next(iter(SCORINGS)), help="how critics are asked"
    )
    parser.add_argument("--zoom", action="store_true", help="critics look closer where they are unsure, too")
    parser.add_argument(
        "--folders", nargs="*", type=Path, default=[], help="folders of critics that are asked in words"
    )
    parser.add_argument("--detectors", nargs="*", type=Path, default=[], help="folders of detectors")
    parser.add_argument(
        "--threshold",
        type=float,
        help=f"score from which a detector's box counts (default: {THRESHOLD}, and the world's own for its detector)",
    )
    parser.add_argument("--server", metavar="URL", help="an OpenAI-compatible server on this machine")
    parser.add_argument("--model", default="", help="the server's model; the first one without")
    parser.add_argument("--weights", type=Path, help="folder with the world's models (default: the bundled ones)")
    parser.add_argument("--out", type=Path, default=Path("output/critics"), help="folder for critics.json")


def run(options: argparse.Namespace) -> None:
    """Judge generated pictures with every critic, write ``critics.json``, print a table."""
    world = load_world(options.world, options.weights, default_device())
    with torch.inference_mode():
        images, claims = drawn(world, options.split, options.number, options.repeats, options.seed)
        exact = world.checker.judge(images, claims)
        figures: dict[str, dict] = {}
        for entrant in entrants(world, options):
            measured = measure(entrant.judge, images, claims, exact)
            figures[entrant.name] = {**measured, "megabytes": entrant.megabytes}
            print(f"{entrant.name}: {figures[entrant.name]}", flush=True)
    options.out.mkdir(parents=True, exist_ok=True)
    write_json(options.out / "critics.json", {"machine": machine(), "pictures": len(images), "critics": figures})
    print(f"{len(images)} pictures of {world.title}, {sum(map(len, claims))} claims, {machine()}\n")
    print(table(figures))


def entrants(world: World, options: argparse.Namespace) -> Iterator[Entrant]:
    """The critics that the options name, and their pairs, one at a time."""
    scoring = make_scoring(options.scoring, zoom=options.zoom)
    asked = [Entrant("the world's own", world.critic().with_scoring(scoring), _megabytes(world.critic_folder))]
    for folder in options.folders:
        backend = loaded_backend(CriticFolder(folder), default_device())
        asked.append(Entrant(folder.name, MLLMCritic(backend, scoring), _megabytes(folder)))
    if options.server:
        server = ServerBackend(ServerSettings(options.server, options.model))
        asked.append(Entrant(server.name, MLLMCritic(server, scoring), None))
    yield from asked
    for alone in _detectors(world, options):
        yield alone
        for other in asked:
            both = None if other.megabytes is None else round((alone.megabytes or 0) + other.megabytes, 1)
            yield Entrant(f"{alone.name} and {other.name}", CriticPair(alone.judge, other.judge), both)


def _detectors(world: World, options: argparse.Namespace) -> Iterator[Entrant]:
    if world.detector_folder.is_dir():
        yield Entrant("the world's detector", world.detector(options.threshold), _megabytes(world.detector_folder))
    threshold = THRESHOLD if options.threshold is None else options.threshold
    for folder in options.detectors:
        detector = loaded_detector(DetectorFolder(folder), default_device(), threshold=threshold, most_overlap=OVERLAP)
        yield Entrant(folder.name, DetectorCritic(detector), _megabytes(folder))


def table(figures: dict[str, dict]) -> str:
    """As Markdown: balanced accuracy of all claims and of each aspect, counts judged rightly, the share of claims with
    a verdict, calibration error, seconds a picture, megabytes.
    """
    lines = [[name, *(_shown(row[key]) for key in _FIGURES), _shown(row["megabytes"])] for name, row in figures.items()]
    heads = ["critic", "claims", "count", "color", "position", "counts right", "verdicts", "ECE", "s", "MB"]
    return markdown(heads, lines)


def _megabytes(folder: Path) -> float:
    return round(sum(path.stat().st_size for path in folder.glob("*.safetensors")) / 1e6, 1)


def _shown(value: object) -> str:
    return "" if value is None else str(value)
