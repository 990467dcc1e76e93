"""Ways of scoring: how a critic's answers become a critique, one small class each."""

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
    way.name: way for way in (Grounded(), PerClaim(), YesProbability(), PromptLikelihood(), Rubric())
}
"""The ways by name; the first is the default."""


def make_scoring(
    name: str, judgements: int = 1, temperature: float = 0.7, regions: bool = False, second_look: bool = False
) -> Scoring:
    """A way by its name, repeated, asked again in the mirror, and asked about each box on its own as wanted.

    Raises ValueError for an unknown name, and for repetition of a way that reads probabilities, which never vary.
    """
    if name not in SCORINGS:
        raise ValueError(f"There is no way of scoring '{name}'; there are {', '.join(SCORINGS)}.")
    way = SCORINGS[name]
    if judgements > 1:
        way = Consistent(way, judgements, temperature)
    if second_look:
        way = SecondLook(way)
    return WithRegionScores(way) if regions else way
