"""A second look: a picture that passes is judged again, seen otherwise, where the critic makes other errors."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor

from ...claims import Claim, position_claim
from ...critique import Critique, no_verdict
from ...detections import Detection
from ...rewards import decidable
from ..backend import GREEDY, Backend, CriticError, Sampling
from .base import Scorer

_MIRRORED = {"left of": "right of", "right of": "left of"}
_SIDED = re.compile(r"\b(left|right|clockwise|counterclockwise)\b", re.IGNORECASE)
_STEP = 64
"""What a picture is moved by: its side by this many."""


@dataclass(frozen=True)
class _View:
    """A picture seen otherwise: mirrored, and then moved by so many steps to the right and down."""

    name: str
    mirrored: bool
    right: int
    down: int

    def shown(self, images: Tensor) -> Tensor:
        """The images (B, H, W, 3) as they are judged; an edge that comes in repeats what was there."""
        images = images.flip(2) if self.mirrored else images
        right, down = self._pixels(*images.shape[1:3])
        if not right and not down:
            return images
        edges = (max(right, 0), max(-right, 0), max(down, 0), max(-down, 0))
        height, width = images.shape[1:3]
        moved = F.pad(images.movedim(-1, 1), edges, mode="replicate")
        left, top = max(-right, 0), max(-down, 0)
        return moved[:, :, top : top + height, left : left + width].movedim(1, -1)

    def takes(self, claim: Claim) -> bool:
        """Whether a claim can be judged in this view."""
        if not self.mirrored:
            return True
        return not claim.zone and (decidable(claim) or (claim.type != "text" and not _SIDED.search(claim.text)))

    def asked(self, claim: Claim) -> Claim:
        """What the claim says of the picture as it is seen."""
        if not self.mirrored or claim.direction not in _MIRRORED:
            return claim
        turned = position_claim(
            claim.noun, _MIRRORED[claim.direction], claim.other or "", claim.number, claim.color, claim.other_color
        )
        return replace(turned, weight=claim.weight)

    def turned_back(self, critique: Critique, claims: Sequence[Claim], height: int, width: int) -> Critique:
        """The critique of the picture as it is seen, as one of the picture (H, W)."""
        right, down = self._pixels(height, width)

        def turn(d: Detection) -> Detection:
            x = d.x - right
            mask = None if d.mask is None else torch.roll(d.mask, (-down, -right), dims=(-2, -1))
            if self.mirrored:
                x, mask = width - x - d.width, None if mask is None else mask.flip(-1)
            return replace(d, x=x, y=d.y - down, mask=mask)

        verdicts = [
            replace(
                verdict,
                claim=claim,
                evidence=tuple(map(turn, verdict.evidence)),
                reason=f"{verdict.reason} ({self.name} look)",
            )
            for verdict, claim in zip(critique.verdicts, claims)
        ]
        return replace(
            critique,
            verdicts=tuple(verdicts),
            detections=tuple(map(turn, critique.detections)),
            regions=tuple(replace(region, detection=turn(region.detection)) for region in critique.regions),
        )

    def _pixels(self, height: int, width: int) -> tuple[int, int]:
        return self.right * max(1, width // _STEP), self.down * max(1, height // _STEP)


VIEWS = (
    _View("second", mirrored=True, right=0, down=0),
    _View("third", mirrored=False, right=1, down=1),
    _View("fourth", mirrored=True, right=1, down=-1),
)
"""How a picture is seen by each further look."""


def _unconfirmed(critique: Critique, view: _View, error: CriticError) -> Critique:
    """A critique without verdicts, of a picture that passed before a further look failed."""
    reason = f"It passed so far, and the {view.name} look failed: {error}"
    return Critique(tuple(no_verdict(verdict.claim, reason) for verdict in critique.verdicts), critique.detections)


class SecondLook:
    """Another scoring; where all claims hold, it also judges the picture in the mirror, and all must hold there, too.

    Up to three further ``looks``: mirrored, moved by a 64th of the side, and both. The first in which a claim fails
    gives the critique. A loop that tries until its critic accepts collects the critic's false acceptances; each look
    costs one judgement for each accepted picture. Written text, and claims whose texts speak of left and right, cannot
    be judged in a mirror: such pictures are only moved. Where a further look fails, as when a server goes away, the
    pictures that it was for have no verdict: they are not accepted on the first look alone, and the critic has not
    failed at pictures that it did judge. Raises ValueError for another number of looks.
    """

    def __init__(self, scoring: Scorer, looks: int = 1):
        if not 1 <= looks <= len(VIEWS):
            raise ValueError(f"There are 1 to {len(VIEWS)} further looks at a picture, not {looks}.")
        words = "a second look" if looks == 1 else f"{looks} further looks"
        self.scoring, self.looks, self.samples = scoring, looks, scoring.samples
        self.name = f"{scoring.name}, with {words}"

    def judge(
        self, backend: Backend, images: Tensor, claims: Sequence[Sequence[Claim]], sampling: Sampling = GREEDY
    ) -> list[Critique]:
        """Judge images (B, H, W, 3) in [0, 1], each against its own claims. Raises CriticError."""
        critiques = self.scoring.judge(backend, images, claims, sampling)
        for view in VIEWS[: self.looks]:
            passed = [
                row for row, critique in enumerate(critiques) if critique.passed and all(map(view.takes, claims[row]))
            ]
            if not passed:
                continue
            asked = [[view.asked(claim) for claim in claims[row]] for row in passed]
            try:
                seen = self.scoring.judge(backend, view.shown(images[passed]), asked, sampling)
            except CriticError as error:
                for row in passed:
                    critiques[row] = _unconfirmed(critiques[row], view, error)
                continue
            for row, critique in zip(passed, seen):
                if not critique.passed and not critique.abstained:
                    critiques[row] = view.turned_back(critique, claims[row], *images.shape[1:3])
        return critiques
