"""Which pictures of a batch are the best, by their critiques or by a critic that compares them."""

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
RANK_BY: tuple[RankBy, ...] = get_args(RankBy)

AUTOMATIC = -1
"""The index of the picture chosen by hand where none is."""

SIDE_BY_SIDE, BY_YES, BY_VERDICTS = "seen side by side", "by P(yes) of each claim", "by the verdicts on each claim"
"""How two pictures may have been compared."""


@dataclass(frozen=True)
class Ranking:
    """The indices of a batch's pictures, best first; ``win_rates`` in [0, 1] are in the batch's order.

    ``compared_by`` counts the pairs of pictures: side by side, by P(yes), or by the verdicts.
    """

    order: tuple[int, ...]
    win_rates: tuple[float, ...]
    compared_by: Counter[str]

    def best(self, number: int, choice: int = AUTOMATIC) -> tuple[int, ...]:
        """The indices of the ``number`` best pictures, best first; one that was chosen by hand stands before them.

        Raises ValueError if there are fewer pictures, or if ``choice`` is none of them.
        """
        if not 1 <= number <= len(self.order):
            raise ValueError(
                f"{number} pictures cannot be picked out of {len(self.order)}. Set number to at most "
                f"{len(self.order)}, or draw more pictures."
            )
        if choice == AUTOMATIC:
            return self.order[:number]
        if not 0 <= choice < len(self.order):
            raise ValueError(
                f"choice is {choice}, and the batch has the pictures 0 to {len(self.order) - 1}. Click a picture on "
                f"the node, or set choice to {AUTOMATIC}: then the critic chooses."
            )
        return (choice, *(index for index in self.order if index != choice))[:number]


def rank(
    critiques: Sequence[Critique], by: RankBy, critic: MLLMCritic | None = None, images: Tensor | None = None
) -> Ranking:
    """Rank pictures by their win rates: every two are compared, and of equal ones the earlier comes first.

    ``claims`` compares as the loop does, see ``Critique.better_than``. ``pairwise`` compares claim by claim, for win
    rates as in Pref-GRPO (arXiv 2508.20751). With a ``critic`` it shows images (B, H, W, 3) in [0, 1] side by side; if
    an answer cannot be read, it asks for P(yes) of each claim. Raises ValueError for critiques of different claims,
    CriticError.
    """
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
    """The share of the claims' weight on which ``a`` beats ``b``, less the share on which it loses: in [-1, 1].

    A claim that holds beats one that does not, then a score beats one that is lower by more than both spreads. A claim
    without a verdict beats nothing, and a picture without a verdict loses against one that was judged.
    """
    if a.abstained or b.abstained:
        return by_claims(a, b)
    total = math.fsum(verdict.claim.weight for verdict in a.verdicts)
    lead = math.fsum(
        verdict_a.claim.weight * (_beats(verdict_a, verdict_b) - _beats(verdict_b, verdict_a))
        for verdict_a, verdict_b in zip(a.verdicts, b.verdicts)
    )
    return lead / total if total > 0 else 0.0


def win_rates(count: int, lead: Callable[[int, int], float]) -> tuple[float, ...]:
    """For each of ``count`` pictures the share in [0, 1] of its comparisons that it wins; a tie is half a win.

    ``lead(a, b)`` in [-1, 1] says how much better ``a`` is than ``b``, and is called for a < b only. The rates sum to
    half the count; a single picture has .5.
    """
    leads: list[list[float]] = [[] for _ in range(count)]
    for a in range(count):
        for b in range(a + 1, count):
            lead_of_a = lead(a, b)
            leads[a].append(lead_of_a)
            leads[b].append(-lead_of_a)
    # An exact sum: its rounding must not depend on the order of the pictures, and decide a tie.
    return tuple(0.5 + math.fsum(leads_of_picture) / (2 * max(count - 1, 1)) for leads_of_picture in leads)


def _check(critiques: Sequence[Critique]) -> None:
    claims = [[verdict.claim for verdict in critique.verdicts] for critique in critiques]
    if not claims:
        raise ValueError("There is no critique to pick by. Connect the output of xLARD Critique.")
    if any(claims_of_picture != claims[0] for claims_of_picture in claims):
        raise ValueError(
            "These critiques are of different claims: their pictures cannot be compared. Judge all pictures in one "
            "xLARD Critique."
        )


def _beats(a: Verdict, b: Verdict) -> bool:
    if bool(a.passed) != bool(b.passed):
        return bool(a.passed)
    if a.score is None or b.score is None:
        return False
    return a.score - b.score > math.hypot(a.spread, b.spread)


def _ranking(critiques: Sequence[Critique], lead: Callable[[int, int], float], compared_by: Counter[str]) -> Ranking:
    rates = win_rates(len(critiques), lead)
    return Ranking(tuple(sorted(range(len(critiques)), key=lambda index: -rates[index])), rates, +compared_by)


def _rank_asking(critiques: Sequence[Critique], critic: MLLMCritic, images: Tensor) -> Ranking:
    claims = [verdict.claim for verdict in critiques[0].verdicts]
    # The critic compares only judged pictures: one without a verdict loses anyway.
    judged = [index for index, critique in enumerate(critiques) if claims and not critique.abstained]
    pairs = [(a, b) for a in judged for b in judged if a < b]
    answers = zip(pairs, ask_pairs(critic.backend, images, claims, pairs))
    leads = {pair: lead for pair, lead in answers if lead is not None}
    # What decides the pairs that were shown in vain.
    fallback, comparison = (critiques, BY_VERDICTS) if len(leads) == len(pairs) else _by_yes(critiques, critic, images)
    compared_by = Counter({SIDE_BY_SIDE: len(leads), BY_VERDICTS: math.comb(len(critiques), 2) - len(pairs)})
    compared_by[comparison] += len(pairs) - len(leads)
    shown = set(pairs)

    def lead(a: int, b: int) -> float:
        if (a, b) in leads:
            return leads[a, b]
        deciding = fallback if (a, b) in shown else critiques
        return claim_by_claim(deciding[a], deciding[b])

    return _ranking(critiques, lead, compared_by)


def _by_yes(critiques: Sequence[Critique], critic: MLLMCritic, images: Tensor) -> tuple[Sequence[Critique], str]:
    """Critiques by P(yes), which differ where verdicts are equal; the given ones if the critic has no P(yes)."""
    claims = [[verdict.claim for verdict in critique.verdicts] for critique in critiques]
    try:
        critiques_by_yes = critic.with_scoring(YesProbability()).judge(images, claims)
    except CannotDo:
        return critiques, BY_VERDICTS
    if any(critique.abstained for critique in critiques_by_yes):
        return critiques, BY_VERDICTS
    return critiques_by_yes, BY_YES
