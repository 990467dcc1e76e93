"""The worlds by name, for command lines."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

from .shapes.world import ShapesWorld
from .world import World

DEFAULT_WORLD = "shapes"

_WORLDS: dict[str, Callable[[Path | None, str], World]] = {"shapes": ShapesWorld}


def load_world(name: str = DEFAULT_WORLD, folder: Path | None = None, device: str = "cpu") -> World:
    """The world of a name, with the models of a folder or with its bundled ones. Raises ValueError for other names."""
    if name not in _WORLDS:
        raise ValueError(f"There is no world '{name}'; there are {', '.join(_WORLDS)}.")
    return _WORLDS[name](folder, device)


def add_world_option(parser: argparse.ArgumentParser) -> None:
    """Give a command the option ``--world``."""
    parser.add_argument("--world", choices=tuple(_WORLDS), default=DEFAULT_WORLD, help="whose pictures they are")
