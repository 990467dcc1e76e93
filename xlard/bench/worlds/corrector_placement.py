"""A corrector at other levels than its own: on the noise, on a prediction, on the finished latent."""

from __future__ import annotations

import copy
from dataclasses import replace

import torch

from ...guidance.corrector import corrector_change
from ...loop.baselines import base, corrected
from ...loop.engine import Attempt, Engine
from ...loop.settings import LoopSettings
from ...loop.state import LoopState
from ...models.corrector import CorrectorConfig, relative_norm
from .engine_models import corrector_of


def at_level(engine: Engine, percent: int) -> list[LoopState]:
    """Every picture drawn with one step of the corrector, at a noise level in percent; at 100 on the noise itself.

    Raises ValueError for a level outside of 1 to 100 %.
    """
    if not 0 < percent <= 100:
        raise ValueError(
            f"A corrector cannot act at {percent} %: levels lie between 1 and 100 %, which is pure noise. For the"
            " finished latent there is corrector_finished."
        )
    config = corrector_of(engine).config
    return _with_config(engine, replace(config, single_step_level=percent / 100, moves_noise=False))


def and_on_noise(engine: Engine) -> list[LoopState]:
    """Every picture drawn with the corrector on the noise and once more at its own level."""
    return _with_config(engine, replace(corrector_of(engine).config, moves_noise=True))


def on_finished(engine: Engine) -> list[LoopState]:
    """Every picture drawn plainly, and its finished latent corrected, without sampling on."""
    base(engine)
    rows = list(range(len(engine.states)))

    def finish() -> Attempt:
        latents = torch.stack([state.best.latent for state in engine.states])
        moved = corrector_change(corrector_of(engine), engine.sampler.context(rows))(latents, 0.0)
        return Attempt("correct", 0.0, list(engine.seeds), 0, moved, relative_norm(moved - latents, latents).tolist())

    engine.try_rows(rows, finish, lambda state, critique: True)
    return engine.states


def _with_config(engine: Engine, config: CorrectorConfig) -> list[LoopState]:
    corrector = copy.copy(corrector_of(engine))
    corrector.config = config
    return corrected(replace(engine, corrector=corrector, head=None), LoopSettings())
