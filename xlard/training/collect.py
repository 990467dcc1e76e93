"""Draw pictures, have them judged, and keep what head and corrector learn from."""

from __future__ import annotations

import hashlib
import logging
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from ..claims import Claim
from ..critique import Critique
from ..detections import Detection
from ..guidance.base import X0Guidance
from ..loop.critic_failure import judged_or_named
from ..loop.engine import derived_seed
from ..prompts import claims_from_prompt
from ..prompts.unclaimed import prompts_with_claims, skipped_note
from ..protocols import Decoder, Encoder, Judge, Sampler
from ..rewards import critique_from_detections
from .dataset import Dataset
from .dataset_rows import Batch, Picture, Row, critique_row
from .repairing import Repairer

_MOST_BROKEN = 8
Job = tuple[str, int]
"""A prompt and a seed: one picture."""

OtherPrompt = Callable[[str, Sequence[Detection], random.Random], str]
"""From a picture's prompt and what the critic saw in it to another prompt to read it with, whose claims boxes
decide.
"""

OnBatch = Callable[[int, int, Sequence[Critique], Tensor], None]
"""Called after each group with the pictures that are there, pictures in all, and the group's critiques and images
(B, H, W, 3).
"""

GuidanceFor = Callable[[Sampler, Sequence[int]], X0Guidance]
"""From a sampler and some of its rows to their x0 guidance."""

ORIGINS = ("sampled", "corrected")


@dataclass(frozen=True)
class CollectSettings:
    """What is kept of each picture besides its finished latent; noise levels are in [0, 1].

    ``levels``: its x0 predictions at the nearest steps. ``views``: this many x0 predictions after renoising the
    finished latent to some of ``view_levels``; ``other_prompt_share`` of them are read with a prompt by
    ``other_prompt``. ``repair_pairs``: failed pictures are repaired by the critic's boxes (see ``minimal_repair``),
    and what then passes is kept beside them; with ``repair_views`` also those of views whose other prompt fails.
    ``seed`` draws levels, noise and prompts.
    """

    levels: tuple[float, ...] = (0.9, 0.8, 0.7, 0.5)
    views: int = 6
    view_levels: tuple[float, ...] = tuple(round(1.0 - 0.05 * step, 2) for step in range(11))
    other_prompt_share: float = 0.0
    other_prompt: OtherPrompt | None = None
    repair_pairs: bool = False
    repair_views: bool = False
    seed: int = 0


class _PredictionKeeper:
    """Guidance that keeps, for each noise level to watch, the x0 prediction of the step nearest to it.

    It keeps predictions as another guidance, if any, has changed them: sampling goes on from those.
    """

    def __init__(self, levels: Sequence[float], guidance: X0Guidance | None):
        self._levels, self._guidance = levels, guidance
        self._nearest: dict[float, tuple[float, Tensor]] = {}
        self.steps: list[float] = []

    @property
    def stop_at(self) -> tuple[float, ...]:
        """Those of the other guidance."""
        return self._guidance.stop_at if self._guidance else ()

    @property
    def extra_nfe(self) -> int:
        """That of the other guidance."""
        return self._guidance.extra_nfe if self._guidance else 0

    def apply(self, x0: Tensor, noise_level: float, stop: float | None = None) -> Tensor:
        """See ``X0Guidance``."""
        guided = self._guidance.apply(x0, noise_level, stop) if self._guidance else x0
        if stop is not None:
            if stop == min(self.stop_at):
                # The picture does not come from earlier predictions.
                self._nearest.clear()
            return guided
        self.steps.append(noise_level)
        for level in self._levels:
            if level not in self._nearest or abs(noise_level - level) < abs(self._nearest[level][0] - level):
                self._nearest[level] = (noise_level, guided.detach().cpu())
        return guided

    @property
    def predictions(self) -> dict[float, Tensor]:
        """X0 predictions by the noise level of their step."""
        return dict(self._nearest.values())


