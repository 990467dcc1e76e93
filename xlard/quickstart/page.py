"""ComfyUI with the pack, for a browser, until Ctrl+C; `python3 -m xlard.quickstart page` runs it in the virtual
environment.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
from pathlib import Path

from ..comfy_server.errors import ComfyServerError
from ..comfy_server.server import ComfyServer

CHECKOUT = Path(__file__).resolve().parents[2]


def arguments(argv: list[str]) -> argparse.Namespace:
    """The options of the command."""
    parser = argparse.ArgumentParser(
        prog="python3 -m xlard.quickstart page",
        description="Runs ComfyUI with the pack on the CPU, for a browser on this machine, until Ctrl+C.",
    )
    parser.add_argument(
        "--output",
        type=Path,
        default=CHECKOUT / "output",
        help="folder for what workflows save (default: output); all else is deleted at the end",
    )
    return parser.parse_args(argv)


def run(output: Path) -> int:
    """Run the server until it ends or is interrupted, and return its exit code. Raises StartError."""
    # Started in the background, a process ignores Ctrl+C; and one that is told to end would leave its ComfyUI running.
    for ending in (signal.SIGINT, signal.SIGTERM):
        signal.signal(ending, signal.default_int_handler)
    output.mkdir(parents=True, exist_ok=True)
    options = ["--output-directory", str(output.resolve())]
    with ComfyServer(Path(os.environ["COMFYUI_PATH"]), pack=CHECKOUT, arguments=options) as server:
        print(f"ComfyUI runs at {server.url} - open this address in a browser. Ctrl+C ends it.", flush=True)
        return server.process.wait()


if __name__ == "__main__":
    try:
        sys.exit(run(arguments(sys.argv[1:]).output))
    except (ComfyServerError, OSError) as error:
        sys.exit(f"\n{error}")
    except KeyboardInterrupt:
        sys.exit(130)
