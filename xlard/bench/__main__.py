"""``python -m xlard.bench``: methods on the demo world at equal compute, ``pool`` for several runs of it; ``geneval``
and ``memory`` use a running ComfyUI."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from ..worlds.shapes.architecture import WEIGHTS
from .cost import memory, operations
from .geneval import command as geneval
from .worlds import pool
from .worlds.run import run

_COMMANDS = {"cost": operations.main, "geneval": geneval.main, "memory": memory.main, "pool": pool.main}


def main() -> None:
    """Parse the command line and run the bench."""
    command, *rest = sys.argv[1:] or [""]
    if command in _COMMANDS:
        _COMMANDS[command](rest)
        return
    parser = argparse.ArgumentParser(
        prog="python -m xlard.bench",
        description="Compare methods on the demo world.",
        epilog=(
            "Several runs in one table: python -m xlard.bench pool --help. Through a running "
            "ComfyUI: python -m xlard.bench geneval --help, and memory --help."
        ),
    )
    parser.add_argument("--prompts", type=Path, help="file with one prompt a line (default: the test split)")
    parser.add_argument("--number", type=int, default=300, help="prompts of the split, where no file is given")
    parser.add_argument("--split", default="test", help="split to take prompts from, where no file is given")
    parser.add_argument("--seeds", default="0,1", help="comma-separated seeds, each prompt is drawn with each")
    parser.add_argument(
        "--methods",
        default="base,corrector,best_of_4,retry_4,loop_4",
        help="comma-separated methods; METHOD:exact_judge, for reference, has the exact checker in the critic's place",
    )
    parser.add_argument("--budget", type=int, help="N for methods named without one")
    parser.add_argument("--steps", type=int, default=20, help="sampling steps of one generation")
    parser.add_argument("--batch", type=int, default=32, help="pictures sampled together")
    parser.add_argument("--weights", type=Path, default=WEIGHTS, help="folder with the demo world's models")
    parser.add_argument(
        "--correctors",
        default="",
        help=(
            "other correctors, name=file separated by commas; 'corrector:name' and other methods with ':name' use them"
        ),
    )
    parser.add_argument("--heads", default="", help="other heads, in the same way")
    parser.add_argument(
        "--second-look", action="store_true", help="the critic judges what passes once more in the mirror"
    )
    parser.add_argument(
        "--read-steps",
        action="store_true",
        help="the head reads each step that it can, for results.json; no picture changes, seconds do",
    )
    parser.add_argument("--out", type=Path, default=Path("output/bench"), help="folder for pictures and results.json")
    options = parser.parse_args()
    run(options)


if __name__ == "__main__":
    main()