class _Rows:
    """The latents of a batch of pictures, and what is recorded of each."""

    def __init__(self, pictures: int):
        self.latents: list[Tensor] = []
        self.by_picture: list[list[Row]] = [[] for _ in range(pictures)]

    def add(
        self,
        picture: int,
        latent: Tensor,
        kind: str,
        noise_level: float,
        prompt: str,
        critique: Critique,
        renoised: bool = False,
    ) -> None:
        level, rewards = round(noise_level, 4), dict(critique.rewards)
        row = Row(prompt, kind, level, renoised, rewards, critique.passed, self.add_latent(latent))
        self.by_picture[picture].append(row)

    def add_latent(self, latent: Tensor) -> int:
        """Keep a latent; returns its place."""
        self.latents.append(latent.detach().cpu())
        return len(self.latents) - 1


def jobs_of(prompts: Sequence[str], pictures: int, seed: int, together: int) -> list[list[Job]]:
    """Groups of at most ``together`` jobs of one prompt, with ``pictures`` jobs for each prompt.

    A picture's seed depends on its prompt and number alone: more prompts, in any order, or more pictures only add to
    them.
    """
    groups = []
    for prompt in prompts:
        place = int.from_bytes(hashlib.sha256(prompt.encode()).digest()[:6], "big")
        jobs = [(prompt, derived_seed(seed, place, number)) for number in range(pictures)]
        groups += [jobs[start : start + together] for start in range(0, pictures, together)]
    return groups


def levels_from_text(text: str) -> tuple[float, ...]:
    """The noise levels in (0, 1] of a text with commas between them; none for an empty text.

    Raises ValueError for anything else.
    """
    try:
        levels = tuple(float(number) for number in text.split(",") if number.strip())
    except ValueError as error:
        raise ValueError(
            f"{text!r} is no list of noise levels ({error}). Write numbers with commas between them: 0.9, 0.7, 0.5"
        ) from error
    wrong = [level for level in levels if not 0 < level <= 1]
    if wrong:
        raise ValueError(
            f"{wrong[0]:g} is no noise level: they lie between 0, a finished picture, and 1, pure noise. Correct the"
            f" list {text!r}."
        )
    return levels


def collect(
    dataset: Dataset,
    groups: Sequence[Sequence[Job]],
    sampler_for: Callable[[list[str]], Sampler],
    decoder: Decoder,
    judge: Judge,
    settings: CollectSettings = CollectSettings(),
    guidance_for: GuidanceFor | None = None,
    on_batch: OnBatch | None = None,
    claims_for: Callable[[str], Sequence[Claim]] = claims_from_prompt,
    encoder: Encoder | None = None,
) -> int:
    """Draw and judge the jobs of each group together and add them to the dataset; jobs that it has are left out.

    Prompts without claims are left out and named in the log: nothing in their pictures could be judged. Returns how
    many pictures were drawn. ``sampler_for`` gives a sampler whose rows are these prompts, ``guidance_for``
    the x0 guidance of some of its rows; pictures drawn with guidance count as ``corrected``. Without an ``encoder`` no
    object is recoloured for a repair pair. After an exception, such
    as a cancel from ``on_batch``, what was written before stays. What is no picture, such as NaN, is left out. Raises
    ValueError if no prompt has claims, or if many in a row are no pictures, and what samplers, critics,
    ``Dataset.writing`` and ``Dataset.append`` raise.
    """
    origin = ORIGINS[guidance_for is not None]
    claims = {prompt: claims_for(prompt) for group in groups for prompt, _ in group}
    _, without = prompts_with_claims(list(claims), claims.__getitem__)
    if without:
        logging.getLogger(__name__).warning(skipped_note(without))
        groups = [[job for job in group if claims[job[0]]] for group in groups]
    repairer = Repairer(sampler_for, decoder, judge, encoder, claims_for)
    collector = _Collector(dataset, sampler_for, decoder, judge, settings, guidance_for, claims, origin, repairer)
    jobs = {job for group in groups for job in group}
    with dataset.writing():
        done = dataset.done(origin)
        finished = before = len(jobs & done)
        for group in groups:
            group = [job for job in dict.fromkeys(group) if job not in done]
            if not group:
                continue
            drawn = collector.draw(group)
            if drawn is None:
                continue
            batch, images = drawn
            dataset.append(batch)
            done.update(batch.jobs)
            finished += len(batch.jobs)
            if on_batch is not None:
                on_batch(finished, len(jobs), batch.critiques, images)
    return finished - before


