"""How far a loop is, on its node: one bar for all of it, a line of text, and the pictures that were judged."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import comfy.utils
from comfy_api.latest import io

from ...xlard.loop.state import LoopState, Round
from ...xlard.report.shown import finished_text, picture_text, progress_text
from .compat.jobs import JobGraph, bars_told_to, tell_page
from .critic.pictures import preview

_STEPS = 100
"""Steps of the bar for one round of one picture."""

_SHARE = 0.8
"""Which part of what is left of a round goes to each bar within it: the sampler's first, then the critic's."""


def show_text(node: type[io.ComfyNode], text: str) -> None:
    """Let a running node, or the artist's node that expanded into it, say how far it is."""
    job = JobGraph(node)
    tell_page(job.shown_as(job.own_id), text)


class LoopProgress:
    """The bar, the text and the pictures of a loop in one node, which go forward only.

    A round of a picture is a unit of the bar; a picture that needs no more rounds has had them all. ``best`` holds the
    best round of each picture so far, by row.
    """

    def __init__(self, node: type[io.ComfyNode], batch: int, rounds: int):
        self._node, self._batch, self._rounds = node, batch, rounds
        self._bar: Any = comfy.utils.ProgressBar(batch * (rounds + 1) * _STEPS)
        self._judged: Counter[int] = Counter()
        self._position = self._inner_start = self._inner_end = 0.0
        self._inner = (0.0, 0.0)
        self.best: dict[int, Round] = {}

    @contextmanager
    def running(self) -> Iterator[None]:
        """While it lasts, the bars of sampler, critic and VAE are parts of this one."""
        with bars_told_to(self._show_inner):
            yield

    def attempt(self, rows: Sequence[int], strategy: str) -> None:
        """Say what comes next; see ``xlard.loop.engine.OnAttempt``."""
        critiques = [self.best[row].critique for row in rows if row in self.best]
        text = progress_text(self._judged[rows[0]], self._rounds, strategy, critiques)
        show_text(self._node, " \u00b7 ".join(filter(None, (picture_text(rows, self._batch), text))))
        self._begin(self._done() + len(rows))

    def judged(self, row: int, finished: Round) -> None:
        """Show a judged picture with its boxes; see ``xlard.loop.engine.OnRound``."""
        if finished.accepted:
            self.best[row] = finished
        self._judged[row] += 1
        self._show(self._done(), preview(finished.image, finished.critique))
        self._begin(self._inner_end)

    def finish(self) -> None:
        """Leave the best pictures on the node, not those of the last round, and a full bar."""
        show_text(self._node, finished_text([best.critique for best in self.best.values()]))
        for best in self.best.values():
            self._show(self._batch * (self._rounds + 1), preview(best.image, best.critique))

    def _done(self) -> float:
        return sum(
            self._rounds + 1 if row in self.best and _needs_none(self.best[row]) else self._judged[row]
            for row in range(self._batch)
        )

    def _begin(self, end: float) -> None:
        self._inner_start, self._inner_end, self._inner = self._position, max(end, self._position), (0.0, 0.0)

    def _show_inner(self, value: float, total: float, picture: Any) -> None:
        """Take in a bar within a round. One that falls back, or has another length, is another bar."""
        share = value / total if total else 1.0
        if share < self._inner[0] or total != self._inner[1]:
            self._inner_start = self._position
        self._inner = share, total
        self._show(self._inner_start + (self._inner_end - self._inner_start) * _SHARE * share, picture)

    def _show(self, position: float, picture: Any) -> None:
        self._position = max(self._position, position)
        self._bar.update_absolute(round(self._position * _STEPS), preview=picture)


def _needs_none(best: Round) -> bool:
    return best.critique.passed or not best.critique.verdicts


def show_round(
    node: type[io.ComfyNode], states: Sequence[LoopState], number: int, rounds: int, strategies: Sequence[str]
) -> None:
    """Show on the running end of a loop as a graph the best pictures with their boxes, and how far the loop is after
    round ``number`` of ``rounds``. ``strategies`` are those of the round that follows, none where the loop ends.
    """
    job, critiques = JobGraph(node), [state.best.critique for state in states]
    if strategies:
        critiques = [state.best.critique for state in states if not state.finished]
        text, done = progress_text(number + 1, rounds, ", ".join(dict.fromkeys(strategies)), critiques), number + 1
    else:
        text, done = finished_text(critiques), rounds + 1
    show_text(node, text)
    # A copy of the artist's node has a bar of its own, and the page shows the lower one of the two.
    comfy.utils.ProgressBar(rounds + 1).update_absolute(done)
    bar = comfy.utils.ProgressBar(rounds + 1, job.shown_as(job.own_id))
    for state in states:
        bar.update_absolute(done, preview=preview(state.best.image, state.best.critique))
