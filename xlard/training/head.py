"""Fit a reward head to the critic's rewards: on finished latents, on x0 predictions, and on noisy latents."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from ..models.head import LATENT_KINDS, RewardHead, RewardPrediction
from .calibration import calibrate_head, expected_calibration_error
from .recompose import recomposed
from .records import FINAL, NO_REWARD, NOISY, X0, Encode, Records, chunks, of_kind, pick

SHARES = ((FINAL, 0.4), (X0, 0.5), (FINAL, 0.1))
"""How much of a batch is finished latents, x0 predictions, and finished latents that are made noisy."""

USABLE_AUC = 0.6
"""Share of pairs, of a right and a wrong picture of a prompt, that a head must put in order to be usable at a noise
level.
"""

POSITION_THRESHOLD, THRESHOLD = 0.5, 0.99
"""Rewards above which an aspect counts as right: a position's is a sigmoid, 0.5 on the line between right and wrong."""


def head_loss(prediction: RewardPrediction, rewards: Tensor, confidence: Tensor) -> Tensor:
    """Gaussian negative log-likelihood of rewards (B, A) under the head's mean and deviation, over known aspects.

    The deviation is fitted beside a plain squared error on the mean, which it must not drown (Ctrl-U). A picture is
    weighted by the critic's confidence.
    """
    known = (rewards > NO_REWARD) * confidence[:, None]
    error = (prediction.rewards - rewards).square()
    deviation = prediction.deviations
    likelihood = error.detach() / (2 * deviation.square()) + deviation.log()
    return ((error + 0.1 * likelihood) * known).sum() / known.sum().clamp_min(1.0)


class HeadBatches:
    """Random batches of all kinds of latents for a head. Raises ValueError where there are no x0 predictions.

    Noisy latents are made for the batch, (1 - noise_level) z + noise_level * spread * noise at random levels;
    ``spread`` (C,) is the standard deviation of finished latents. A share ``RECOMPOSED`` has other objects (see
    ``recompose``); ``change`` may then give records other prompts and the rewards that follow.
    """

    RECOMPOSED = 0.5

    def __init__(
        self,
        records: Records,
        encode: Encode,
        batch: int,
        device: str,
        spread: Tensor,
        change: Callable[[Records, random.Random], Records] = lambda records, rng: records,
    ):
        self.records, self.encode, self.device, self.change = records, encode, device, change
        self.spread = spread.cpu()[:, None, None]
        self.sizes = [(of_kind(records, kind), max(1, round(batch * share))) for kind, share in SHARES]

    def __call__(self, generator: torch.Generator) -> tuple[tuple[Tensor, Tensor, Tensor, Tensor], Records]:
        """The head's inputs for a batch, and the records that they are of."""
        examples = self.records.rows(torch.cat([pick(rows, size, generator) for rows, size in self.sizes]))
        noisy = slice(len(examples) - self.sizes[-1][1], None)
        levels = torch.rand(self.sizes[-1][1], generator=generator)
        noise = torch.randn(examples.latents[noisy].shape, generator=generator) * self.spread
        rng = random.Random(generator.initial_seed())
        examples = self.change(recomposed(examples, self.RECOMPOSED, rng), rng)
        examples.latents[noisy] = torch.lerp(examples.latents[noisy], noise, levels[:, None, None, None])
        examples.noise_level[noisy], examples.kinds[noisy] = levels, NOISY
        return (
            examples.latents.to(self.device),
            self.encode(examples.prompts).to(self.device),
            examples.noise_level.to(self.device),
            examples.kinds.to(self.device),
        ), examples


def auc(scores: Tensor, labels: Tensor) -> tuple[float, float]:
    """Won and possible comparisons between every right and every wrong picture; a tie wins half."""
    right, wrong = scores[labels], scores[~labels]
    won = (right[:, None] > wrong[None]).float() + 0.5 * (right[:, None] == wrong[None]).float()
    return won.sum().item(), float(won.numel())


@torch.no_grad()
def predict(head: RewardHead, records: Records, encode: Encode, device: str) -> Tensor:
    """The head's calibrated logits (N, A) of records, for the head's aspects."""
    return torch.cat([read(head, chunk, encode, device).maps.mean(dim=(-2, -1)).cpu() for chunk in chunks(records)])


def read(head: RewardHead, records: Records, encode: Encode, device: str) -> RewardPrediction:
    """What a head predicts for records, all at once."""
    return head(
        records.latents.to(device),
        encode(records.prompts).to(device),
        records.noise_level.to(device),
        records.kinds.to(device),
    )


