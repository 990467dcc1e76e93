"""How right a world's pictures are by its checker, and how well another judge agrees with it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import torch
from torch import Tensor

from ..critique import Critique
from ..prompts import claims_from_prompt
from ..protocols import Decoder
from .prompts import Prompt
from .sampling import FlowSampler, generate
from .world import Checker


def accuracy(
    sampler: FlowSampler, decoder: Decoder, checker: Checker, prompts: Sequence[Prompt], seeds: Sequence[int]
) -> dict[str, float]:
    """Share of generated pictures on which the checker finds every claim true, overall and per task."""
    images = decoder.decode(generate(sampler, seeds)).cpu()
    return accuracy_of(prompts, checker.judge(images, [claims_from_prompt(prompt.text) for prompt in prompts]))


def accuracy_of(prompts: Sequence[Prompt], critiques: Sequence[Critique]) -> dict[str, float]:
    """Share of pictures that passed, overall and per task of their prompts."""
    right: dict[str, list[bool]] = defaultdict(list)
    for prompt, critique in zip(prompts, critiques):
        right["overall"].append(critique.passed)
        right[prompt.task].append(critique.passed)
    return {task: round(sum(passed) / len(passed), 3) for task, passed in right.items()}


def balanced_accuracy(pairs: Tensor) -> float:
    """Balanced accuracy of (truth, verdict) rows: the mean of the shares found right among true and among false."""
    truth, verdict = pairs[:, 0].bool(), pairs[:, 1].bool()
    return round(((verdict[truth]).float().mean() + (~verdict[~truth]).float().mean()).item() / 2, 3)


def compare_judges(exact: Sequence[Critique], judged: Sequence[Critique], nouns: Sequence[str]) -> dict:
    """How well another judge's critiques agree with the checker's; only ``readable`` where it could judge nothing.

    Of what they list only objects of these ``nouns`` count: a critic may list the ground, too.
    """
    figures: dict = {}
    readable = [(truth, critique) for truth, critique in zip(exact, judged) if not critique.abstained]
    figures["readable"] = round(len(readable) / len(exact), 4)
    if not readable:
        return figures
    labels = [
        tuple(sorted(d.label for d in critique.detections if d.noun in nouns) for critique in pair) for pair in readable
    ]
    figures["same_count"] = round(sum(len(truth) == len(listed) for truth, listed in labels) / len(labels), 3)
    figures["same_objects"] = round(sum(truth == listed for truth, listed in labels) / len(labels), 3)
    verdicts = [pair for critiques in readable for pair in zip(*(critique.verdicts for critique in critiques))]
    for unit, judgements in (("claims", verdicts), ("pictures", readable)):
        passed_pairs = torch.tensor([[judgement.passed for judgement in pair] for pair in judgements])
        figures[f"{unit}_balanced_accuracy"] = balanced_accuracy(passed_pairs)
    return figures
