"""``python -m xlard.bench prompts``: how well prompts are read, by benchmarks that say what theirs ask for."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from .benchmarks import Agreement, dsg, geneval, geneval2

SUMMARY = "how well prompts are read: agreement with GenEval, GenEval 2 and DSG-1k, from their own files"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Give the command its options."""
    parser.add_argument("--geneval", type=Path, help="evaluation_metadata.jsonl of djghosh13/geneval")
    parser.add_argument("--geneval2", type=Path, help="geneval2_data.jsonl of facebookresearch/GenEval2")
    parser.add_argument("--dsg", type=Path, help="dsg-1k-anns.csv of j-min/DSG")
    parser.add_argument("--show", action="store_true", help="list the prompts that are read otherwise")


def run(options: argparse.Namespace) -> None:
    """Print the figures; ends the process with a message if a file cannot be read."""
    if not (options.geneval or options.geneval2 or options.dsg):
        sys.exit("Give at least one of --geneval, --geneval2 and --dsg: a file of the benchmark's own repository.")
    try:
        for file, read in ((options.geneval, geneval), (options.geneval2, geneval2)):
            if file:
                _print(read(file), options.show)
        if options.dsg:
            coverage = dsg(options.dsg)
            print(
                f"DSG-1k, {coverage.prompts} prompts: of {coverage.entities} entities {coverage.recall:.3f} are found; "
                f"of {coverage.nouns} nouns {coverage.precision:.3f} are entities, {coverage.loose_precision:.3f} named"
            )
    except (OSError, ValueError, KeyError) as error:
        sys.exit(f"The file cannot be read as the benchmark's: {error!r}")


def _print(agreement: Agreement, show: bool) -> None:
    print(f"{agreement.name}: {agreement.exact} of {agreement.prompts} prompts exactly")
    for prompt, (missing, extra) in agreement.missing.items() if show else ():
        print(f"  {prompt}\n    not claimed: {missing}\n    claimed only: {extra}")
