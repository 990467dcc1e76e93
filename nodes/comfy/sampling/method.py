"""How pictures are drawn: KSampler's settings, and what is connected in their place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from ....xlard.declared_inputs import not_plain
from ..compat.guiders import are_of_one_checkpoint, cfg_guider, guider_with, named_sampler
from ..compat.sampling import noise_levels, schedule_of
from .returned_latents import giving_latents
from .second_model import SecondModel
from .turns import Turn

_FINISHED = 0.02
"""A schedule that ends above this noise level leaves noise in the picture."""

_PLAIN_SAMPLER = "euler"
"""A sampler for which KSampler's schedule is BasicScheduler's, as it is for most."""


@dataclass(frozen=True)
class KSamplerSettings:
    """The settings of KSampler that say how it draws."""

    steps: int = 20
    cfg: float = 4.0
    sampler_name: str = "euler"
    scheduler: str = "simple"


@dataclass(frozen=True)
class CustomSampling:
    """A SAMPLER, SIGMAS and a GUIDER, as SamplerCustomAdvanced takes them; None where nothing is connected.

    Raises TypeError for what can be no SAMPLER and no GUIDER.
    """

    sampler: Any = None
    sigmas: Any = None
    guider: Any = None

    def __post_init__(self) -> None:
        if self.sampler is not None and not _draws(self.sampler):
            raise _foreign("sampler", "a SAMPLER, for example from KSamplerSelect", self.sampler)
        if self.guider is not None and not (
            callable(getattr(self.guider, "sample", None)) and getattr(self.guider, "model_patcher", None) is not None
        ):
            raise _foreign("guider", "a GUIDER, for example from CFGGuider", self.guider)

    def draws(self, model: Any | None) -> bool:
        """Whether there is something to draw with: the MODEL of a node, or a guider."""
        return model is not None or self.guider is not None

    def sampler_or(self, name: str) -> Any:
        """The SAMPLER, or ComfyUI's own of a name where none is connected."""
        return named_sampler(name) if self.sampler is None else giving_latents(self.sampler)

    @property
    def idle(self) -> tuple[str, ...]:
        """The ids of KSampler's settings that are not used, in the nodes' order."""
        idle = {"cfg"} if self.guider is not None else set()
        idle |= {"sampler_name"} if self.sampler is not None else set()
        idle |= {"steps", "scheduler"} if self.sigmas is not None else set()
        return tuple(name for name in ("steps", "cfg", "sampler_name", "scheduler") if name in idle)

    @property
    def note(self) -> str:
        """Which settings are not used, as a sentence; empty where all are."""
        wired = [name for name in ("guider", "sampler", "sigmas") if getattr(self, name) is not None]
        if not self.idle:
            return ""
        are = "are" if len(wired) > 1 else "is"
        return f"not used, because {_listed(wired)} {are} connected: {_listed(self.idle)}"


@dataclass(frozen=True)
class SamplingMethod:
    """A GUIDER, which holds a MODEL and its conditionings, a SAMPLER, and the sigmas (steps + 1) of a whole run.

    ``second`` is the part of the run that another MODEL draws, if one takes over.
    """

    guider: Any
    sampler: Any
    sigmas: Tensor
    second: Turn | None = None

    @cached_property
    def turns(self) -> tuple[Turn, ...]:
        """The parts of the run, one for each MODEL."""
        if self.second is None:
            return (Turn.of(self.guider, self.sigmas),)
        return (Turn.of(self.guider, self.sigmas[: self.second.first + 1]), self.second)

    @property
    def model(self) -> Any:
        """A clone of the MODEL that draws, the first of two."""
        return self.turns[0].model

    @property
    def conditionings(self) -> dict[str, list]:
        """The guider's CONDITIONINGs by name; none where it does not show them."""
        return self.turns[0].conditionings

    @property
    def positive(self) -> list:
        """The CONDITIONING that heads and correctors read. Raises ValueError for a guider that shows none."""
        if "positive" not in self.conditionings:
            raise ValueError(
                f"The guider is a {type(self.guider).__name__}, which shows no positive conditioning, and head and "
                "corrector read the prompt from it. Disconnect them, or use CFGGuider."
            )
        return self.conditionings["positive"]

    def with_positive(self, encoded: list) -> SamplingMethod:
        """The same method with another prompt as its positive conditioning; what stands beside the old one stays.

        Raises ValueError for a guider that shows no positive conditioning, and for a positive of several parts.
        """
        if len(self.positive) != 1:
            raise ValueError(
                f"The guider's positive conditioning has {len(self.positive)} parts, and one prompt is to take their "
                "place. Connect a guider with a single CLIP Text Encode as positive."
            )
        ((_, beside),) = self.positive
        positive = [[embedding, {**beside, **options}] for embedding, options in encoded]
        conditionings = {**self.conditionings, "positive": positive}
        return replace(self, guider=guider_with(self.guider, self.model, conditionings))

    @property
    def refusal(self) -> str:
        """Why no other prompt can be drawn; empty if one can."""
        if self.conditionings:
            return ""
        return (
            f"rewrite and object by object are left out: the guider is a {type(self.guider).__name__}, which shows no "
            "conditioning whose prompt could be replaced; BasicGuider, CFGGuider and DualCFGGuider do"
        )


