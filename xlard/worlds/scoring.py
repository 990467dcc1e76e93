"""How right each scoring is: a critic's verdicts on generated pictures against a world's checker."""

from __future__ import annotations

import itertools
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from ..claims import Claim
from ..critics.decompose import decompose
from ..critics.folder import CriticFolder
from ..critics.mllm import MLLMCritic
from ..critics.scoring import SCORINGS
from ..critics.transformers import TransformersBackend, loaded_backend
from ..critique import Critique, Verdict
from ..prompts import claims_from_prompt
from ..protocols import Judge
from .evaluation import balanced_accuracy

_BINS = 10


def measure(
    judge: Judge, images: Tensor, claims: Sequence[Sequence[Claim]], exact: Sequence[Critique], batch: int = 50
) -> dict:
    """Judge images (B, H, W, 3) and compare the critiques with the exact ones.

    ``readable`` is the share of claims with a verdict, ``ece`` the expected calibration error of the scores as
    probabilities that a claim holds, ``exact_count`` the share of count claims whose verdict is right, ``seconds`` the
    time for each picture.
    """
    started = time.perf_counter()
    judged: list[Critique] = []
    for start in range(0, len(images), batch):
        rows = slice(start, start + batch)
        judged += judge.judge(images[rows], claims[rows])
    seconds = (time.perf_counter() - started) / len(images)
    pairs = verdict_pairs(exact, judged)
    readable = [(truth, verdict) for truth, verdict in pairs if verdict.score is not None]
    passed = torch.tensor([(truth.passed, verdict.passed) for truth, verdict in readable])
    figures: dict = {"readable": round(len(readable) / len(pairs), 4), "claims": balanced_accuracy(passed)}
    for claim_type in ("count", "color", "position"):
        of_type = torch.tensor([truth.claim.type == claim_type for truth, _ in readable])
        figures[claim_type] = balanced_accuracy(passed[of_type]) if of_type.any() else None
    counts = [truth.passed == verdict.passed for truth, verdict in readable if truth.claim.type == "count"]
    figures["exact_count"] = round(sum(counts) / max(len(counts), 1), 3)
    pictures = [(truth.passed, critique.passed) for truth, critique in zip(exact, judged)]
    figures["pictures"] = balanced_accuracy(torch.tensor(pictures))
    scores = torch.tensor([verdict.score for _, verdict in readable])
    figures["ece"] = round(calibration_error(scores, passed[:, 0]), 3)
    figures["seconds"] = round(seconds, 4)
    return figures


def verdict_pairs(before: Sequence[Critique], after: Sequence[Critique]) -> list[tuple[Verdict, Verdict]]:
    """The verdicts of two judgements of the same claims, side by side."""
    return [
        pair
        for critique_before, critique_after in zip(before, after)
        for pair in zip(critique_before.verdicts, critique_after.verdicts)
    ]


def calibration_error(scores: Tensor, truth: Tensor) -> float:
    """Expected calibration error in [0, 1] of scores (N,) as probabilities of truth (N,), in ten bins of equal
    width.
    """
    bins = (scores * _BINS).long().clamp(max=_BINS - 1)
    error = 0.0
    for index in range(_BINS):
        inside = bins == index
        if inside.any():
            gap = (scores[inside].mean() - truth[inside].float().mean()).abs().item()
            error += gap * inside.float().mean().item()
    return error


def changed_verdicts(before: Sequence[Critique], after: Sequence[Critique]) -> str:
    """How many verdicts differ between two judgements of the same claims, as a sentence."""
    passed = [(bool(earlier.passed), bool(later.passed)) for earlier, later in verdict_pairs(before, after)]
    return f"of {len(passed)} verdicts {passed.count((False, True))} turned to yes, {passed.count((True, False))} to no"


def decomposed(critic: MLLMCritic, prompts: Sequence[str]) -> str:
    """How many prompts the critic splits into the same claims as the parser, as a sentence."""
    same = sum(
        {(claim.type, claim.text) for claim in decompose(critic, text)}
        == {(claim.type, claim.text) for claim in claims_from_prompt(text)}
        for text in prompts
    )
    return f"{same} of {len(prompts)} prompts are split as the parser splits them"


def speed(folder: Path, device: str, images: Tensor, claims: Sequence[Sequence[Claim]]) -> dict[str, float]:
    """Seconds from nothing to the first critique, and critiques a second at batch 1 and 8, for images (B, H, W, 3).

    Scorings that put several questions on one picture are timed with and without the picture's keys and values reused.
    """
    started = time.perf_counter()
    loaded = loaded_backend(CriticFolder(folder / "critic", dtype="fp32"), device, batch=1)
    MLLMCritic(loaded).judge(images[:1], claims[:1])
    figures = {"seconds to the first critique": time.perf_counter() - started}
    for name in SCORINGS:
        prefix_reuse = (True, False) if name in ("P(yes)", "prompt likelihood") else (True,)
        for batch, reuse in itertools.product((1, 8), prefix_reuse):
            backend = TransformersBackend(loaded.folder, loaded.model, batch=batch, reuse_prefix=reuse)
            judge = MLLMCritic(backend, SCORINGS[name])
            started = time.perf_counter()
            for start in range(0, len(images), batch):
                judge.judge(images[start : start + batch], claims[start : start + batch])
            note = "" if len(prefix_reuse) == 1 else ", prefix reused" if reuse else ", prefix not reused"
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
    """The figures of each scoring as a Markdown table."""
    names = list(next(iter(figures.values())))
    lines = ["| scoring | " + " | ".join(names) + " |", "| --- " * (len(names) + 1) + "|"]
    lines += [f"| {name} | " + " | ".join(map(str, row.values())) + " |" for name, row in figures.items()]
    return "\n".join(lines)
