"""Made-up rounds and states for the tests of reports, and a page taken apart."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Any

import torch

from xlard.critique import Critique
from xlard.detections import Detection
from xlard.loop.state import LoopState, Round
from xlard.prompts import claims_from_prompt
from xlard.rewards import abstention, critique_from_detections

SIDE = 96
PROMPT = "a red circle and a blue square"
WRONG = [Detection(10, 10, 20, 20, "circle", "red"), Detection(50, 50, 24, 24, "square", "green", 0.8)]
RIGHT = [WRONG[0], Detection(50, 50, 24, 24, "square", "blue", 0.8)]


def judged(detections: list[Detection], prompt: str = PROMPT, answer: str = "{}") -> Critique:
    return critique_from_detections(claims_from_prompt(prompt), detections, SIDE, answer=answer)


def silent() -> Critique:
    return abstention(claims_from_prompt(PROMPT), "I cannot say.", "The answer was no JSON.")


def attempt(number: int, critique: Critique, accepted: bool = True, **details: Any) -> Round:
    """A round; the first draws, later ones correct."""
    return Round(
        "correct" if number else "draw",
        0.6 if number else 1.0,
        7 + number,
        20 - number,
        1.5 + number,
        1,
        critique,
        torch.zeros(4, 12, 12),
        torch.rand(SIDE, SIDE, 3),
        accepted,
        **details,
    )


def state_of(*rounds: Round, prompt: str = PROMPT) -> LoopState:
    """A state with these rounds; its claims are those of the first."""
    return LoopState(prompt, tuple(verdict.claim for verdict in rounds[0].critique.verdicts), list(rounds))


def judged_state(*critiques: Critique, prompt: str = PROMPT) -> LoopState:
    """A state with an accepted round for each critique."""
    return state_of(*(attempt(number, critique) for number, critique in enumerate(critiques)), prompt=prompt)


def several_rounds() -> LoopState:
    """Wrong, then right, then both claims on colour lost again and dropped, then no verdict."""
    lost = [Detection(10, 10, 20, 20, "circle", "green"), WRONG[1]]
    return state_of(
        attempt(0, judged(WRONG)),
        attempt(1, judged(RIGHT), region=torch.eye(12).bool(), reason="the square is green"),
        attempt(2, judged(lost), accepted=False),
        attempt(3, silent(), accepted=False),
    )


class Page(HTMLParser):
    """The tags, attributes and text of a page, to look at instead of its source."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.text = ""
        self.feed(source)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]

    def handle_data(self, data: str) -> None:
        self.text += data
