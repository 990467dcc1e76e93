"""Which pictures of a batch are the best, by what a critic says of them."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from torch import Tensor

from ..critique import Critique, Verdict
from .backend import CannotDo
from .mllm import MLLMCritic
from .pairs import ask_pairs
from .scoring.yes import YesProbability

RankBy = Literal["claims", "pairwise"]
RANK_BY = get_args(RankBy)

SIDE_BY_SIDE, BY_YES, BY_VERDICTS = "seen side by side", "by P(yes) of each claim", "by the verdicts on each claim"
"""How a pair of pictures may have been compared."""


@dataclass(frozen=True)
class Ranking:
    """The indices of a batch's pictures, best first; ``win_rates`` in [0, 1] are in the batch's order.

    ``compared_by`` counts the pairs of pictures by how they were compared.
    """

    order: tuple[int, ...]
    win_rates: tuple[float, ...]
    compared_by: Counter[str]

    def best(self, number: int) -> tuple[int, ...]:
        """The indices of the best so many, best first. Raises ValueError if there are fewer pictures."""
        if not 1 <= number <= len(self.order):
            raise ValueError(
                f"{number} pictures cannot be picked out of {len(self.order)}. Set number to at most "
                f"{len(self.order)}, or draw more pictures."
            )
        return self.order[:number]


def rank(
    critiques: Sequence[Critique], by: RankBy, critic: MLLMCritic | None = None, images: Tensor | None = None
) -> Ranking:
    """Rank pictures by their win rates: each is compared with every other one, and ties go to the earlier.

    ``claims`` compares as the loop does, see ``Critique.better_than``. ``pairwise`` compares claim by claim, for win
    rates as in Pref-GRPO (arXiv 2508.20751); a ``critic`` is shown images (B, H, W, 3) in [0, 1] side by side and,
    where its answer cannot be read, asked for P(yes) of each claim. Raises ValueError for critiques of different
    claims, CriticError."""
    _check(critiques)
    pairs = math.comb(len(critiques), 2)
    if by == "claims":
        return _ranking(critiques, lambda a, b: by_claims(critiques[a], critiques[b]), Counter({BY_VERDICTS: pairs}))
    if critic is None:
        return _ranking(
            critiques, lambda a, b: claim_by_claim(critiques[a], critiques[b]), Counter({BY_VERDICTS: pairs})
        )
    if images is None:
        raise ValueError(
            "The critic has to see the pictures to compare them. Connect images, or disconnect critic to compare "
            "by the critiques alone."
        )
    return _rank_asking(critiques, critic, images)


def by_claims(a: Critique, b: Critique) -> float:
    """1 if ``a`` is better than ``b`` in the order of ``Critique.better_than``, -1 if it is worse, else 0."""
    return float(a.better_than(b) - b.better_than(a))


def claim_by_claim(a: Critique, b: Critique) -> float:
    """The share of the claims' weight on which ``a`` is better than ``b``, less that on which it is worse: in [-1, 1].

    A claim that holds is better than one that does not, then a score that is higher by more than both spreads. A claim
    without a verdict beats nothing, and a picture without any loses against one that was judged.
    """
    if a.abstained or b.abstained:
        return by_claims(a, b)
    total = math.fsum(verdict.claim.weight for verdict in a.verdicts)
    lead = math.fsum(
        own.claim.weight * (_beats(own, other) - _beats(other, own)) for own, other in zip(a.verdicts, b.verdicts)
    )
    return lead / total if total > 0 else 0.0


def win_rates(count: int, lead: Callable[[int, int], float]) -> tuple[float, ...]:
    """For each of ``count`` pictures the share in [0, 1] of the others that it wins against, a tie being half a win.

    ``lead(a, b)`` in [-1, 1] says how far ``a`` is better than ``b``, and is asked for a < b only. The rates sum to
    half the count; a picture alone has neither won nor lost."""
    leads: list[list[float]] = [[] for _ in range(count)]
    for a in range(count):
        for b in range(a + 1, count):
            found = lead(a, b)
            leads[a].append(found)
            leads[b].append(-found)
    # Rounded once, and not as the order of the pictures has it, which must not decide a tie.
    return tuple(0.5 + math.fsum(own) / (2 * max(count - 1, 1)) for own in leads)


def _check(critiques: Sequence[Critique]) -> None:
    claims = [[verdict.claim for verdict in critique.verdicts] for critique in critiques]
    if not claims:
        raise ValueError("There is no critique to pick by. Connect that of xLARD Critique.")
    if any(other != claims[0] for other in claims):
        raise ValueError(
            "These critiques are of different claims, so that their pictures cannot be compared. Judge all "
            "pictures in one xLARD Critique."
        )


def _beats(own: Verdict, other: Verdict) -> bool:
    if bool(own.passed) != bool(other.passed):
        return bool(own.passed)
    if own.score is None or other.score is None:
        return False
    return own.score - other.score > math.hypot(own.spread, other.spread)


def _ranking(critiques: Sequence[Critique], lead: Callable[[int, int], float], compared_by: Counter[str]) -> Ranking:
    rates = win_rates(len(critiques), lead)
    return Ranking(tuple(sorted(range(len(critiques)), key=lambda index: -rates[index])), rates, +compared_by)


def _rank_asking(critiques: Sequence[Critique], critic: MLLMCritic, images: Tensor) -> Ranking:
    claims = [verdict.claim for verdict in critiques[0].verdicts]
    # A picture without a verdict loses to any other, whatever a second look would say.
    judged = [index for index, critique in enumerate(critiques) if claims and not critique.abstained]
    pairs = [(a, b) for a in judged for b in judged if a < b]
    asked = set(pairs)
    seen = {
        pair: found for pair, found in zip(pairs, ask_pairs(critic.backend, images, claims, pairs)) if found is not None
    }
    closer, way = (critiques, BY_VERDICTS) if len(seen) == len(pairs) else _by_yes(critiques, critic, images)
    compared_by = Counter({SIDE_BY_SIDE: len(seen), BY_VERDICTS: math.comb(len(critiques), 2) - len(pairs)})
    compared_by[way] += len(pairs) - len(seen)

    def lead(a: int, b: int) -> float:
        if (a, b) in seen:
            return seen[a, b]
        told = closer if (a, b) in asked else critiques
        return claim_by_claim(told[a], told[b])

    return _ranking(critiques, lead, compared_by)


def _by_yes(critiques: Sequence[Critique], critic: MLLMCritic, images: Tensor) -> tuple[Sequence[Critique], str]:
    """The pictures judged by P(yes), which tells apart what verdicts call equal; where the critic has none, as they
    were."""
    claims = [[verdict.claim for verdict in critique.verdicts] for critique in critiques]
    try:
        closer = critic.with_scoring(YesProbability()).judge(images, claims)
    except CannotDo:
        return critiques, BY_VERDICTS
    return (critiques, BY_VERDICTS) if any(critique.abstained for critique in closer) else (closer, BY_YES)
