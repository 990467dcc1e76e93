"""``python -m xlard.bench confidence FOLDER``: how often a round of a strategy led to a picture that passes, by how
sure the critic was of the picture before.
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from .tables import markdown, share

QUARTERS = 4

SUMMARY = "how often later rounds passed, by the critic's confidence before"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Give the command its options."""
    parser.add_argument("folder", type=Path, help="what --out was")
    parser.add_argument("--method", default="loop_8", help="whose rounds")


def run(options: argparse.Namespace) -> None:
    """Print a table of a run of the bench."""
    print(table(json.loads((options.folder / "results.json").read_text()), options.method))


def table(rows: Sequence[dict], method: str) -> str:
    """As Markdown; each strategy's rounds in quarters of equal size. Raises ValueError for a method that was not
    run.
    """
    rounds_of: dict[str, list[tuple[float, bool]]] = defaultdict(list)
    for row in rows:
        if row["method"] == method:
            for strategy, confidence, passed in later_rounds(row["rounds"]):
                rounds_of[strategy].append((confidence, passed))
    if not rounds_of:
        raise ValueError(f"There are no later rounds of {method} in this run. Name a loop that was run with --method.")
    lines = []
    for strategy, rounds in rounds_of.items():
        rounds.sort()
        for index in range(QUARTERS):
            quarter = rounds[index * len(rounds) // QUARTERS : (index + 1) * len(rounds) // QUARTERS]
            if quarter:
                confidences = f"{quarter[0][0]:.2f} to {quarter[-1][0]:.2f}"
                passed_share = sum(passed for _, passed in quarter) / len(quarter)
                lines.append([strategy, confidences, str(len(quarter)), share(passed_share)])
    return markdown(["strategy", "confidence before", "rounds", "passed"], lines)


def later_rounds(rounds: Sequence[dict]) -> list[tuple[str, float, bool]]:
    """Strategy, confidence of the critique of the best picture before, and whether the outcome passed, of all rounds
    but the first.
    """
    later, confidence = [], rounds[0]["confidence"]
    for round_ in rounds[1:]:
        later.append((round_["strategy"], confidence, round_["passed"]))
        confidence = round_["confidence"] if round_["accepted"] else confidence
    return later
