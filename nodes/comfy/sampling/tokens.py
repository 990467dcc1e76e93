"""A prompt's tokens by name, and what each of them does to a correction."""

from __future__ import annotations

import torch
from torch import Tensor

from ....xlard.models.token_contributions import token_contributions
from .latents import as_pictures, prompt_embeddings

_MOST = 20
_MARKS = {"</w>": "", "\u2581": "", "\u0120": "", "\u010a": "\\n"}
"""How vocabularies write the borders of words (CLIP, T5, Qwen) and line breaks."""


def token_text(latent: dict, positive: list, corrector, sigma: float, clip=None, prompt: str = "") -> str:
    """One line for each of the tokens that move the correction most: place, name where ``clip`` and ``prompt`` tell it,
    and contribution (see ``token_contributions``), the mean over the pictures."""
    pictures = as_pictures(latent["samples"]).float()
    context = prompt_embeddings(positive, len(pictures))
    found = token_contributions(corrector, pictures, context, torch.full((len(pictures),), sigma)).mean(dim=0)
    names = token_names(clip, prompt, len(found)) if clip is not None and prompt.strip() else [""] * len(found)
    values, places = found.topk(min(_MOST, len(found)))
    lines = [
        " ".join(filter(None, (str(place), names[place], f"{value:.3f}")))
        for value, place in zip(values.tolist(), places.tolist())
        if value > 0
    ]
    return "\n".join(lines) or "The corrector changes nothing here, whatever the prompt says."


def token_names(clip, prompt: str, length: int) -> list[str]:
    """The tokens of a prompt as text, one for each of ``length`` embeddings; empty where they cannot be told.

    Of several text encoders, the one with as many tokens as there are embeddings is asked; one with more has a template
    before the prompt, whose embeddings ComfyUI drops.
    """
    encoders = {
        name: [token[0] for batch in batches for token in batch] for name, batches in clip.tokenize(prompt).items()
    }
    fitting = [name for name, ids in encoders.items() if len(ids) == length] or [
        name for name, ids in encoders.items() if len(ids) > length
    ]
    if not fitting:
        return [""] * length
    name = fitting[-1]
    tokenizer = getattr(clip.tokenizer, name, None) or getattr(clip.tokenizer, f"clip_{name}", clip.tokenizer)
    return [_name(tokenizer, token) for token in encoders[name][-length:]]


def _name(tokenizer, token: int | dict | Tensor) -> str:
    # Textual inversions and pictures stand among the tokens as they are.
    if not isinstance(token, int):
        return "(embedding)"
    try:
        ((_, name),) = tokenizer.untokenize([(token, 1.0)])
    except KeyError:
        return ""
    for mark, text in _MARKS.items():
        name = name.replace(mark, text)
    return name
