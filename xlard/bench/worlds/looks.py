"""The option for further looks of the critic, which several commands of the bench have."""

from __future__ import annotations

import argparse

from ...critics.mllm import MLLMCritic
from ...critics.scoring import DEFAULT_SCORING, make_scoring
from ...critics.scoring.second_look import VIEWS


def add_second_look(parser: argparse.ArgumentParser) -> None:
    """Add ``--second-look``, alone or with a number of looks."""
    parser.add_argument(
        "--second-look",
        type=int,
        nargs="?",
        const=1,
        choices=range(len(VIEWS) + 1),
        metavar="LOOKS",
        help="the critic judges what passes once more in the mirror; with 2 also moved a little, with 3 also both "
        "(default: as the world has it)",
    )


def looking(critic: MLLMCritic, looks: int | None) -> MLLMCritic:
    """The critic with so many further looks at what passes; with None as it is."""
    return critic if looks is None else critic.with_scoring(make_scoring(DEFAULT_SCORING, further_looks=looks))
