"""Pictures that are no pictures: NaN, infinite values or nothing but black, as a VAE or a model gives that failed.

A judge would find in them whatever their values happen to decode to: no triangle, say, where none was asked for.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from ..claims import Claim
from ..critique import Critique, no_verdict, with_accepted
from ..protocols import Judge
from .given_critiques import plain_critiques

MENDS = (
    "Run the VAE in fp32 (start ComfyUI with --fp32-vae), take another VAE, or lower the CFG and run the model in bf16 "
    "or fp32."
)


def fault_of(image: Tensor, latent: Tensor | None = None) -> str:
    """Why an image (H, W, 3) is none, with what to do; empty for a picture. ``latent`` tells who failed."""
    broken = not bool(torch.isfinite(image).all())
    if not broken and bool((image > 0).any()):
        return ""
    who = "The model" if latent is not None and not bool(torch.isfinite(latent).all()) else "The VAE"
    what = "a picture with NaN or infinite values" if broken else "a picture that is black all over"
    return f"{who} gave {what}: nothing in it can be judged. {MENDS}"


def judged_without_broken(
    judge: Judge, images: Tensor, claims: Sequence[Sequence[Claim]], latents: Tensor | None = None
) -> tuple[list[Critique], list[str]]:
    """A judge's critiques of images (B, H, W, 3), each against its own claims, and the fault of each.

    One with a fault is not shown to the judge and has no verdict on any claim. Elsewhere claims that the artist has
    accepted hold. Raises what the judge raises, ValueError where it gives another number of critiques or of verdicts,
    and as ``plain_critiques`` for what is none.
    """
    faults = [fault_of(image, None if latents is None else latents[row]) for row, image in enumerate(images)]
    whole = [row for row, fault in enumerate(faults) if not fault]
    asked = images if len(whole) == len(faults) else images[whole]
    given = plain_critiques(judge.judge(asked, [claims[row] for row in whole])) if whole else []
    if len(given) != len(whole):
        raise ValueError(f"The critic gave {len(given)} critiques of {len(whole)} pictures.")
    for row, critique in zip(whole, given):
        if len(critique.verdicts) != len(claims[row]):
            raise ValueError(f"The critic gave {len(critique.verdicts)} verdicts on {len(claims[row])} claims.")
    critiques = map(with_accepted, given)
    return [
        broken_critique(claims[row], fault) if fault else next(critiques) for row, fault in enumerate(faults)
    ], faults


def broken_critique(claims: Sequence[Claim], fault: str) -> Critique:
    """The critique of a picture with a fault."""
    return Critique(tuple(no_verdict(claim, fault) for claim in claims))
