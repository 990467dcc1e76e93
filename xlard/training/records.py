"""Training records: latents on the way to a picture, the prompt they are read with, and how the critic judged the
outcome."""

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

FINAL, X0 = LATENT_KINDS.index("final"), LATENT_KINDS.index("x0")

_CHUNK = 256 * 1024

Encode = Callable[[list[str]], Tensor]
"""From prompts to their embeddings (B, L, D)."""


def reward_rows(critiques: Sequence[Critique]) -> Tensor:
    """Rewards (N, A) of critiques in the order of ``ASPECTS``; NO_REWARD where there is none."""
    return torch.tensor([[critique.rewards.get(aspect, NO_REWARD) for aspect in ASPECTS] for critique in critiques])


@dataclass
class Records:
    """N latents of M pictures; a picture comes finished and as x0 predictions at several noise levels.

    Per latent: ``prompts``, the texts that they are read with, mostly their picture's own; ``latents`` (N, C, h, w);
    ``noise_level`` (N,) in [0, 1]; ``kinds`` (N,), places in ``head.LATENT_KINDS``; ``renoised`` (N,), whether an x0
    prediction was made after adding fresh noise to the finished latent rather than on the way to it; ``rewards`` (N, A)
    with NO_REWARD for missing ones; ``passed`` (N,), whether every claim of the prompt holds; ``confidence`` (N,), the
    critic's, 0 where it abstained; ``pictures`` (N,), places among the pictures; ``mended`` (N,), places among
    ``mends``, -1 where there is none.

    ``mends`` (K, C, h, w): finished latents of failed pictures that were mended and then passed.

    Per picture: ``finals`` (M, C, h, w), the finished latents, ``objects``, what the critic saw, and ``side``, the
    longer side of the pictures in pixels, which the objects' boxes are in."""

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
    mended: Tensor
    mends: Tensor

    def __len__(self) -> int:
        return len(self.prompts)

    def rows(self, index: Sequence[int] | Tensor) -> Records:
        """The records of some latents, of the same pictures."""
        keep = torch.as_tensor(index, dtype=torch.long)
        tensors = {name: getattr(self, name)[keep] for name in _PER_LATENT}
        return replace(self, prompts=[self.prompts[row] for row in keep.tolist()], **tensors)

    def where(self, mask: Tensor) -> Records:
        """The records whose ``mask`` (N,) is true."""
        return self.rows(mask.nonzero().flatten())

    @property
    def targets(self) -> Tensor:
        """The finished latents (N, C, h, w) that the latents belong to."""
        return self.finals[self.pictures]

    @property
    def seen(self) -> list[list[Detection]]:
        """What the critic saw in the picture of each latent."""
        return [self.objects[picture] for picture in self.pictures.tolist()]


_PER_LATENT = ("latents", "noise_level", "kinds", "renoised", "rewards", "passed", "confidence", "pictures", "mended")


def join(parts: Sequence[Records]) -> Records:
    """Several collections as one. Raises ValueError for none, or for latents of different sizes."""
    shapes = {tuple(part.finals.shape[1:]) for part in parts}
    if len(shapes) != 1:
        raise ValueError(
            f"The collections hold latents of {len(shapes)} sizes ({sorted(shapes)}); a training needs one. Collect "
            "again with one picture size, or train on one collection."
        )
    starts = [sum(len(part.finals) for part in parts[:index]) for index in range(len(parts))]
    mends = [sum(len(part.mends) for part in parts[:index]) for index in range(len(parts))]
    tensors = {
        name: torch.cat([getattr(part, name) for part in parts])
        for name in _PER_LATENT
        if name not in ("pictures", "mended")
    }
    return Records(
        prompts=[prompt for part in parts for prompt in part.prompts],
        **tensors,
        pictures=torch.cat([part.pictures + start for part, start in zip(parts, starts)]),
        mended=torch.cat([torch.where(part.mended < 0, -1, part.mended + start) for part, start in zip(parts, mends)]),
        finals=torch.cat([part.finals for part in parts]),
        mends=torch.cat([part.mends for part in parts]),
        objects=[objects for part in parts for objects in part.objects],
        side=parts[0].side,
    )


def chunks(records: Records) -> Iterator[Records]:
    """The records in order, as many at once as can be read without gradients on any device, whatever their size."""
    number = max(1, _CHUNK // (records.latents.shape[-2] * records.latents.shape[-1]))
    for start in range(0, len(records), number):
        yield records.rows(range(start, min(start + number, len(records))))


def of_kind(records: Records, kind: int) -> Tensor:
    """Places of the latents of a kind. Raises ValueError where there are none."""
    rows = (records.kinds == kind).nonzero().flatten()
    if not len(rows):
        raise ValueError(
            f"These records hold no latents of the kind '{LATENT_KINDS[kind]}'. Collect pictures with noise levels to watch."
        )
    return rows


def pick(rows: Tensor, number: int, generator: torch.Generator) -> Tensor:
    """``number`` of the places, at random, with repetition."""
    return rows[torch.randint(0, len(rows), (number,), generator=generator, device=generator.device).to(rows.device)]
