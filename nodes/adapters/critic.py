"""The transformers critic under ComfyUI's memory manager."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import comfy.model_management
from torch import Tensor

from ...xlard.claims import Claim
from ...xlard.critics.transformers import TransformersCritic
from ...xlard.critique import Critique
from .managed import ManagedModule


class ManagedCritic:
    """A critic whose model loads when it judges and leaves when the sampler wants its VRAM.

    Implements ``xlard.protocols.Judge``. The weights are read at the first picture, not before.
    """

    def __init__(self, folder: Path, dtype: str = "auto", attention: str = "sdpa"):
        self._critic = TransformersCritic(folder, dtype, attention)
        self._managed: ManagedModule | None = None

    def judge(self, images: Tensor, claims: Sequence[Sequence[Claim]]) -> list[Critique]:
        """Judge images (B, H, W, 3) in [0, 1], each against its own claims; stops when the artist cancels."""
        interrupt = comfy.model_management.throw_exception_if_processing_interrupted
        interrupt()
        if self._managed is None:
            self._managed = ManagedModule(self._critic.load_module())
        return self._critic.judge_with(self._managed.load(), images, claims, check_interrupt=interrupt, on_token=None)
