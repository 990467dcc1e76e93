"""Training records: latents on the way to a picture, the prompt they are read with, and how the critic judged the
picture.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ..aspects import ASPECTS
from ..critique import Critique
from ..detections import Detection
from ..models.head import LATENT_KINDS

NO_REWARD = -1.0
"""Stands for the reward of an aspect that a prompt has no claim about, or that the critic abstained from."""

FINAL, X0, NOISY = (LATENT_KINDS.index(kind) for kind in ("final", "x0", "noisy"))

_CHUNK_CELLS = 256 * 1024

Encode = Callable[[list[str]], Tensor]
"""From prompts to their embeddings (B, L, D)."""


def reward_rows(critiques: Sequence[Critique], aspects: Sequence[str] = ASPECTS) -> Tensor:
    """Rewards (N, A) of critiques, a column for each aspect; NO_REWARD where there is none."""
    return torch.tensor([[critique.rewards.get(aspect, NO_REWARD) for aspect in aspects] for critique in critiques])


@dataclass
class Records:
    """N latents of M pictures; a picture comes finished and as x0 predictions at several noise levels.

    Per latent: ``prompts``, the texts that they are read with, mostly their picture's own; ``latents`` (N, C, h, w);
    ``noise_level`` (N,) in [0, 1]; ``kinds`` (N,), places in ``head.LATENT_KINDS``; ``renoised`` (N,), whether an x0
    prediction was made after adding fresh noise to the finished latent rather than on the way to it; ``rewards`` (N, A)
    with NO_REWARD for missing ones; ``passed`` (N,), whether every claim of the prompt holds; ``confidence`` (N,), the
    critic's, 0 where it abstained; ``pictures`` (N,), places among the pictures; ``repair_index`` (N,), places among
    ``repairs``, -1 where there is none.

    ``repairs`` (K, C, h, w): finished latents of failed pictures that were repaired and then passed. ``aspects`` names
    the columns of the rewards.

    Per picture: ``finals`` (M, C, h, w), the finished latents, ``objects``, what the critic saw, and ``side``, the
    longer side of the pictures in pixels, which the objects' boxes are in.
    """

    prompts: list[str]
    latents: Tensor
    noise_level: Tensor
    kinds: Tensor
    renoised: Tensor
    rewards: Tensor
    passed: Tensor
    confidence: Tensor
    pictures: Tensor
    finals: Tensor
    objects: list[list[Detection]]
    side: float
    repair_index: Tensor
    repairs: Tensor
    aspects: tuple[str, ...] = ASPECTS

    def __len__(self) -> int:
        return len(self.prompts)

    def rows(self, index: Sequence[int] | Tensor) -> Records:
        """The records of some latents, of the same pictures."""
        rows = torch.as_tensor(index, dtype=torch.long)
        tensors = {name: getattr(self, name)[rows] for name in _PER_LATENT}
        return replace(self, prompts=[self.prompts[row] for row in rows.tolist()], **tensors)

    def where(self, mask: Tensor) -> Records:
        """The records whose ``mask`` (N,) is true."""
        return self.rows(mask.nonzero().flatten())

    def with_aspects(self, aspects: tuple[str, ...]) -> Records:
        """The records with a reward column for each of these aspects; NO_REWARD for one that they do not have."""
        if aspects == self.aspects:
            return self
        rewards = torch.full((len(self), len(aspects)), NO_REWARD)
        for column, aspect in enumerate(aspects):
            if aspect in self.aspects:
                rewards[:, column] = self.rewards[:, self.aspects.index(aspect)]
        return replace(self, rewards=rewards, aspects=aspects)

    @property
    def targets(self) -> Tensor:
        """The finished latents (N, C, h, w) that the latents belong to."""
        return self.finals[self.pictures]

    @property
    def repaired(self) -> Tensor:
        """Whether a latent's picture failed and has a repaired version (N,)."""
        return self.repair_index >= 0

    @property
    def seen(self) -> list[list[Detection]]:
        """What the critic saw in the picture of each latent."""
        return [self.objects[picture] for picture in self.pictures.tolist()]


_PLACES = ("pictures", "repair_index")
_PER_LATENT = ("latents", "noise_level", "kinds", "renoised", "rewards", "passed", "confidence", *_PLACES)


def join(collections: Sequence[Records]) -> Records:
    """Several collections as one, with the aspects of all. Raises ValueError for none, or for latents of different
    sizes.
    """
    shapes = {tuple(records.finals.shape[1:]) for records in collections}
    if len(shapes) != 1:
        raise ValueError(
            f"The collections hold latents of {len(shapes)} sizes ({sorted(shapes)}); a training needs one. Collect "
            "again with one picture size, or train on one collection."
        )
    aspects = collections[0].aspects
    if any(records.aspects != aspects for records in collections):
        aspects = tuple(aspect for aspect in ASPECTS if any(aspect in records.aspects for records in collections))
        collections = [records.with_aspects(aspects) for records in collections]
    first_picture, first_repair, pictures, repair_index = 0, 0, [], []
    for records in collections:
        pictures.append(records.pictures + first_picture)
        repair_index.append(torch.where(records.repaired, records.repair_index + first_repair, -1))
        first_picture, first_repair = first_picture + len(records.finals), first_repair + len(records.repairs)
    tensors = {
        name: torch.cat([getattr(records, name) for records in collections])
        for name in (*_PER_LATENT, "finals", "repairs")
        if name not in _PLACES
    }
    return Records(
        prompts=[prompt for records in collections for prompt in records.prompts],
        **tensors,
        pictures=torch.cat(pictures),
        repair_index=torch.cat(repair_index),
        objects=[objects for records in collections for objects in records.objects],
        side=collections[0].side,
        aspects=aspects,
    )


def chunks(records: Records) -> Iterator[Records]:
    """The records in order, as many at once as can be read without gradients on any device, whatever their size."""
    number = max(1, _CHUNK_CELLS // (records.latents.shape[-2] * records.latents.shape[-1]))
    for start in range(0, len(records), number):
        yield records.rows(range(start, min(start + number, len(records))))


def chunk_mean(records: Records, mean_of: Callable[[Records], float]) -> float:
    """The mean over records of a value whose means over chunks ``mean_of`` gives."""
    return sum(mean_of(chunk) * len(chunk) for chunk in chunks(records)) / len(records)


def of_kind(records: Records, kind: int) -> Tensor:
    """Places of the latents of a kind. Raises ValueError where there are none."""
    rows = (records.kinds == kind).nonzero().flatten()
    if not len(rows):
        raise ValueError(
            f"These records hold no latents of the kind '{LATENT_KINDS[kind]}'. Collect pictures with noise levels to "
            "watch."
        )
    return rows


def pick(rows: Tensor, number: int, generator: torch.Generator) -> Tensor:
    """``number`` of the places, at random, with repetition."""
    return rows[torch.randint(0, len(rows), (number,), generator=generator, device=generator.device).to(rows.device)]
