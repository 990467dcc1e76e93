"""``python -m xlard.bench``: one command line for all benches."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import Protocol

from .cost import memory, operations
from .geneval import command as geneval
from .prompts import command as prompts
from .worlds import aspects, check, confidence, critics, edits, pool, preservation, regions, run, sheet


class Command(Protocol):
    """A module that is a command."""

    SUMMARY: str
    """What it does, in one line."""

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Give the command its options."""

    def run(self, options: argparse.Namespace) -> None:
        """Carry it out."""


DEFAULT_COMMAND = "methods"

COMMANDS: dict[str, Command] = {
    DEFAULT_COMMAND: run,
    "pool": pool,
    "aspects": aspects,
    "preservation": preservation,
    "sheet": sheet,
    "critics": critics,
    "confidence": confidence,
    "regions": regions,
    "edits": edits,
    "check": check,
    "geneval": geneval,
    "prompts": prompts,
    "cost": operations,
    "memory": memory,
}


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """The options of a command line; ``command`` is the command's name."""
    parser = argparse.ArgumentParser(
        prog="python -m xlard.bench",
        description=(
            "Benches. The first ones draw on an embedded world, without ComfyUI; "
            "geneval and memory use a running ComfyUI, prompts reads files."
        ),
    )
    subparsers = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, command in COMMANDS.items():
        command.add_arguments(subparsers.add_parser(name, help=command.SUMMARY, description=command.SUMMARY))
    is_named = bool(arguments) and arguments[0] in (*COMMANDS, "-h", "--help")
    return parser.parse_args(arguments if is_named else [DEFAULT_COMMAND, *arguments])


def main(arguments: Sequence[str]) -> None:
    """Run a command; without one, compare methods."""
    options = parse(arguments)
    COMMANDS[options.command].run(options)


if __name__ == "__main__":
    main(sys.argv[1:])
