"""A critic's backend that answers by a script, and a list of objects as one answers it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from xlard.critics.backend import GREEDY, Answer, Ask, CannotDo, Sampling
from xlard.critics.boxes import THOUSANDTHS
from xlard.prompts import claims_from_prompt

CLAIMS = claims_from_prompt("two red circles and a blue square")
LIST = (
    '[{"bbox_2d": [0, 0, 200, 400], "label": "red circle"}, {"bbox_2d": [400, 0, 600, 400], "label": "red circle"}, '
    '{"bbox_2d": [700, 500, 900, 900], "label": "green square"}]'
)


class Scripted:
    """A backend that answers by ``say(ask, sampling)`` and records the questions."""

    name, boxes = "scripted", THOUSANDTHS

    def __init__(
        self,
        say: Callable[[Ask, Sampling], str],
        yes: float = 0.8,
        likelihood: Callable[[Ask, str], float] | None = None,
    ):
        self.say, self.yes, self.likelihood, self.asks = say, yes, likelihood, []

    def seen_size(self, image) -> tuple[int, int]:
        return 100, 50

    def answer(self, asks: Sequence[Ask], sampling: Sampling = GREEDY) -> list[Answer]:
        self.asks += asks
        return [Answer(self.say(ask, sampling)) for ask in asks]

    def probability_of_yes(self, asks: Sequence[Ask]) -> list[float]:
        self.asks += asks
        return [self.yes] * len(asks)

    def log_likelihood(self, asks: Sequence[Ask], texts: Sequence[str]) -> list[float]:
        if self.likelihood is None:
            raise CannotDo("This critic cannot.")
        return [self.likelihood(ask, text) for ask, text in zip(asks, texts)]
