"""What goes from a loop's start to its end: a round of a batch, as LATENT, MASK and numbers for the nodes between."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from ....xlard.claims import Claim, NotedClaims
from ....xlard.critics.rewrite import PromptRewriter
from ....xlard.loop.painted import Painted
from ....xlard.loop.rounds import BatchRound, first_round, resumed_round
from ....xlard.loop.state import LoopState
from ....xlard.protocols import Encoder
from ..compat.clones import cloned
from ..compat.jobs import ExecutionBlocker, running
from ..compat.sampling import add_call_hook, noise_levels
from ..critic.pictures import shaped_images, states_text
from ..sampling.latents import PIXELS_PER_LATENT, as_pictures, like_source, mask_of, shaped_pictures
from ..sampling.method import checked_sigmas, first_step


class NfeCounter:
    """Notes each guided call of a MODEL with the job and the node that made it."""

    def __init__(self) -> None:
        self._calls: list[tuple[str | None, str]] = []

    def on(self, model: Any) -> Any:
        """A clone of a MODEL whose calls are counted."""
        clone = cloned(model)
        add_call_hook(clone, self._note)
        return clone

    def total(self, nodes: Iterable[str]) -> int:
        """The calls that made what ``nodes`` last put out.

        A node that runs again, because a setting of it changed, replaces what it had put out; one that does not run
        again keeps it, and the calls that made it count.
        """
        total = 0
        for node in nodes:
            # Copies that a node expands into carry its id before a dot.
            jobs = [job for job, caller in self._calls if caller == node or caller.startswith(f"{node}.")]
            total += jobs.count(jobs[-1]) if jobs else 0
        return total

    def _note(self) -> None:
        # A sampler that runs in a thread of its own has no context.
        self._calls.append(running() or (None, ""))


class Clock:
    """Wall seconds since it was made, within one job."""

    def __init__(self) -> None:
        self._job, self._started = _job(), time.perf_counter()

    @property
    def seconds(self) -> float:
        """0 in a later job: the time between two jobs does not count."""
        return time.perf_counter() - self._started if _job() == self._job else 0.0


@dataclass(frozen=True, eq=False)
class Flow:
    """A round of the loop that begins at the node ``start``: from the artist's LATENT, with the MODEL and the SIGMAS of
    a whole run if they are connected.
    """

    start: str
    batch: BatchRound
    source: dict
    model: Any = None
    whole_sigmas: Tensor | None = None
    counter: NfeCounter = field(default_factory=NfeCounter)
    clock: Clock = field(default_factory=Clock)

    @property
    def latent(self) -> dict:
        """The LATENT to sample from; with a noise mask where only a part of it is redrawn."""
        if all(self.batch.fresh):
            return self.source
        samples, mask = like_source(self._samples, self.source["samples"]), self._mask
        latent = {**self.source, "samples": samples}
        return latent if mask.min() == 1 else {**latent, "noise_mask": like_source(mask[:, None], samples)}

    @property
    def denoise(self) -> float:
        """What makes KSampler start from the round's noise level, with a scheduler that is even in time, as ``simple``
        is.

        Without a MODEL the noise level itself, which is the same for a flow without shift.
        """
        level = self.batch.noise_level
        if self.model is None or level in (0.0, 1.0):
            return level
        schedule = self.model.get_model_object("model_sampling")
        distance = (noise_levels(schedule, schedule.sigmas) - level).abs()
        return (distance.argmin().item() + 1) / len(distance)

    @property
    def mask(self) -> Tensor:
        """Where the pictures are redrawn, a MASK (B, H, W) of their size; in the first round 8 times the
        latent's.
        """
        first = self.batch.states[0]
        size = (
            first.best.image.shape[:2] if first.rounds else [PIXELS_PER_LATENT * side for side in self._mask.shape[-2:]]
        )
        return torch.nn.functional.interpolate(self._mask[:, None], tuple(size), mode="nearest")[:, 0]

    @property
    def counted_model(self) -> Any:
        """The MODEL whose calls are counted; without one, what stops the node that needs it."""
        if self.model is None:
            return ExecutionBlocker(
                "xLARD Loop Start has a model to give only if one is connected to it. Connect your model, "
                "or take it from where it comes from."
            )
        return self.counter.on(self.model)

    @property
    def sigmas(self) -> Any:
        """The SIGMAS from the round's noise level on, none at a level of 0; without any, what stops the node that needs
        them.
        """
        if self.whole_sigmas is None:
            return ExecutionBlocker(
                "xLARD Loop Start has sigmas to give only if those of a whole run are connected to it. Connect your "
                "scheduler to its input sigmas."
            )
        level = self.batch.noise_level
        return self.whole_sigmas[first_step(self.model, self.whole_sigmas, level) :] if level else torch.zeros(0)

    @property
    def best_images(self) -> Tensor:
        """The best pictures so far, (B, H, W, 3); none before the first are drawn."""
        return torch.stack([state.best.image for state in self.batch.states])

    @property
    def report(self) -> str:
        """What is wrong with the best pictures so far, as text; empty before the first is drawn."""
        return states_text(self.batch.states) if self.batch.number else ""

    def outputs(self, prompt: str, claims: Sequence[Claim]) -> tuple:
        """What a loop's start puts out, in the order of its outputs; ``prompt`` is the artist's own."""
        return (
            self,
            self.latent,
            self.denoise,
            self.batch.seed,
            self.batch.number,
            self.mask,
            self.report,
            claims,
            self.counted_model,
            self.batch.prompt or prompt,
            self.sigmas,
            *self._best,
        )

    def finished(self, latent: dict, image: Tensor, critiques: Sequence, body: Iterable[str]) -> list[LoopState]:
        """The states after the round, from the LATENT and the IMAGE that its body returned; see
        ``BatchRound.finished``.
        """
        return self.batch.finished(
            shaped_pictures(latent["samples"]),
            shaped_images(image),
            critiques,
            self.counter.total(body),
            self.clock.seconds,
        )

    def source_like(self, latent: dict) -> dict:
        """The source with the axes of a LATENT that the body returned: a model of videos adds one, which masks need
        too.
        """
        return {**self.source, "samples": like_source(self._pictures, latent["samples"])}

    @property
    def _best(self) -> tuple[Any, Any]:
        """The critiques and the IMAGE of the best pictures so far; before the first, what stops the nodes that need
        them.
        """
        if self.batch.number:
            return [state.best.critique for state in self.batch.states], self.best_images
        nothing_yet = ExecutionBlocker(
            "xLARD Loop Start has no picture and no critique to give before one was judged. Draw the first picture "
            "before the loop, with xLARD Self-Correct and 0 rounds, and connect its state to xLARD Loop Start."
        )
        return nothing_yet, nothing_yet

    @property
    def _pictures(self) -> Tensor:
        return as_pictures(self.source["samples"])

    @property
    def _samples(self) -> Tensor:
        return self.batch.latents(self._pictures)

    @property
    def _mask(self) -> Tensor:
        """Where the round draws, (B, h, w) in [0, 1]: inside the artist's own noise mask."""
        samples = self._samples
        noise_mask = mask_of(self.source, samples)
        height, width = samples.shape[-2:]
        redrawn = self.batch.redrawn((height, width)).to(samples.device)
        return redrawn if noise_mask is None else redrawn * noise_mask[:, 0]


