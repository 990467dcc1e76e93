"""The claims of prompts as JSON, one object a line: ``python -m xlard.prompts "two red circles"``."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from ..claims import MOST_CLAIMS
from .claim_lines import format_lines
from .parser import read_claims
from .unclaimed import limited


def read(prompt: str, most: int = MOST_CLAIMS) -> dict[str, object]:
    """A prompt, its claims as lines, and what became none, JSON-ready."""
    claimed = limited(read_claims(prompt), most)
    return {
        "prompt": prompt,
        "claims": format_lines(claimed.claims).splitlines(),
        "not_understood": list(claimed.not_understood),
        "not_checked": list(claimed.not_checked),
    }


def prompts_of(lines: Sequence[str]) -> Iterator[str]:
    """The prompts of a file, one a line; empty lines are left out."""
    return (line.strip() for line in lines if line.strip())


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the claims of the prompts that the command line gives, or of standard input."""
    parser = argparse.ArgumentParser(prog="python -m xlard.prompts", description="The claims of prompts, as JSON.")
    parser.add_argument("prompt", nargs="?", metavar="PROMPT", help="one prompt; without one and --file: from input")
    parser.add_argument("--file", type=Path, metavar="FILE", help="prompts, one a line, UTF-8")
    parser.add_argument("--most-claims", type=int, default=MOST_CLAIMS, help="claims of a prompt at most")
    options = parser.parse_args(arguments)
    prompts = [] if options.prompt is None else [options.prompt]
    if options.file:
        try:
            prompts += prompts_of(options.file.read_text(encoding="utf-8-sig").split("\n"))
        except OSError as error:
            parser.error(f"{options.file} cannot be read: {error.strerror or error}")
        except UnicodeDecodeError:
            parser.error(f"{options.file} is no text in UTF-8")
    elif options.prompt is None:
        try:
            prompts += prompts_of(sys.stdin.read().split("\n"))
        except UnicodeDecodeError:
            parser.error("standard input is no text in this console's encoding; give a file with --file")
    for prompt in prompts:
        # In ASCII: the console's encoding may know no other letters.
        print(json.dumps(read(prompt, max(options.most_claims, 0))))


if __name__ == "__main__":
    main()