def judge_again(
    dataset: Dataset, decoder: Decoder, judge: Judge, claims_for: Callable[[str], Sequence[Claim]] = claims_from_prompt
) -> None:
    """Judge all pictures of a dataset again, for example with a critic that has changed since they were collected."""
    with dataset.writing():
        pictures, judged = dataset.pictures(), []
        for part in dict.fromkeys(picture.part for picture in pictures):
            in_part = [picture for picture in pictures if picture.part == part]
            images = decoder.decode(dataset.finals(part)[[picture.place for picture in in_part]])
            critiques = judge.judge(images, [claims_for(picture.prompt) for picture in in_part])
            judged += [
                _judged_again(picture, critique, max(images.shape[1:3]))
                for picture, critique in zip(in_part, critiques)
            ]
        dataset.replace(judged)


def _judged_again(picture: Picture, critique: Critique, side: int) -> Picture:
    rows = []
    for row in picture.rows:
        by_prompt = critique if row.prompt == picture.prompt else _critique_by(row.prompt, critique, side)
        rows.append(replace(row, rewards=dict(by_prompt.rewards), passed=by_prompt.passed))
    return replace(picture, critique=critique_row(critique), rows=tuple(rows))


def _critique_by(prompt: str, critique: Critique, side: int) -> Critique:
    """The critique of the same objects by another prompt."""
    return critique_from_detections(claims_from_prompt(prompt), critique.detections, side, critique.confidence)


