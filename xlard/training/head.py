"""Fit a reward head to the critic's rewards: on finished latents, on x0 predictions, and on noisy latents."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable

import torch
from torch import Tensor

from ..aspects import ASPECTS
from ..models.head import LATENT_KINDS, RewardHead, RewardPrediction
from .calibration import calibrate_head, expected_calibration_error
from .recompose import recomposed
from .records import FINAL, NO_REWARD, X0, Encode, Records, chunks, of_kind, pick

SHARES = ((FINAL, 0.4), (X0, 0.5), (FINAL, 0.1))
"""How much of a batch is finished latents, x0 predictions, and finished latents that are made noisy."""


USABLE_AUC = 0.6
"""Share of pairs, of a right and a wrong picture of a prompt, that a head must put in order for a noise level to be
its."""


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


class HeadBatches:
    """Random batches of all kinds of latents for a head. Raises ValueError where there are no x0 predictions.

    Noisy ones are made on the spot, (1 - noise_level) z + noise_level * spread * noise at random levels; ``spread``
    (C,) is the standard deviation of finished latents. A share ``RECOMPOSED`` has other objects (see ``recompose``);
    ``change`` may then give records other prompts and the rewards that follow."""

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
        shown = self.records.rows(torch.cat([pick(rows, size, generator) for rows, size in self.sizes]))
        noisy = slice(len(shown) - self.sizes[-1][1], None)
        levels = torch.rand(self.sizes[-1][1], generator=generator)
        noise = torch.randn(shown.latents[noisy].shape, generator=generator) * self.spread
        rng = random.Random(generator.initial_seed())
        shown = self.change(recomposed(shown, self.RECOMPOSED, rng), rng)
        shown.latents[noisy] = torch.lerp(shown.latents[noisy], noise, levels[:, None, None, None])
        shown.noise_level[noisy], shown.kinds[noisy] = levels, LATENT_KINDS.index("noisy")
        return (
            shown.latents.to(self.device),
            self.encode(shown.prompts).to(self.device),
            shown.noise_level.to(self.device),
            shown.kinds.to(self.device),
        ), shown


def auc(scores: Tensor, labels: Tensor) -> tuple[float, float]:
    """Won and possible comparisons between every right and every wrong picture; a tie wins half."""
    right, wrong = scores[labels], scores[~labels]
    won = (right[:, None] > wrong[None]).float() + 0.5 * (right[:, None] == wrong[None]).float()
    return won.sum().item(), float(won.numel())


@torch.no_grad()
def predict(head: RewardHead, records: Records, encode: Encode, device: str) -> Tensor:
    """The head's calibrated logits (N, A) of records."""
    parts = []
    for part in chunks(records):
        read = head(
            part.latents.to(device), encode(part.prompts).to(device), part.noise_level.to(device), part.kinds.to(device)
        )
        parts.append(read.maps.mean(dim=(-2, -1)).cpu())
    return torch.cat(parts)


def calibrated(head: RewardHead, records: Records, encode: Encode, device: str) -> None:
    """Fit the head's slope and shift of each aspect to records that it was not trained on: those of finished latents,
    and those of x0 predictions at the levels that it can tell right from wrong at. Above these it guesses, and would
    make the others timid."""
    highest = usable_level(head_figures(head, records, encode, device)["auc"])
    finished = records.kinds == FINAL
    readable = ~finished & (records.noise_level <= highest + 1e-3)
    # Noisy latents have no judged ones of their own here.
    for kinds, chosen in (
        ((FINAL,), finished),
        ((X0, LATENT_KINDS.index("noisy")), readable if readable.any() else ~finished),
    ):
        if chosen.any():
            part = records.where(chosen)
            calibrate_head(head, kinds, predict(head, part, encode, device), part.rewards)


def head_figures(head: RewardHead, records: Records, encode: Encode, device: str) -> dict:
    """What a head is worth on records: ``auc`` and ``ece`` for each kind and noise level.

    ``auc`` is the area under the ROC curve within prompts, for each aspect and for all claims together: comparisons are
    between pictures of the same prompt only, the ones that selecting a candidate lives on. An aspect is right where its
    reward is above 0.99 of what a fulfilled claim gets (a position's is a sigmoid: above 0.5). ``ece`` is the expected
    calibration error of the predicted against the judged rewards.
    """
    logits = predict(head, records, encode, device)
    figures: dict = {"auc": {}, "ece": {}}
    groups = defaultdict(list)
    for row, (kind, noise_level) in enumerate(zip(records.kinds.tolist(), records.noise_level.tolist())):
        groups[f"{LATENT_KINDS[kind]} {noise_level:.2f}" if kind != FINAL else "final"].append(row)
    for name, rows in sorted(groups.items()):
        part, scores = records.rows(rows), logits[rows].sigmoid()
        figures["auc"][name] = within_prompt_auc(scores, part)
        known = part.rewards > NO_REWARD
        if known.any():
            figures["ece"][name] = round(expected_calibration_error(scores[known], part.rewards[known]), 3)
    return figures


def within_prompt_auc(scores: Tensor, records: Records) -> dict[str, float]:
    """AUC of predicted rewards (N, A) within prompts, ``all`` and for each aspect; what cannot be compared is left
    out."""
    by_prompt = defaultdict(list)
    for row, prompt in enumerate(records.prompts):
        by_prompt[prompt].append(row)
    known = records.rewards > NO_REWARD
    overall = torch.where(known, scores, 1.0).prod(dim=1)
    totals = defaultdict(lambda: [0.0, 0.0])
    for rows in by_prompt.values():
        index = torch.tensor(rows)
        judged = [("all", overall[index], records.passed[index].bool())]
        for column, aspect in enumerate(ASPECTS):
            of = index[known[index, column]]
            judged.append(
                (aspect, scores[of, column], records.rewards[of, column] > (0.5 if aspect == "position" else 0.99))
            )
        for name, values, labels in judged:
            won, possible = auc(values, labels)
            totals[name][0] += won
            totals[name][1] += possible
    return {name: round(won / possible, 3) for name, (won, possible) in totals.items() if possible}


def usable_level(auc: dict[str, dict[str, float]]) -> float:
    """The highest noise level of ``head_figures`` up to which a head tells right pictures of a prompt from wrong ones;
    0 if none.

    A level above one at which it does not is chance: at a high level few pictures are enough for one.
    """
    usable = 0.0
    for level, found in sorted(
        (float(name.split()[1]), found.get("all", 0.0)) for name, found in auc.items() if name.startswith("x0 ")
    ):
        if found < USABLE_AUC:
            break
        usable = level
    return usable
