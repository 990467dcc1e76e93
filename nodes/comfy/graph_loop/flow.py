"""What goes from a loop's start to its end: a round of a batch, as LATENT, MASK and numbers for the nodes between."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import comfy.utils
import torch
from comfy_execution.graph_utils import ExecutionBlocker
from torch import Tensor

from ....xlard.loop.rounds import BatchRound
from ....xlard.loop.state import LoopState
from ....xlard.report.drawing import annotate
from ..critic.pictures import checked_images, critique_text, states_text
from ..progress import PREVIEW_SIDE
from ..sampling.latents import PIXELS_PER_LATENT, as_pictures, like_source, mask_of
from ..sampling.x0_guidance import noise_levels
from .calls import CallCounter, Clock


@dataclass(frozen=True, eq=False)
class Flow:
    """A round of the loop that begins at the node ``start``: from the artist's LATENT, with the MODEL if one is
    given."""

    start: str
    batch: BatchRound
    source: dict
    model: object | None = None
    calls: CallCounter = field(default_factory=CallCounter)
    clock: Clock = field(default_factory=Clock)

    @property
    def latent(self) -> dict:
        """The LATENT to sample from; a noise mask where only a part of it is to be drawn."""
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
        """Where the pictures are drawn anew, a MASK (B, H, W) of their size; in the first round 8 times the
        latent's."""
        first = self.batch.states[0]
        size = (
            first.best.image.shape[:2] if first.rounds else [PIXELS_PER_LATENT * side for side in self._mask.shape[-2:]]
        )
        return torch.nn.functional.interpolate(self._mask[:, None], tuple(size), mode="nearest")[:, 0]

    @property
    def counted_model(self):
        """The MODEL whose calls are counted; where none was given, what stops the node that wants it."""
        if self.model is None:
            return ExecutionBlocker(
                "xLARD Loop Start has a model to give only if one is connected to it. Connect your model, "
                "or take it from where it comes from."
            )
        return self.calls.on(self.model)

    @property
    def best_images(self) -> Tensor:
        """The best pictures so far, (B, H, W, 3); none before the first are drawn."""
        return torch.stack([state.best.image for state in self.batch.states])

    @property
    def report(self) -> str:
        """What is wrong with the best pictures so far, in words; empty before the first is drawn."""
        return critique_text([state.best.critique for state in self.batch.states]) if self.batch.number else ""

    def finished(self, latent: dict, image: Tensor, critiques: Sequence, body: Iterable[str]) -> list[LoopState]:
        """The states after the round, from the LATENT and the IMAGE that its body returned; see
        ``BatchRound.finished``."""
        return self.batch.finished(
            as_pictures(latent["samples"]), checked_images(image), critiques, self.calls.total(body), self.clock.seconds
        )

    def source_like(self, latent: dict) -> dict:
        """The source with the axes of a LATENT that the body returned: a model of videos adds one, which masks need
        too."""
        return {**self.source, "samples": like_source(self._pictures, latent["samples"])}

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
        own = mask_of(self.source, samples)
        redrawn = self.batch.redrawn(tuple(samples.shape[-2:])).to(samples.device)
        return redrawn if own is None else redrawn * own[:, 0]


def results(flow: Flow, states: Sequence[LoopState], latent: dict, repetitions: int) -> tuple:
    """What Loop End puts out: best latent, best and first images, state, scores, verdicts, report."""
    best = [state.best for state in states]
    kept = {key: value for key, value in latent.items() if key not in ("samples", "noise_mask")}
    own = {key: flow.source[key] for key in ("noise_mask",) if key in flow.source}
    samples = like_source(torch.stack([entry.latent for entry in best]), latent["samples"]).to(latent["samples"])
    critiques = [entry.critique for entry in best]
    refusal = flow.batch.rewriter and flow.batch.rewriter.refusal
    return (
        {**kept, **own, "samples": samples},
        torch.stack([entry.image for entry in best]),
        torch.stack([state.first.image for state in states]),
        states,
        _in_lists([critique.score for critique in critiques], repetitions),
        _in_lists([critique.passed for critique in critiques], repetitions),
        "\n".join(filter(None, (states_text(states), refusal))),
    )


def show_round(states: Sequence[LoopState], number: int, rounds: int) -> None:
    """Shows the best pictures with their boxes on the running node, and that round ``number`` of ``rounds`` is done."""
    bar = comfy.utils.ProgressBar(rounds + 1)
    for state in states:
        preview = ("JPEG", annotate(state.best.image, state.best.critique), PREVIEW_SIDE)
        bar.update_absolute(number + 1, preview=preview)


def _in_lists(values: list, repetitions: int) -> list:
    # ComfyUI takes one list off an output each time that it hands it from a copied node to the one that was expanded.
    for _ in range(repetitions):
        values = [values]
    return values