def first_step(model: Any, sigmas: Tensor, noise_level: float) -> int:
    """Which step of a schedule, the last one included, starts nearest to a noise level in [0, 1]."""
    levels = noise_levels(model.get_model_object("model_sampling"), sigmas[:-1])
    return int((levels - noise_level).abs().argmin())


def checked_sigmas(model: Any, sigmas: Any) -> Tensor:
    """SIGMAS of a whole run, on the CPU.

    Raises TypeError for what cannot be any, ValueError for those that rise, are too few, are 0 before
    the last, or leave noise in the picture.
    """
    _check_sigmas(sigmas)
    _check_end(model, sigmas)
    return sigmas.cpu()


def sampling_method(
    model: Any | None,
    positive: list | None,
    negative: list | None,
    settings: KSamplerSettings,
    custom: CustomSampling,
    second: SecondModel | None = None,
) -> SamplingMethod:
    """How pictures are drawn with a MODEL: as KSampler does, but for what is connected in place of its settings.

    A GUIDER draws with its own MODEL and conditioning. Without SIGMAS a SAMPLER runs through the schedule that
    BasicScheduler makes, and a ``second`` MODEL through the rest of its own. Raises ValueError for a GUIDER of another
    checkpoint, for one beside ``positive`` or ``negative``, where both a GUIDER and these are missing, for SIGMAS that
    leave noise in the picture, and as ``SecondModel.turn``.
    """
    if custom.guider is None:
        if positive is None or negative is None:
            lacking = _listed(
                [name for name, there in (("positive", positive), ("negative", negative)) if there is None]
            )
            raise ValueError(
                f"Sampling needs {lacking}, as KSampler does, or a guider. Connect CLIP Text Encode, an empty one for "
                "negative if you have none, or connect guider."
            )
        if model is None:
            raise ValueError("Sampling needs model, as KSampler does, or a guider. Connect one of the two.")
        guider = cfg_guider(model, positive, negative, settings.cfg)
    else:
        given = [name for name, there in (("positive", positive), ("negative", negative)) if there is not None]
        if given:
            raise ValueError(
                f"The guider brings its own conditioning, and {_listed(given)} would not be used. Disconnect "
                f"{_listed(given)}, or disconnect guider."
            )
        if model is not None and not are_of_one_checkpoint(model, custom.guider.model_patcher):
            raise ValueError(
                "The guider draws with another checkpoint than the one at model. Connect the model from which the "
                "guider was made."
            )
        guider = custom.guider
    sampler = custom.sampler_or(settings.sampler_name)
    method = SamplingMethod(guider, sampler, _sigmas(guider.model_patcher, settings, custom))
    if second is None:
        return method
    sigmas = _sigmas(second.model, settings, custom)
    return replace(method, second=second.turn(guider, custom.guider is not None, settings.cfg, sigmas))


def _sigmas(model: Any, settings: KSamplerSettings, custom: CustomSampling) -> Tensor:
    if custom.sigmas is not None:
        return checked_sigmas(model, custom.sigmas)
    name = settings.sampler_name if custom.sampler is None else _PLAIN_SAMPLER
    return schedule_of(model, settings.steps, name, settings.scheduler)


def _check_sigmas(sigmas: Any) -> None:
    if not isinstance(sigmas, Tensor) or not sigmas.is_floating_point() or not_plain(sigmas):
        raise _foreign("sigmas", "SIGMAS, for example from BasicScheduler", sigmas)
    shown = ", ".join(f"{sigma:.3g}" for sigma in sigmas.flatten()[:8].tolist())
    if sigmas.ndim != 1 or len(sigmas) < 2:
        raise ValueError(
            f"The sigmas are {shown or 'none'}, of the shape {tuple(sigmas.shape)}; a step leads from one to the next, "
            "so there must be two or more in a row. Raise the steps or the denoise of the scheduler."
        )
    if not torch.isfinite(sigmas).all() or sigmas.min() < 0:
        raise ValueError(f"The sigmas are not all finite and 0 or more ({shown}). Check the node that made them.")
    if (sigmas[1:] > sigmas[:-1]).any():
        raise ValueError(
            f"The sigmas rise ({shown}); pictures are drawn from high to low. Take out FlipSigmas, or connect a "
            "scheduler."
        )
    if (sigmas[:-1] == 0).any():
        raise ValueError(
            f"The sigmas hold 0 before their end ({shown}), and a step from there divides by it. Leave one 0, the last."
        )


def _check_end(model: Any, sigmas: Tensor) -> None:
    left = noise_levels(model.get_model_object("model_sampling"), sigmas[-1:]).item()
    if left > _FINISHED:
        raise ValueError(
            f"The sigmas end at {sigmas[-1].item():.3g}, where the picture is still {left:.0%} noise: the critic could "
            "not judge it. Connect all sigmas down to 0, not the high ones of Split Sigmas."
        )


def _draws(sampler: Any) -> bool:
    """Whether a SAMPLER can draw; ComfyUI's own kind takes any function, also a sampler's name."""
    sample = getattr(sampler, "sample", None)
    return callable(sample) and callable(getattr(sampler, "sampler_function", sample))


def _foreign(socket: str, needed: str, value: object) -> TypeError:
    return TypeError(f"The {socket} input takes {needed}; a {type(value).__name__} came.")


def _listed(names: Sequence[str]) -> str:
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))
