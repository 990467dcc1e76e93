"""A prompt's tokens by name, and what each of them does to a correction."""

from __future__ import annotations

from typing import Any

import torch

from ....xlard.models.token_contributions import token_contributions
from ..compat.encoders import token_lists, token_name
from ..managed import ManagedModule
from .latents import as_pictures, prompt_embeddings

_MOST = 20
_MARKS = {"</w>": "", "\u2581": "", "\u0120": "", "\u010a": "\\n"}
"""How vocabularies write the borders of words (CLIP, T5, Qwen) and line breaks."""


def token_text(
    latent: dict, positive: list, corrector: ManagedModule, noise_level: float, clip: Any = None, prompt: str = ""
) -> str:
    """One line for each of the tokens that move the correction most: place, name where ``clip`` and ``prompt`` tell it,
    and contribution (see ``token_contributions``), the mean over the pictures.
    """
    pictures = as_pictures(latent["samples"]).float()
    context = prompt_embeddings(positive, len(pictures))
    levels = torch.full((len(pictures),), noise_level)
    module: Any = corrector
    contributions = token_contributions(module, pictures, context, levels).mean(dim=0)
    length = len(contributions)
    names = token_names(clip, prompt, length) if clip is not None and prompt.strip() else [""] * length
    values, places = contributions.topk(min(_MOST, length))
    lines = [
        " ".join(filter(None, (str(place), names[place], f"{value:.3f}")))
        for value, place in zip(values.tolist(), places.tolist())
        if value > 0
    ]
    return "\n".join(lines) or "The corrector changes nothing here, whatever the prompt says."


def token_names(clip: Any, prompt: str, length: int) -> list[str]:
    """The tokens of a prompt as text, one for each of ``length`` embeddings; empty if they are not known.

    Of several text encoders, the one with as many tokens as there are embeddings is taken; one with more has a template
    before the prompt, whose embeddings ComfyUI drops.
    """
    encoders = {
        name: [token[0] for batch in batches for token in batch]
        for name, batches in token_lists(clip.tokenize(prompt)).items()
    }
    fitting = [name for name, ids in encoders.items() if len(ids) == length] or [
        name for name, ids in encoders.items() if len(ids) > length
    ]
    if not fitting:
        return [""] * length
    encoder = fitting[-1]
    return [_plain(token_name(clip, encoder, token)) for token in encoders[encoder][-length:]]


def _plain(name: str | None) -> str:
    if name is None:
        return "(embedding)"
    for mark, text in _MARKS.items():
        name = name.replace(mark, text)
    return name
