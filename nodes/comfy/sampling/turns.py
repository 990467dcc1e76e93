"""The turns of models in a run: as a rule one draws all steps; of a chain of two each draws its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from ..compat.guiders import conditionings_of, guider_with, model_in
from ..compat.sampling import noise_left, noise_levels, sampled

NEGATIVE = "negative"
"""The conditioning of a guider in which no prompt stands."""


@dataclass(frozen=True, eq=False)
class Turn:
    """The steps of a run that one MODEL draws, with a GUIDER and CONDITIONINGs by name.

    ``sigmas`` (steps + 1) are those of its steps, of which ``first`` is the place of the first one in the run.
    """

    guider: Any
    model: Any
    conditionings: dict[str, list]
    sigmas: Tensor
    first: int = 0

    @classmethod
    def of(cls, guider: Any, sigmas: Tensor, first: int = 0) -> Turn:
        """A turn with a clone of the GUIDER's own MODEL; no CONDITIONINGs where the GUIDER does not show them."""
        return cls(guider, model_in(guider), conditionings_of(guider), sigmas, first)

    def with_model(self, changed: Callable[[Any], Any]) -> Turn:
        """The same turn with a changed MODEL."""
        return replace(self, model=changed(self.model))

    def conditioned(self, changed: Callable[[list], list]) -> Turn:
        """The same turn with all of its CONDITIONINGs changed."""
        return replace(self, conditionings={name: changed(parts) for name, parts in self.conditionings.items()})

    @property
    def prompted(self) -> list:
        """All parts of its CONDITIONINGs in which the prompt may stand."""
        return [part for name, parts in self.conditionings.items() if name != NEGATIVE for part in parts]

    def reprompted(self, reworded: Callable[[list], list]) -> dict[str, list]:
        """Its CONDITIONINGs with those reworded in which the prompt may stand."""
        return {name: parts if name == NEGATIVE else reworded(parts) for name, parts in self.conditionings.items()}

    def avoiding(self, more: Callable[[list], list]) -> Turn:
        """The same turn with a changed negative CONDITIONING, where it has one."""
        if NEGATIVE not in self.conditionings:
            return self
        return replace(self, conditionings={**self.conditionings, NEGATIVE: more(self.conditionings[NEGATIVE])})

    @property
    def levels(self) -> Tensor:
        """The noise levels (steps,) that its steps start from."""
        return noise_levels(self.model.get_model_object("model_sampling"), self.sigmas[:-1])

    def between(self, start: int, end: int) -> Tensor:
        """Its sigmas between two places of the run; fewer than two where it has no step there."""
        return self.sigmas[max(start - self.first, 0) : max(end - self.first, 0) + 1]


def sigmas_of(turns: Sequence[Turn]) -> Tensor:
    """The sigmas (steps + 1) of a whole run."""
    return torch.cat([*(turn.sigmas[:-1] for turn in turns), turns[-1].sigmas[-1:]])


def nearest_step(turns: Sequence[Turn], noise_level: float) -> int:
    """Which step of a run, the last one included, starts nearest to a noise level in [0, 1]."""
    return int((torch.cat([turn.levels for turn in turns]) - noise_level).abs().argmin())


def step_alone(turns: Sequence[Turn], step: int) -> Turn:
    """A run of one step, from that step's sigma to 0, by the MODEL whose turn it is."""
    turn = next(turn for turn in reversed(turns) if turn.first <= step)
    return replace(turn, sigmas=torch.stack([turn.sigmas[step - turn.first], torch.zeros(())]), first=0)


def drawn(
    turns: Sequence[Turn],
    latents: Tensor,
    start: int,
    end: int,
    sampler: Any,
    seeds: Sequence[int],
    noise_mask: Tensor | None,
    noise_index: int = 0,
    begun: bool = False,
) -> Tensor:
    """Draw from one place of a run to another, each latent with the noise of its own seed.

    Each MODEL goes on from what the one before it left, as KSamplerAdvanced does that adds no noise. Latents that were
    ``begun`` hold their noise already. Samplers that add noise of their own go on with the next seed: with the same one
    they would add the same noise twice. Outside of a noise mask the latents stay, whichever MODEL draws.
    """
    samples = latents
    for turn in turns:
        sigmas = turn.between(start, end)
        if len(sigmas) < 2:
            continue
        source, noise = latents, None
        if begun and noise_mask is None:
            source, noise = samples, torch.zeros_like(samples)
        elif begun:
            # A sampler restores what lies outside from latents and noise, so these must be told apart again.
            noise = noise_left(turn.model, samples, latents, sigmas[0])
        guider = guider_with(turn.guider, turn.model, turn.conditionings)
        samples = sampled(guider, source, seeds, sampler, sigmas, noise_mask, noise_index, noise)
        begun, seeds = True, [seed + 1 for seed in seeds]
    return samples
