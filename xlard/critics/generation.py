"""How a local model writes: with no settings but ours, followed token by token, and whether it came to its end."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

_LOG = logging.getLogger(__name__)

_KEPT = ("bos_token_id", "eos_token_id", "pad_token_id", "decoder_start_token_id", "cache_implementation", "use_cache")
"""Settings of a folder that say how its model works; all others bend or cut what it says."""
_SAY_NOTHING = ("transformers_version", "output_attentions", "output_hidden_states", "return_dict_in_generate")


def without_own_settings(model: Any, name: str) -> None:
    """Take from a model what its folder sets for generated text, and log what that was.

    A repetition penalty makes it drop objects from a list; forced or forbidden tokens, and limits of length and time,
    make it say other or fewer things than it sees.
    """
    from transformers import GenerationConfig

    own = getattr(model, "generation_config", None)
    if own is None:
        return
    set_apart = {
        key: value
        for key, value in own.to_diff_dict().items()
        if value is not None and key not in (*_KEPT, *_SAY_NOTHING) and not key.startswith("_")
    }
    if set_apart:
        _LOG.warning(
            "xLARD: The critic in %s does not use what its generation_config.json sets: %s. Such settings cut or bend"
            " answers.",
            name,
            ", ".join(f"{key} {value}" for key, value in sorted(set_apart.items()))[:500],
        )
    kept: Any = {key: getattr(own, key) for key in _KEPT if getattr(own, key, None) is not None}
    model.generation_config = GenerationConfig(**kept)


def end_tokens(model: Any, tokenizer: Any) -> list[int]:
    """The tokens that end an answer: those of the model, or the tokenizer's where it names none."""
    ends = model.generation_config.eos_token_id
    if ends is None:
        ends = tokenizer.eos_token_id
    return [] if ends is None else [ends] if isinstance(ends, int) else list(ends)


def lengths(generated: Tensor, ends: Sequence[int]) -> Tensor:
    """How many tokens of each row (B, n) are written until it ends, (B,); n + 1 for a row that does not."""
    is_end = torch.isin(generated, torch.tensor(ends, device=generated.device, dtype=generated.dtype))
    places = torch.arange(1, generated.shape[1] + 1, device=generated.device)
    return torch.where(is_end, places, generated.shape[1] + 1).amin(dim=1)


class TokenWatch:
    """Follows a generation as its logits processor, and with ``chosen`` as its stopping criterion.

    ``logs`` are the log-probabilities (B,) of the tokens so far: all logits would take gigabytes. Those of a row whose
    logits are no numbers are NaN from there on, and the row is stopped: no token of it means anything.
    ``on_token(written)`` is called for every token and may raise.
    """

    def __init__(self, on_token: Callable[[int], None]):
        self.logs: list[Tensor] = []
        self._on_token = on_token
        self._next = torch.empty(0)
        self._broken = torch.empty(0, dtype=torch.bool)

    def __call__(self, ids: Tensor, scores: Tensor) -> Tensor:
        broken = scores.isnan().any(dim=-1) | (scores == torch.inf).any(dim=-1) | (scores == -torch.inf).all(dim=-1)
        self._broken = broken if not self.logs else broken | self._broken
        # Sampling from such numbers ends the whole batch, and on a GPU all that runs there.
        scores = torch.where(broken[:, None], torch.zeros_like(scores), scores)
        self._next = scores.float().log_softmax(dim=-1)
        return scores

    def chosen(self, ids: Tensor, scores: Tensor | None, **kwargs: Any) -> Tensor:
        """Takes the log-probabilities of the tokens just chosen; stops the rows that are no numbers."""
        logs = self._next.gather(1, ids[:, -1:])[:, 0]
        self.logs.append(torch.where(self._broken, torch.full_like(logs, torch.nan), logs))
        self._on_token(len(self.logs))
        return self._broken.clone()
