"""The worlds by name, for command lines and the demo node."""

from __future__ import annotations

import argparse
from importlib import import_module
from pathlib import Path
from typing import Any

from .world import World

DEFAULT_WORLD = "shapes"
"""Of commands: measuring on it is fast."""

_WORLDS = {"things": "ThingsWorld", "shapes": "ShapesWorld"}
"""The class of each world; it lies in the module ``world`` of the folder with the world's name."""

WORLD_NAMES = tuple(_WORLDS)


def load_world(name: str = DEFAULT_WORLD, folder: Path | None = None, device: str = "cpu") -> World:
    """The world of a name, with the models of a folder or with its bundled ones. Raises ValueError for other names."""
    if name not in _WORLDS:
        raise ValueError(f"There is no world '{name}'; there are {', '.join(_WORLDS)}.")
    world: Any = getattr(import_module(f".{name}.world", __package__), _WORLDS[name])
    return world(folder, device)


def add_world_option(parser: argparse.ArgumentParser) -> None:
    """Give a command the option ``--world``."""
    parser.add_argument("--world", choices=WORLD_NAMES, default=DEFAULT_WORLD, help="whose pictures they are")
