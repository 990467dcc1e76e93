"""Aspects: what rewards are grouped by, all in one table.

To add an aspect, add a line to ``TABLE``; no other list has to change. Heads and data sets record the aspects that they
were made with, so files with fewer aspects, or other ones, can still be read.
"""

from __future__ import annotations

from dataclasses import dataclass

from .claims import Claim, ClaimType


@dataclass(frozen=True)
class Aspect:
    """An aspect, the types of the claims whose scores count for it, and whether reward heads learn to predict it."""

    name: str
    claim_types: tuple[ClaimType, ...]
    learned: bool = True


PRESERVATION = "preservation"
"""The aspect of claims to keep, whatever their type: how well an edit preserves what must not change."""

TABLE = (
    Aspect("count", ("count",)),
    Aspect("color", ("color",)),
    Aspect("position", ("position",)),
    Aspect("object", ("object",)),
    Aspect("attribute", ("attribute", "relation", "text")),
    Aspect("quality", ("custom",)),
    Aspect(PRESERVATION, (), learned=False),
)
"""All aspects. Each type of claim counts for exactly one. New aspects go to the end: the order is that of the columns
of new heads.
"""

REPORTED = tuple(aspect.name for aspect in TABLE)
"""Every aspect of a critique's rewards."""

ASPECTS = tuple(aspect.name for aspect in TABLE if aspect.learned)
"""The aspects that reward heads learn; a new head has one output for each, in this order."""

ASPECT_OF: dict[ClaimType, str] = {claim_type: aspect.name for aspect in TABLE for claim_type in aspect.claim_types}
"""The aspect that a claim's score counts for, by the claim's type."""


def aspect_of(claim: Claim) -> str:
    """The aspect that a claim's score counts for."""
    return PRESERVATION if claim.keep else ASPECT_OF[claim.type]
