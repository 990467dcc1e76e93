"""Collected pictures repaired as little as will do: redrawn by the generator, and kept where the critic passes them."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from ..claims import Claim
from ..critique import Critique
from ..loop.critic_failure import judged_or_named
from ..loop.grid import Grid
from ..loop.ground import standing, without_ground
from ..loop.minimal_repair import minimal_repair
from ..loop.rearrange import Piece, Rearranged, pieces_of
from ..loop.strategies import REARRANGE_GROWTH, REARRANGE_NOISE_LEVEL
from ..protocols import Decoder, Encoder, Judge, Sampler

_DONORS = 16
"""How many objects of each label are kept, to be copied into pictures that lack one."""

_DRAWN = ("latent", "touched")

Key = tuple[int, str]
"""A picture of a group, and the prompt that it is repaired by."""


@dataclass(frozen=True)
class Repairer:
    """Repairs groups of pictures; objects of earlier groups are copied into later ones.

    ``sampler_for`` gives a sampler whose rows are some prompts. Without an ``encoder`` no object is recoloured.
    """

    sampler_for: Callable[[list[str]], Sampler]
    decoder: Decoder
    judge: Judge
    encoder: Encoder | None
    claims_for: Callable[[str], Sequence[Claim]]
    donors: dict[str, deque[Piece]] = field(default_factory=lambda: defaultdict(lambda: deque(maxlen=_DONORS)))

    def repaired(
        self,
        group: Sequence[tuple[str, int]],
        sampler: Sampler,
        finals: Tensor,
        images: Tensor,
        critiques: Sequence[Mapping[str, Critique]],
    ) -> dict[Key, Tensor]:
        """The repaired latents (C, h, w) that pass, of pictures with their prompts and seeds, by picture and prompt.

        ``sampler`` has the pictures' own prompts as its rows. ``critiques`` are those of each picture by its own prompt
        and by others, those of a picture that passes included.
        """
        plans = self._plans(finals, images, critiques)
        own = {key: plan for key, plan in plans.items() if key[1] == group[key[0]][0]}
        others = [(key, plan) for key, plan in plans.items() if key not in own]
        repaired = self._redrawn(group, sampler, [picture for picture, _ in own], own)
        # As many at a time as are drawn together, for the same memory.
        for start in range(0, len(others), len(group)):
            chunk = dict(others[start : start + len(group)])
            drawing = self.sampler_for([prompt for _, prompt in chunk])
            repaired |= self._redrawn(group, drawing, list(range(len(chunk))), chunk)
        return repaired

    def _plans(
        self, finals: Tensor, images: Tensor, critiques: Sequence[Mapping[str, Critique]]
    ) -> dict[Key, Rearranged]:
        latents, pixels = finals.detach().cpu(), images.detach().cpu()
        height, width = pixels.shape[1:3]
        grid = Grid((latents.shape[-2], latents.shape[-1]), (height, width), REARRANGE_GROWTH)
        for latent, by_prompt in zip(latents, critiques):
            seen = next(iter(by_prompt.values())).detections
            for piece in pieces_of(latent, standing(seen, (height, width)), grid):
                self.donors[piece.object.label].append(piece)
        donors = [piece for pieces in self.donors.values() for piece in pieces]
        plans: dict[Key, Rearranged] = {}
        for picture, by_prompt in enumerate(critiques):
            for prompt, critique in by_prompt.items():
                if critique.passed or critique.abstained:
                    continue
                objects = without_ground(critique, (height, width))
                plan = minimal_repair(latents[picture], pixels[picture], objects, grid, donors, self._encode)
                if plan is not None:
                    plans[picture, prompt] = plan
        return plans

    def _redrawn(
        self, group: Sequence[tuple[str, int]], sampler: Sampler, rows: Sequence[int], plans: Mapping[Key, Rearranged]
    ) -> dict[Key, Tensor]:
        """What passes of plans: what they touched is sampled on in ``rows`` of a sampler, and judged."""
        if not plans:
            return {}
        changed, regions = (torch.stack([getattr(plan, name) for plan in plans.values()]) for name in _DRAWN)
        seeds = [group[picture][1] for picture, _ in plans]
        drawn = sampler.resume(changed, REARRANGE_NOISE_LEVEL, rows, seeds, None, regions)
        claims = [self.claims_for(prompt) for _, prompt in plans]
        judged, _ = judged_or_named(self.judge, self.decoder.decode(drawn), claims, drawn)
        return {key: latent for key, latent, critique in zip(plans, drawn, judged) if critique.passed}

    @property
    def _encode(self) -> Callable[[Tensor], Tensor] | None:
        """What encodes an image, if there is an encoder."""
        encoder = self.encoder
        return None if encoder is None else lambda image: encoder.encode(image[None])[0].cpu()
