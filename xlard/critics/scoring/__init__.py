"""Scorings: how a critic's answers become a critique, one small class each."""

from .base import Scoring
from .consistent import Consistent
from .grounded import Grounded
from .likelihood import PromptLikelihood
from .per_claim import PerClaim
from .region_scores import WithRegionScores
from .rubric import Rubric
from .second_look import SecondLook
from .yes import YesProbability

SCORINGS: dict[str, Scoring] = {
    scoring.name: scoring for scoring in (Grounded(), PerClaim(), YesProbability(), PromptLikelihood(), Rubric())
}
"""The scorings by name; the first is the default."""


def make_scoring(
    name: str, judgements: int = 1, temperature: float = 0.7, regions: bool = False, second_look: bool = False
) -> Scoring:
    """The scoring of a name; on request repeated, with a second look in the mirror, and with a score for each box.

    Raises ValueError for an unknown name, and for repetition of a scoring by probabilities, which never vary.
    """
    if name not in SCORINGS:
        raise ValueError(f"There is no scoring '{name}'; there are {', '.join(SCORINGS)}.")
    scoring = SCORINGS[name]
    if judgements > 1:
        scoring = Consistent(scoring, judgements, temperature)
    if second_look:
        scoring = SecondLook(scoring)
    return WithRegionScores(scoring) if regions else scoring
