"""The chosen pictures of a batch as ComfyUI's sockets carry them."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from ....xlard.critics.ranking import AUTOMATIC, Ranking
from ....xlard.critique import Critique
from ....xlard.report.drawing import summarise
from ..compat.jobs import ExecutionBlocker
from ..compat.sampling import SEEDS
from ..sampling.latents import as_pictures

ONE_SEED, COUNTING_UP = "one for the batch", "counting up"
SEED_RULES = (ONE_SEED, COUNTING_UP)
"""Which seeds the pictures of a batch were drawn with."""


def check_batch(count: int, images: Tensor | None, latent: dict | None, masks: Tensor | None) -> None:
    """Raise ValueError for a batch of another size than the critiques; one mask may stand for all pictures."""
    batches = {
        "images": images,
        "latents": None if latent is None else as_pictures(latent["samples"]),
        "masks": None if masks is None or len(_batch(masks)) == 1 else masks,
    }
    for name, batch in batches.items():
        if batch is not None and len(batch) != count:
            raise ValueError(
                f"The critique is of {count} {'picture' if count == 1 else 'pictures'}, and {name} has {len(batch)}. "
                f"Connect the {name} of the pictures that were judged, all of them and in the same order."
            )


def picked_images(images: Tensor | None, chosen: Sequence[int]) -> Tensor | ExecutionBlocker:
    """The chosen ones of an IMAGE."""
    return _missing("images", "image") if images is None else images[list(chosen)]


def picked_masks(masks: Tensor | None, chosen: Sequence[int]) -> Tensor | ExecutionBlocker:
    """The chosen ones of a MASK (B, H, W), which may be one (H, W) for all."""
    return _missing("masks", "mask") if masks is None else _rows(_batch(masks), chosen)


def picked_latent(latent: dict | None, chosen: Sequence[int], seeds: str) -> dict | ExecutionBlocker:
    """The chosen ones of a LATENT with their noise masks, and the places in the noise that a sampler draws them from
    again.
    """
    if latent is None:
        return _missing("latents", "latent")
    picked = {**latent, "samples": latent["samples"][list(chosen)]}
    if seeds == COUNTING_UP:
        # Each was the first picture of its own seed.
        picked["batch_index"] = [0] * len(chosen)
    else:
        places = latent.get("batch_index") or range(len(latent["samples"]))
        picked["batch_index"] = [places[index] for index in chosen]
    if latent.get("noise_mask") is not None:
        picked["noise_mask"] = _rows(_batch(latent["noise_mask"]), chosen)
    return picked


def picked_seeds(seed: int | None, chosen: Sequence[int], seeds: str) -> list[int] | ExecutionBlocker:
    """The seed of each chosen picture."""
    if seed is None:
        return _missing("seed", "seed")
    return [(seed + index) % SEEDS if seeds == COUNTING_UP else seed for index in chosen]


def ranking_text(ranking: Ranking, critiques: Sequence[Critique], choice: int = AUTOMATIC) -> str:
    """All pictures as text, best first, how they were compared, and which one was chosen by hand."""
    lines = [
        f"{place}. picture {index + 1} (index {index}): won {ranking.win_rates[index]:.0%};"
        f" {summarise(critiques[index])}"
        for place, index in enumerate(ranking.order, 1)
    ]
    by_hand = [] if choice == AUTOMATIC else ["", f"Chosen by hand: picture {choice + 1} (index {choice})"]
    compared = [f"{count} {'pair' if count == 1 else 'pairs'} {how}" for how, count in ranking.compared_by.items()]
    # The empty line: previews that read this as Markdown would take what follows for an item of the list.
    return "\n".join([*lines, *by_hand, *(["", "Compared: " + ", ".join(compared)] if compared else [])])


def _missing(name: str, output: str) -> ExecutionBlocker:
    # Only nodes that are connected to this output stop.
    return ExecutionBlocker(f"xLARD Pick Best has nothing for '{output}': connect {name} to it.")


def _batch(masks: Tensor) -> Tensor:
    return masks[None] if masks.ndim == 2 else masks


def _rows(masks: Tensor, chosen: Sequence[int]) -> Tensor:
    # Samplers repeat masks where there are fewer than pictures.
    return torch.stack([masks[index % len(masks)] for index in chosen])