@dataclass(frozen=True)
class _Collector:
    """What all groups of a collection share."""

    dataset: Dataset
    sampler_for: Callable[[list[str]], Sampler]
    decoder: Decoder
    judge: Judge
    settings: CollectSettings
    guidance_for: GuidanceFor | None
    claims: dict[str, Sequence[Claim]]
    origin: str
    repairer: Repairer
    broken: list[str] = field(default_factory=list)

    def draw(self, group: list[Job]) -> tuple[Batch, Tensor] | None:
        """A group's pictures, and their images (B, H, W, 3), without those that are none; None if all are.

        Raises ValueError if so many in a row are none that the next would be none either.
        """
        prompts, seeds, rows = [prompt for prompt, _ in group], [seed for _, seed in group], list(range(len(group)))
        sampler = self.sampler_for(prompts)
        keeper = _PredictionKeeper(
            self.settings.levels, self.guidance_for(sampler, rows) if self.guidance_for else None
        )
        finals = sampler.generate(rows, seeds, keeper)
        images = self.decoder.decode(finals)
        critiques, faults = judged_or_named(self.judge, images, [self.claims[prompt] for prompt in prompts], finals)
        if any(faults):
            whole = [job for job, fault in zip(group, faults) if not fault]
            self._count_broken(next(filter(None, faults)), len(group) - len(whole), not whole)
            return self.draw(whole) if whole else None
        self.broken.clear()
        side = max(images.shape[1:3])
        kept = _Rows(len(group))
        for row in rows:
            kept.add(row, finals[row], "final", 0.0, prompts[row], critiques[row])
            for level, x0 in keeper.predictions.items():
                kept.add(row, x0[row], "x0", level, prompts[row], critiques[row])
        self._add_views(kept, group, sampler, finals, critiques, keeper.steps, side)
        repairs: list[int | None] = [None] * len(group)
        if self.settings.repair_pairs:
            repairs = self._repair(kept, group, sampler, finals, images, critiques)
        contexts = self._contexts(kept, dict(zip(prompts, sampler.context(rows))))
        latents = torch.stack(kept.latents)
        batch = Batch(group, self.origin, critiques, kept.by_picture, finals, latents, contexts, side, repairs)
        return batch, images

    def _count_broken(self, fault: str, pictures: int, all_of_group: bool) -> None:
        logging.getLogger(__name__).warning("xLARD: %d pictures are left out. %s", pictures, fault)
        self.broken.extend([fault] * all_of_group)
        if len(self.broken) >= _MOST_BROKEN:
            raise ValueError(f"{_MOST_BROKEN} groups of pictures in a row hold none that could be kept. {fault}")

    def _add_views(
        self,
        kept: _Rows,
        group: list[Job],
        sampler: Sampler,
        finals: Tensor,
        critiques: Sequence[Critique],
        steps: Sequence[float],
        side: int,
    ) -> None:
        """Renoise each finished latent to some levels and keep the model's predictions from there."""
        by_level: dict[float, list[tuple[int, int, str, Critique]]] = {}
        for row, ((prompt, seed), critique) in enumerate(zip(group, critiques)):
            # Seeded by the picture: a collection that was stopped and goes on is the same as one that was not.
            rng = random.Random(f"{self.settings.seed} {seed} {prompt}")
            levels = self.settings.view_levels * -(-self.settings.views // len(self.settings.view_levels))
            for level in rng.sample(levels, self.settings.views):
                view_prompt, view_critique = self._prompt_of_view(prompt, critique, side, rng)
                # The sampler, too, takes the step nearest to the level.
                step = min(steps, key=lambda step: abs(step - level))
                by_level.setdefault(step, []).append((row, rng.getrandbits(48), view_prompt, view_critique))
        for level, views in sorted(by_level.items(), reverse=True):
            # As many at a time as are drawn together, for the same memory.
            for start in range(0, len(views), len(group)):
                chunk = views[start : start + len(group)]
                rows = [row for row, *_ in chunk]
                predicted = sampler.predict(finals[rows], level, rows, [seed for _, seed, *_ in chunk])
                for x0, (row, _, prompt, critique) in zip(predicted, chunk):
                    kept.add(row, x0, "x0", level, prompt, critique, renoised=True)

    def _repair(
        self,
        kept: _Rows,
        group: list[Job],
        sampler: Sampler,
        finals: Tensor,
        images: Tensor,
        critiques: Sequence[Critique],
    ) -> list[int | None]:
        """For each picture the place of its repaired latent; None if it did not fail, cannot be repaired or fails
        again. Rows of other prompts get the places of theirs.
        """
        critiques_by_prompt = [
            {prompt: own, **self._critiques_of_views(kept.by_picture[picture], prompt, own, max(images.shape[1:3]))}
            for picture, ((prompt, _), own) in enumerate(zip(group, critiques))
        ]
        repaired = self.repairer.repaired(group, sampler, finals, images, critiques_by_prompt)
        places = {key: kept.add_latent(latent) for key, latent in repaired.items()}
        for picture, (prompt, _) in enumerate(group):
            kept.by_picture[picture] = [
                row if row.prompt == prompt else replace(row, repair=places.get((picture, row.prompt)))
                for row in kept.by_picture[picture]
            ]
        return [places.get((picture, prompt)) for picture, (prompt, _) in enumerate(group)]

    def _critiques_of_views(
        self, rows: Sequence[Row], prompt: str, critique: Critique, side: int
    ) -> dict[str, Critique]:
        """What the critic's objects say of the other prompts that a picture is read with, if such are repaired, too."""
        if not self.settings.repair_views or not critique.detections:
            return {}
        others = sorted({row.prompt for row in rows} - {prompt})
        return {other: _critique_by(other, critique, side) for other in others}

    def _prompt_of_view(self, prompt: str, critique: Critique, side: int, rng: random.Random) -> tuple[str, Critique]:
        """The prompt that a view is read with, the picture's own or another one, and the critique by it."""
        if self.settings.other_prompt is None or rng.random() >= self.settings.other_prompt_share:
            return prompt, critique
        if not critique.detections or not critique.confidence:
            # Without boxes nothing is known about the claims of another prompt.
            return prompt, critique
        other = self.settings.other_prompt(prompt, critique.detections, rng)
        return other, critique if other == prompt else _critique_by(other, critique, side)

    def _contexts(self, kept: _Rows, contexts: dict[str, Tensor]) -> dict[str, Tensor]:
        """The embeddings of all prompts that rows are read with."""
        new = [
            prompt
            for prompt in dict.fromkeys(row.prompt for rows in kept.by_picture for row in rows)
            if prompt not in contexts and not self.dataset.knows(prompt)
        ]
        if new:
            contexts.update(zip(new, self.sampler_for(new).context(list(range(len(new))))))
        return contexts
