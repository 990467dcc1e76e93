"""Which pictures of a batch are the best, by what a critic says of them."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from torch import Tensor

from ..critics.backend import CannotDo
from ..critics.mllm import MLLMCritic
from ..critics.pairs import ask_pairs
from ..critics.scoring.yes import YesProbability
from ..critique import Critique, Verdict

By = Literal["claims", "pairwise"]
BY = get_args(By)

ASKED, YES, VERDICTS = "asked side by side", "by P(yes) of each claim", "by the verdicts on each claim"


@dataclass(frozen=True)
class Ranking:
    """The indices of a batch's pictures, best first; ``win_rates`` in [0, 1] and ``critiques`` are in the batch's order.

    ``ways`` tells how many pairs were compared in which way.
    """

    order: tuple[int, ...]
    win_rates: tuple[float, ...]
    critiques: tuple[Critique, ...]
    ways: dict[str, int]

    def best(self, number: int) -> tuple[int, ...]:
        """The indices of the best so many, best first. Raises ValueError if there are fewer pictures."""
        if not 1 <= number <= len(self.order):
            raise ValueError(f"The batch has {len(self.order)} pictures, of which {number} cannot be picked. Set number to "
                             f"1 to {len(self.order)}, or draw more pictures.")
        return self.order[:number]


def rank(critiques: Sequence[Critique], by: By, critic: MLLMCritic | None = None, images: Tensor | None = None) -> Ranking:
    """Rank pictures by their win rates: each is compared with every other one, and ties go to the earlier.

    ``claims`` compares as the loop does (fewest failed claims, then the score). ``pairwise`` compares claim by claim, as the
    win rates of Pref-GRPO (arXiv 2508.20751); a ``critic`` is shown images (B, H, W, 3) in [0, 1] side by side, or, if it
    cannot compare, asked for P(yes) of each claim. Raises ValueError for critiques of different claims, CriticError.
    """
    asked = [verdict.claim for verdict in critiques[0].verdicts] if critiques else []
    if not critiques or any([verdict.claim for verdict in other.verdicts] != asked for other in critiques):
        raise ValueError("Pictures can only be compared by critiques of the same claims. Judge all of them in one batch of "
                         "xLARD Critique.")
    if by == "claims":
        return _ranking(critiques, lambda a, b: by_claims(critiques[a], critiques[b]), {})
    if critic is None:
        return _ranking(critiques, lambda a, b: claim_by_claim(critiques[a], critiques[b]), {VERDICTS: _pairs(critiques)})
    if images is None:
        raise ValueError("The critic has to see the pictures to compare them. Connect images, or disconnect critic to "
                         "compare by the critiques alone.")
    return _rank_asking(critiques, critic, images)


def by_claims(a: Critique, b: Critique) -> float:
    """1 if ``a`` is better than ``b`` in ``Critique.better_than``'s order, 0 if it is worse, else a half."""
    return 0.5 + 0.5 * (a.better_than(b) - b.better_than(a))


def claim_by_claim(a: Critique, b: Critique) -> float:
    """The share in [0, 1] of the claims' weight on which ``a`` is better than ``b``, a half of what is equal included.

    A claim that holds is better than one that does not, then the score decides if it differs by more than both spreads.
    A claim without a verdict beats nothing, and neither does a picture without any.
    """
    if a.abstained or b.abstained:
        return by_claims(a, b)
    total = math.fsum(verdict.claim.weight for verdict in a.verdicts)
    if total <= 0:
        return 0.5
    # Counted from a half, so that the shares of (a, b) and (b, a) add up to 1 exactly.
    lead = math.fsum(own.claim.weight * (_beats(own, other) - _beats(other, own)) for own, other in zip(a.verdicts, b.verdicts))
    return 0.5 + 0.5 * lead / total


def win_rates(count: int, preference: Callable[[int, int], float]) -> tuple[float, ...]:
    """For each of ``count`` pictures the mean preference over all others; they sum to half the count.

    ``preference(a, b)`` in [0, 1] says how clearly ``a`` is better than ``b``; it is asked for a < b only. A picture alone
    has neither won nor lost.
    """
    if count == 1:
        return (0.5,)
    wins: list[list[float]] = [[] for _ in range(count)]
    for a in range(count):
        for b in range(a + 1, count):
            share = preference(a, b)
            wins[a].append(share)
            wins[b].append(1 - share)
    # fsum: the order of the pictures must not decide a tie.
    return tuple(math.fsum(own) / (count - 1) for own in wins)


def _beats(own: Verdict, other: Verdict) -> bool:
    if bool(own.passed) != bool(other.passed):
        return bool(own.passed)
    if own.score is None or other.score is None:
        return False
    return own.score - other.score > math.hypot(own.spread, other.spread)


def _ranking(critiques: Sequence[Critique], preference: Callable[[int, int], float], ways: dict[str, int]) -> Ranking:
    rates = win_rates(len(critiques), preference)
    order = sorted(range(len(critiques)), key=lambda index: -rates[index])
    return Ranking(tuple(order), rates, tuple(critiques), ways)


def _rank_asking(critiques: Sequence[Critique], critic: MLLMCritic, images: Tensor) -> Ranking:
    claims = [verdict.claim for verdict in critiques[0].verdicts]
    # A picture without a verdict loses anyhow.
    judged = [index for index, critique in enumerate(critiques) if not critique.abstained]
    pairs = [(a, b) for a in judged for b in judged if a < b]
    answers = dict(zip(pairs, ask_pairs(critic.backend, images, claims, pairs))) if claims else {}
    closer, way = critiques, VERDICTS
    if any(share is None for share in answers.values()):
        try:
            closer, way = critic.with_scoring(YesProbability()).judge(images, [claims] * len(images)), YES
        except CannotDo:
            # A server without probabilities: the verdicts that it gave before are all there is.
            pass

    def preference(a: int, b: int) -> float:
        share = answers.get((a, b))
        if share is not None:
            return share
        return claim_by_claim(closer[a], closer[b]) if (a, b) in answers else by_claims(critiques[a], critiques[b])

    unread = sum(share is None for share in answers.values())
    ways = {ASKED: len(answers) - unread, way: unread, VERDICTS: _pairs(critiques) - len(answers) + (unread if way == VERDICTS else 0)}
    return _ranking(critiques, preference, {name: count for name, count in ways.items() if count})


def _pairs(critiques: Sequence[Critique]) -> int:
    return math.comb(len(critiques), 2)
