"""``python -m xlard.bench.worlds.confidence FOLDER``: how often a round of a strategy led to a picture that passes, by
how sure the critic was of the picture before."""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from .tables import markdown, share

PARTS = 4


def main() -> None:
    """Print a table of a run of the bench."""
    parser = argparse.ArgumentParser(
        prog="python -m xlard.bench.worlds.confidence", description=__doc__.split(": ", 1)[1]
    )
    parser.add_argument("folder", type=Path, help="what --out was")
    parser.add_argument("--method", default="loop_8", help="whose rounds")
    options = parser.parse_args()
    print(table(json.loads((options.folder / "results.json").read_text()), options.method))


def table(rows: Sequence[dict], method: str) -> str:
    """As Markdown; each strategy's rounds in ``PARTS`` of equal size. Raises ValueError for a method that was not
    run."""
    found = defaultdict(list)
    for row in rows:
        if row["method"] == method:
            for strategy, confidence, passed in later_rounds(row["rounds"]):
                found[strategy].append((confidence, passed))
    if not found:
        raise ValueError(f"There are no later rounds of {method} in this run. Name a loop that was run with --method.")
    lines = []
    for strategy, rounds in found.items():
        rounds.sort()
        for part in range(PARTS):
            own = rounds[part * len(rounds) // PARTS : (part + 1) * len(rounds) // PARTS]
            if own:
                lines.append(
                    [
                        strategy,
                        f"{own[0][0]:.2f} to {own[-1][0]:.2f}",
                        str(len(own)),
                        share(sum(passed for _, passed in own) / len(own)),
                    ]
                )
    return markdown(["strategy", "confidence before", "rounds", "passed"], lines)


def later_rounds(rounds: Sequence[dict]) -> list[tuple[str, float, bool]]:
    """Strategy, confidence of the critique of the best picture before, and whether the outcome passed, of all rounds
    but the first."""
    found, confidence = [], rounds[0]["confidence"]
    for entry in rounds[1:]:
        found.append((entry["strategy"], confidence, entry["passed"]))
        confidence = entry["confidence"] if entry["accepted"] else confidence
    return found


if __name__ == "__main__":
    main()