def loss_on(head: RewardHead, records: Records, encode: Encode, device: str) -> float:
    """``head_loss`` of a head on records."""
    rewards = records.with_aspects(head.config.aspects).rewards
    return head_loss(read(head, records, encode, device), rewards.to(device), records.confidence.to(device)).item()


def calibrate_on(head: RewardHead, records: Records, encode: Encode, device: str) -> None:
    """Fit the head's slope and shift of each aspect to records that it was not trained on: finished latents, and x0
    predictions at the levels where it can tell right from wrong.

    Above these levels it guesses, and calibrating on guesses would make the others too cautious.
    """
    records = records.with_aspects(head.config.aspects)
    highest = usable_level(head_figures(head, records, encode, device)["auc"])
    finished = records.kinds == FINAL
    readable = ~finished & (records.noise_level <= highest + 1e-3)
    # There are no judged noisy latents to calibrate on: they go with the predictions.
    for kinds, chosen in (((FINAL,), finished), ((X0, NOISY), readable if readable.any() else ~finished)):
        if chosen.any():
            of_kinds = records.where(chosen)
            calibrate_head(head, kinds, predict(head, of_kinds, encode, device), of_kinds.rewards)


def head_figures(head: RewardHead, records: Records, encode: Encode, device: str) -> dict[str, Any]:
    """How good a head is on records: ``auc`` and ``ece`` for each kind and noise level.

    ``auc`` is the area under the ROC curve within prompts, for each aspect and for all claims together: only pictures
    of the same prompt are compared, as in choosing among candidates. An aspect is right where its reward is above
    ``THRESHOLD`` (a position's: ``POSITION_THRESHOLD``). ``ece`` is the expected calibration error of the predicted
    against the judged rewards.
    """
    records = records.with_aspects(head.config.aspects)
    logits = predict(head, records, encode, device)
    figures: dict[str, Any] = {"auc": {}, "ece": {}}
    groups = defaultdict(list)
    for row, (kind, noise_level) in enumerate(zip(records.kinds.tolist(), records.noise_level.tolist())):
        groups[f"{LATENT_KINDS[kind]} {noise_level:.2f}" if kind != FINAL else "final"].append(row)
    for name, rows in sorted(groups.items()):
        in_group, scores = records.rows(rows), logits[rows].sigmoid()
        figures["auc"][name] = within_prompt_auc(scores, in_group)
        known = in_group.rewards > NO_REWARD
        if known.any():
            figures["ece"][name] = round(expected_calibration_error(scores[known], in_group.rewards[known]), 3)
    return figures


def within_prompt_auc(scores: Tensor, records: Records) -> dict[str, float]:
    """AUC of predicted rewards (N, A) within prompts, ``all`` and for each aspect of the records; without those that
    cannot be compared.
    """
    by_prompt = defaultdict(list)
    for row, prompt in enumerate(records.prompts):
        by_prompt[prompt].append(row)
    known = records.rewards > NO_REWARD
    overall = torch.where(known, scores, 1.0).prod(dim=1)
    totals: dict[str, list[float]] = defaultdict(lambda: [0.0, 0.0])
    for rows in by_prompt.values():
        index = torch.tensor(rows)
        judged = [("all", overall[index], records.passed[index].bool())]
        for column, aspect in enumerate(records.aspects):
            judged_rows = index[known[index, column]]
            threshold = POSITION_THRESHOLD if aspect == "position" else THRESHOLD
            judged.append((aspect, scores[judged_rows, column], records.rewards[judged_rows, column] > threshold))
        for name, values, labels in judged:
            won, possible = auc(values, labels)
            totals[name][0] += won
            totals[name][1] += possible
    return {name: round(won / possible, 3) for name, (won, possible) in totals.items() if possible}


def usable_level(auc: dict[str, dict[str, float]]) -> float:
    """The highest noise level of ``head_figures`` up to which a head tells right pictures of a prompt from wrong ones;
    0 if none.

    A good figure above a level with a bad one is chance: at a high level few pictures are enough for one.
    """
    levels = sorted(
        (float(name.split()[1]), by_aspect.get("all", 0.0)) for name, by_aspect in auc.items() if name.startswith("x0 ")
    )
    usable = 0.0
    for level, value in levels:
        if value < USABLE_AUC:
            break
        usable = level
    return usable
