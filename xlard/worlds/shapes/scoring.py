"""How right each way of scoring is: the demo critic's verdicts on generated pictures against the exact checker."""

from __future__ import annotations

import itertools
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from ...claims import Claim
from ...critics.decompose import decompose
from ...critics.folder import CriticFolder
from ...critics.mllm import MLLMCritic
from ...critics.scoring import SCORINGS, Scorer
from ...critics.transformers import TransformersBackend, loaded_backend
from ...critique import Critique
from ...prompts import claims_from_prompt
from .evaluation import balanced

_BINS = 10


def measure(
    critic: MLLMCritic,
    way: Scorer,
    images: Tensor,
    claims: Sequence[Sequence[Claim]],
    exact: Sequence[Critique],
    batch: int = 50,
) -> dict:
    """Judge images (B, H, W, 3) by one way and compare it with the exact critiques.

    ``readable`` is the share of claims with a verdict, ``ece`` the expected calibration error of the scores as
    probabilities that a claim holds, ``exact_count`` the share of count claims whose verdict is right, ``seconds`` the
    time for each picture.
    """
    started, judged = time.perf_counter(), []
    for start in range(0, len(images), batch):
        part = slice(start, start + batch)
        judged += critic.with_scoring(way).judge(images[part], claims[part])
    seconds = (time.perf_counter() - started) / len(images)
    pairs = [(a, b) for one, other in zip(exact, judged) for a, b in zip(one.verdicts, other.verdicts)]
    rows = torch.tensor([(a.passed, b.passed, b.score) for a, b in pairs if b.score is not None])
    figures = {"readable": round(len(rows) / len(pairs), 4), "claims": balanced(rows[:, :2])}
    for kind in ("count", "color", "position"):
        own = [(a.passed, b.passed) for a, b in pairs if b.score is not None and a.claim.type == kind]
        figures[kind] = balanced(torch.tensor(own)) if own else None
    counted = [a.passed == b.passed for a, b in pairs if b.score is not None and a.claim.type == "count"]
    figures["exact_count"] = round(sum(counted) / max(len(counted), 1), 3)
    figures["pictures"] = balanced(torch.tensor([(a.passed, b.passed) for a, b in zip(exact, judged)]))
    figures["ece"] = round(calibration_error(rows[:, 2], rows[:, 0]), 3)
    figures["seconds"] = round(seconds, 4)
    return figures


def calibration_error(scores: Tensor, truth: Tensor) -> float:
    """Expected calibration error in [0, 1] of scores (N,) as probabilities of truth (N,), in ten bins of equal
    width."""
    bins = (scores * _BINS).long().clamp(max=_BINS - 1)
    error = 0.0
    for index in range(_BINS):
        inside = bins == index
        if inside.any():
            gap = (scores[inside].mean() - truth[inside].float().mean()).abs().item()
            error += gap * inside.float().mean().item()
    return error


def moved(before: Sequence[Critique], after: Sequence[Critique]) -> str:
    """How many verdicts differ between two judgements of the same claims, in words."""
    pairs = [(a.passed, b.passed) for one, other in zip(before, after) for a, b in zip(one.verdicts, other.verdicts)]
    return (
        f"of {len(pairs)} verdicts {sum(not a and bool(b) for a, b in pairs)} turned to yes, "
        f"{sum(bool(a) and not b for a, b in pairs)} to no"
    )


def decomposed(critic: MLLMCritic, prompts: Sequence[str]) -> str:
    """How many prompts the critic splits into the same claims as the parser, in words."""
    same = sum(
        {(claim.type, claim.text) for claim in decompose(critic, text)}
        == {(claim.type, claim.text) for claim in claims_from_prompt(text)}
        for text in prompts
    )
    return f"{same} of {len(prompts)} prompts are split as the parser splits them"


def speed(out: Path, device: str, images: Tensor, claims: Sequence[Sequence[Claim]]) -> dict[str, float]:
    """Seconds from nothing to the first critique, and critiques a second at batch 1 and 8, for images (B, H, W, 3).

    The ways that put several questions on one picture are timed with and without the picture's keys and values reused.
    """
    started = time.perf_counter()
    critic = MLLMCritic(loaded_backend(CriticFolder(out / "critic", dtype="fp32"), device, batch=1))
    critic.judge(images[:1], claims[:1])
    figures = {"seconds to the first critique": time.perf_counter() - started}
    for name in SCORINGS:
        varied = (True, False) if name in ("P(yes)", "prompt likelihood") else (True,)
        for batch, reuse in itertools.product((1, 8), varied):
            backend = TransformersBackend(critic.backend.folder, critic.backend.model, batch=batch, reuse_prefix=reuse)
            judge = MLLMCritic(backend, SCORINGS[name])
            started = time.perf_counter()
            for start in range(0, len(images), batch):
                judge.judge(images[start : start + batch], claims[start : start + batch])
            note = "" if len(varied) == 1 else ", prefix reused" if reuse else ", prefix not reused"
            figures[f"{name}, batch {batch}{note}"] = len(images) / (time.perf_counter() - started)
    return {name: round(value, 2) for name, value in figures.items()}


def write_on(images: Tensor, text: str) -> Tensor:
    """Images (B, H, W, 3) in [0, 1] with a text written across their upper edge, white on dark."""
    written = []
    for image in images:
        canvas = Image.fromarray((image.clamp(0, 1) * 255).round().to(torch.uint8).cpu().numpy())
        draw, font = ImageDraw.Draw(canvas), ImageFont.load_default(9)
        draw.text((2, 1), text, (255, 255, 255), font, stroke_width=1, stroke_fill=(30, 30, 30))
        written.append(torch.from_numpy(np.array(canvas)).float() / 255)
    return torch.stack(written)


def table(figures: dict[str, dict]) -> str:
    """The ways as a Markdown table."""
    names = list(next(iter(figures.values())))
    lines = ["| scoring | " + " | ".join(names) + " |", "| --- " * (len(names) + 1) + "|"]
    return "\n".join(
        lines + [f"| {way} | " + " | ".join(str(row[name]) for name in names) + " |" for way, row in figures.items()]
    )
