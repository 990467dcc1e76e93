"""What a dataset records of each picture, and what is added to it at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from ..critique import Critique
from ..detections import Detection


@dataclass(frozen=True)
class Row:
    """A latent of a picture, read with a prompt: its kind (see ``head.LATENT_KINDS``), noise level in [0, 1] and
    rewards by aspect.

    ``index`` is its place among the latents that were written with it, ``repair`` that of the repaired version of its
    picture by its prompt, if that is another one than its picture's.
    """

    prompt: str
    kind: str
    noise_level: float
    renoised: bool
    rewards: dict[str, float]
    passed: bool
    index: int
    repair: int | None = None


@dataclass(frozen=True)
class Picture:
    """A picture and its latents; ``critique`` as of ``critique_row``.

    ``origin`` is ``sampled`` or ``corrected``, or ``rendered`` where no model drew it.
    ``part`` and ``place`` say where its finished latent lies. ``repair`` is the place, among the latents of the part,
    of the repaired version of a failed picture; None for a picture without one.
    """

    prompt: str
    seed: int
    origin: str
    critique: dict[str, Any]
    part: int
    place: int
    rows: tuple[Row, ...]
    repair: int | None = None

    @property
    def passed(self) -> bool:
        """Whether every claim of the prompt holds."""
        return self.critique["passed"]

    @property
    def objects(self) -> list[Detection]:
        """What the critic saw."""
        return [Detection(**values) for values in self.critique["objects"]]

    @property
    def confidence(self) -> float:
        """The critic's confidence in [0, 1]; 0 where it gave no verdict."""
        return 0.0 if self.critique["abstained"] else self.critique["confidence"]


@dataclass(frozen=True)
class Batch:
    """Pictures that were drawn together: finished latents (B, C, h, w), and the latents (R, C, h, w) of their rows.

    ``contexts`` are the embeddings (L, D) of all prompts that the rows are read with; ``side`` is the pictures' longer
    side in pixels. Each picture has a job (prompt, seed), a critique and rows; ``repairs`` are the places of the
    repaired latents, None for a picture without one, or empty.
    """

    jobs: Sequence[tuple[str, int]]
    origin: str
    critiques: Sequence[Critique]
    rows: Sequence[Sequence[Row]]
    finals: Tensor
    latents: Tensor
    contexts: Mapping[str, Tensor]
    side: int
    repairs: Sequence[int | None] = ()

    def pictures(self, part: int) -> list[Picture]:
        """The pictures as they are recorded, with their latents in this part."""
        repairs = self.repairs or [None] * len(self.jobs)
        return [
            Picture(prompt, seed, self.origin, critique_row(critique), part, place, tuple(rows), repair)
            for place, ((prompt, seed), critique, rows, repair) in enumerate(
                zip(self.jobs, self.critiques, self.rows, repairs)
            )
        ]


def critique_row(critique: Critique) -> dict[str, Any]:
    """A critique as JSON-ready values, its objects with noun and colour apart."""
    return {**critique.to_dict(), "objects": [detection.to_dict() for detection in critique.detections]}
