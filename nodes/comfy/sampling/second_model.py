"""A second MODEL that takes over on the way: SDXL's refiner, Wan 2.2's model for low noise."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from torch import Tensor

from ..compat.editing import prompt_width
from ..compat.guiders import cfg_guider, conditionings_of, guider_with
from ..compat.sampling import latents_of
from .turns import Turn


@dataclass(frozen=True)
class SecondModel:
    """A MODEL that draws the steps of a run from ``from_step`` on, as the second KSamplerAdvanced of a chain does.

    ``positive`` and ``negative`` are its own CONDITIONINGs, None for those of the first model; ``clip`` is what made
    them, None for the first model's. ``cfg`` is its own strength of guidance, 0 that of the first.
    """

    model: Any
    from_step: int
    positive: list | None = None
    negative: list | None = None
    clip: Any = None
    cfg: float = 0.0

    def turn(self, first: Any, given: bool, cfg: float, sigmas: Tensor) -> Turn:
        """Its part of a run whose first part the GUIDER ``first`` draws.

        ``given`` says that the artist connected this GUIDER: then the model draws with a copy of it, else with
        KSampler's and ``cfg``. ``sigmas`` (steps + 1) are those of its own whole run. Raises ValueError for a step
        outside of the run, a model of other latents, conditionings that the GUIDER does not take or the model cannot
        read, and a strength of its own beside a GUIDER.
        """
        steps = len(sigmas) - 1
        if not 0 < self.from_step < steps:
            raise ValueError(
                f"The second model takes over at step {self.from_step} of {steps}. Set from_step of xLARD Second Model "
                f"to a step from 1 to {steps - 1}, raise steps, or disconnect second_model."
            )
        if latents_of(self.model) != latents_of(first.model_patcher):
            raise ValueError(
                "The second model draws other latents than the first, and cannot go on from them. Connect the other "
                "model of the same family: SDXL's refiner for SDXL, Wan 2.2's model for low noise for the one for high."
            )
        if given and self.cfg:
            raise ValueError(
                f"The second model draws with a copy of the guider, whose strength of guidance stays, and its cfg is "
                f"{self.cfg:g}. Set cfg of xLARD Second Model to 0, or disconnect guider."
            )
        own = {name: parts for name in ("positive", "negative") if (parts := getattr(self, name)) is not None}
        conditionings = conditionings_of(first)
        foreign = [name for name in own if name not in conditionings]
        if foreign:
            raise ValueError(
                f"The guider is a {type(first).__name__}, which has no {foreign[0]} that the second model's could take "
                f"the place of. Disconnect {foreign[0]} of xLARD Second Model, or use CFGGuider."
            )
        conditionings |= own
        self._check_width(conditionings.get("positive", []))
        if given:
            guider = guider_with(first, self.model, conditionings)
        else:
            guider = cfg_guider(self.model, conditionings["positive"], conditionings["negative"], self.cfg or cfg)
        return Turn.of(guider, sigmas[self.from_step :], self.from_step)

    def _check_width(self, positive: list) -> None:
        expected = prompt_width(self.model)
        widths = [embedding.shape[-1] for embedding, _ in positive if isinstance(embedding, Tensor)]
        foreign = [width for width in widths if expected not in (None, width)]
        if foreign:
            raise ValueError(
                f"The second model reads prompts of the width {expected}, and its positive conditioning has "
                f"{foreign[0]}. Connect positive and negative of xLARD Second Model to CLIP Text Encode with the CLIP "
                "of the second model."
            )