def loop_sigmas(model: Any, sigmas: Any) -> Tensor | None:
    """The SIGMAS of a whole run for a loop over a MODEL; None where there are none.

    Raises TypeError and ValueError as ``checked_sigmas``, and ValueError without a MODEL, whose noise they measure.
    """
    if sigmas is None:
        return None
    if model is None:
        raise ValueError(
            "What noise the sigmas stand for depends on the model. Connect the model to xLARD Loop Start, too."
        )
    return checked_sigmas(model, sigmas)


def begun_round(
    state: Sequence[LoopState] | BatchRound | None,
    prompt: str,
    claims: NotedClaims,
    batch: int,
    seed: int,
    strategies: Sequence[str],
    sources: Tensor | None,
    writer: object | None,
    encoder: Encoder | None,
    may_change: str,
    painted: Sequence[Painted | None],
) -> BatchRound:
    """The round that a loop's start begins: one that was planned, the first, or the next after a loop's states.

    ``writer`` is the critic that rewords the prompt for later rounds. Raises ValueError as ``first_round`` and
    ``resumed_round`` do.
    """
    if isinstance(state, BatchRound):
        # The end of a round has planned the next one, and asked the critic for another wording if it needs one.
        return state
    rewriter = None if writer is None else PromptRewriter(writer)
    if state is None:
        return first_round(
            prompt, claims, batch, seed, strategies, sources, rewriter, claims.notes, encoder, may_change, painted
        )
    return resumed_round(state, claims, batch, seed, strategies, rewriter, encoder, may_change, painted)


def _job() -> str | None:
    ids = running()
    return ids and ids[0]
