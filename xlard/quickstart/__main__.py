"""`python3 -m xlard.quickstart` with `demo`, `page` or `test`."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

from . import demo, page
from .browser import ensure_browser
from .environment import Environment
from .steps import QuickstartError, require_python

CHECKOUT = Path(__file__).resolve().parents[2]

TWO_AT_ONCE = ("--numprocesses=2", "--dist=loadfile")
"""Options of pytest-xdist: while one file's tests wait for their server, another file's run. `-n 0` undoes it."""

_SECONDS_TO_END = 30


def arguments(argv: list[str]) -> tuple[argparse.Namespace, list[str]]:
    """The parsed command, and what is passed on to the demo job or to pytest."""
    parser = argparse.ArgumentParser(
        prog="python3 -m xlard.quickstart",
        description="Sets up a virtual environment and ComfyUI and runs the demo, ComfyUI or the tests.",
    )
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser(
        "demo",
        help="draw, judge and correct a picture of the demo world in a real ComfyUI; see `demo --help`",
        add_help=False,
    )
    commands.add_parser("page", help="run that ComfyUI for a browser, until Ctrl+C; see `page --help`", add_help=False)
    commands.add_parser("test", help="run the tests; further arguments go to pytest", add_help=False)
    return parser.parse_known_args(argv)


def main(argv: list[str]) -> int:
    """Set up, run the command in the virtual environment and return its exit code."""
    options, rest = arguments(argv)
    require_python()
    testing = options.command == "test"
    if not testing:
        # Help and typing errors come before a set-up of minutes.
        (page if options.command == "page" else demo).arguments(rest)
    start = time.monotonic()
    environment = Environment(CHECKOUT)
    comfyui = environment.prepare(extras=["test"] if testing else [])
    if testing:
        ensure_browser()
    print(f"Set up in {time.monotonic() - start:.0f} s", flush=True)
    variables = {**os.environ, "COMFYUI_PATH": str(comfyui), "HF_HUB_OFFLINE": "1"}
    job = [f"xlard.quickstart.{options.command}", *rest]
    if testing:
        job = ["pytest", *TWO_AT_ONCE, *rest]
        # The models of the tests are small: more threads only get in each other's way.
        variables.setdefault("OMP_NUM_THREADS", "1")
    return _run([str(environment.python), "-m", *job], variables)


def _run(command: list[str], variables: dict[str, str]) -> int:
    """Run a command and return its exit code. Ctrl+C reaches it, too: it is given the time to end its own ComfyUI."""
    running = subprocess.Popen(command, cwd=CHECKOUT, env=variables)
    try:
        return running.wait()
    except KeyboardInterrupt:
        with suppress(subprocess.TimeoutExpired):
            running.wait(_SECONDS_TO_END)
        raise
    finally:
        running.kill()


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except QuickstartError as error:
        sys.exit(f"\n{error}")
    except KeyboardInterrupt:
        sys.exit(130)
