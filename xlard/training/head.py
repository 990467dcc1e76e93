"""Fit a reward head to the critic's rewards, on final latents and on x0 predictions at several noise levels."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from ..critique import ASPECTS
from ..head import RewardHead, RewardPrediction, overall_reward
from .records import NO_REWARD, Records, draw

Encode = Callable[[list[str]], Tensor]


def head_loss(prediction: RewardPrediction, rewards: Tensor, confidence: Tensor) -> Tensor:
    """Gaussian negative log-likelihood of rewards (B, A) under the head's mean and deviation, over known aspects.

    The deviation is fitted beside a plain squared error on the mean, which it must not drown (Ctrl-U); each picture
    weighs as much as the critic was confident.
    """
    known = (rewards > NO_REWARD) * confidence[:, None]
    error = (prediction.rewards - rewards).square()
    deviation = prediction.deviations
    likelihood = error.detach() / (2 * deviation.square()) + deviation.log()
    return ((error + 0.1 * likelihood) * known).sum() / known.sum().clamp_min(1.0)


def head_batch(parts: Sequence[Records], encode: Encode, batch: int, generator: torch.Generator, device: str,
               change: Callable[[Records], Records] = lambda records: records) -> tuple[tuple[Tensor, Tensor, Tensor], Records]:
    """The head's inputs for a random batch of latents at random noise levels, and the records that they are of.

    ``change`` may give the records other prompts and their rewards.
    """
    drawn, sigma = draw(parts, None, batch, generator)
    records = change(drawn)
    return (records.latents[0.0].to(device), encode(records.prompts), sigma.to(device)), records


def auc(scores: Tensor, labels: Tensor) -> tuple[float, float]:
    """Won and possible comparisons between every right and every wrong picture; a tie wins half."""
    right, wrong = scores[labels], scores[~labels]
    won = (right[:, None] > wrong[None]).float() + 0.5 * (right[:, None] == wrong[None]).float()
    return won.sum().item(), float(won.numel())


@torch.no_grad()
def head_figures(head: RewardHead, records: Records, encode: Encode, device: str, batch: int = 250) -> dict:
    """Area under the ROC curve within prompts, per noise level: for each aspect and for all claims together.

    Comparisons are between pictures of the same prompt only: the ones that selecting a candidate lives on. An aspect is
    right where its reward is above 0.99 of what a fulfilled claim gets (a position's is a sigmoid: above 0.5).
    """
    by_prompt = defaultdict(list)
    for row, prompt in enumerate(records.prompts):
        by_prompt[prompt].append(row)
    figures = {}
    for level, latents in sorted(records.latents.items()):
        parts = [head(latents[start:start + batch].to(device), encode(records.prompts[start:start + batch]),
                      torch.full((len(latents[start:start + batch]),), level, device=device))
                 for start in range(0, len(records), batch)]
        rewards = torch.cat([part.rewards for part in parts]).cpu()
        relevant = [[column for column in range(len(ASPECTS)) if row[column] > NO_REWARD] for row in records.rewards.tolist()]
        overall = torch.cat([overall_reward(part, relevant[start:start + batch])
                             for part, start in zip(parts, range(0, len(records), batch))]).cpu()
        totals = defaultdict(lambda: [0.0, 0.0])
        for rows in by_prompt.values():
            index = torch.tensor(rows)
            judged = [("all", overall[index], records.passed[index].bool())]
            for column, aspect in enumerate(ASPECTS):
                known = index[records.rewards[index, column] > NO_REWARD]
                threshold = 0.5 if aspect == "position" else 0.99
                judged.append((aspect, rewards[known, column], records.rewards[known, column] > threshold))
            for name, scores, labels in judged:
                won, possible = auc(scores, labels)
                totals[name][0] += won
                totals[name][1] += possible
        figures[str(level)] = {name: round(won / possible, 3) for name, (won, possible) in totals.items() if possible}
    return figures
