"""Scorings: how a critic's answers become a critique, one small class each."""

from .base import Scorer
from .consistent import Consistent
from .grounded import Grounded
from .likelihood import PromptLikelihood
from .per_claim import PerClaim
from .region_scores import WithRegionScores
from .rubric import Rubric
from .second_look import SecondLook
from .yes import YesProbability
from .zoom import Zoomed

SCORINGS: dict[str, Scorer] = {
    scoring.name: scoring for scoring in (Grounded(), PerClaim(), YesProbability(), PromptLikelihood(), Rubric())
}
"""The scorings by name."""

DEFAULT_SCORING = next(iter(SCORINGS))
"""The one that a critic has without being told."""


def register_scorer(scorer: Scorer) -> None:
    """Offer a scorer by its name, beside the pack's own. Raises ValueError for a name that is taken, TypeError, which
    says what is lacking, for what is no scorer.
    """
    if isinstance(scorer, type):
        raise TypeError(f"The scorer {scorer.__name__} is a class. Pass an instance of it.")
    lacking = [name for name in ("name", "samples", "judge") if not hasattr(scorer, name)]
    if lacking:
        raise TypeError(
            f"{type(scorer).__name__} is no scorer: it lacks {', '.join(lacking)}. A scorer needs name, samples and "
            "judge(); see docs/extending.md."
        )
    if scorer.name in SCORINGS:
        raise ValueError(f"There is a scorer '{scorer.name}' already. Give this one another name.")
    SCORINGS[scorer.name] = scorer


def make_scoring(
    name: str,
    judgements: int = 1,
    temperature: float = 0.7,
    regions: bool = False,
    further_looks: int = 0,
    zoom: bool = False,
) -> Scorer:
    """The scoring of a name; on request repeated, with a closer look at what is unsure, with ``further_looks`` at what
    passes (see ``SecondLook``), and with a score for each box.

    Raises ValueError for an unknown name, for repetition of a scoring by probabilities, which never vary, and for
    more than three further looks.
    """
    if name not in SCORINGS:
        raise ValueError(f"There is no scoring '{name}'; there are {', '.join(SCORINGS)}.")
    scoring = SCORINGS[name]
    if judgements > 1:
        scoring = Consistent(scoring, judgements, temperature)
    if zoom:
        scoring = Zoomed(scoring)
    if further_looks:
        scoring = SecondLook(scoring, further_looks)
    return WithRegionScores(scoring) if regions else scoring
