"""Draw pictures, have them judged, and write down what head and corrector learn from."""

from __future__ import annotations

import hashlib
import random
from collections import defaultdict, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from ..claims import Claim
from ..critique import Critique
from ..detections import Detection
from ..guidance.base import X0Guidance
from ..loop.engine import derived_seed
from ..loop.grid import Grid
from ..loop.rearrange import Piece, pieces_of, rearranged
from ..loop.strategies import REARRANGE_GROWTH, REARRANGE_NOISE_LEVEL
from ..prompts import claims_from_prompt
from ..protocols import Decoder, Judge, Sampler
from ..rewards import critique_from_detections
from .dataset import Dataset
from .dataset_rows import Batch, Picture, Row, critique_row

_DONORS = 16
"""How many objects of each label are kept to be copied into pictures that lack one."""

Job = tuple[str, int]
"""A prompt and a seed: one picture."""

Retell = Callable[[str, Sequence[Detection], random.Random], str]
"""From a picture's prompt and what the critic saw in it to another prompt to read it with; claims that boxes decide."""

OnBatch = Callable[[int, int, Sequence[Critique], Tensor], None]
"""Told after each group: pictures that are there, pictures in all, the group's critiques and images (B, H, W, 3)."""

ORIGINS = ("sampled", "corrected")


@dataclass(frozen=True)
class CollectSettings:
    """What is kept of each picture besides its finished latent; noise levels are in [0, 1].

    ``levels``: its x0 predictions at the nearest steps. ``views``: so many x0 predictions after renoising the finished
    latent to some of ``view_levels``, a share ``retold`` of them read with another prompt. ``mend``: failed pictures
    are rearranged by the critic's boxes, and what then passes is kept beside them. ``seed`` draws levels, noise and
    prompts."""

    levels: tuple[float, ...] = (0.9, 0.8, 0.7, 0.5)
    views: int = 6
    view_levels: tuple[float, ...] = tuple(round(1.0 - 0.05 * step, 2) for step in range(11))
    retold: float = 0.0
    retell: Retell | None = None
    mend: bool = False
    seed: int = 0


class _PredictionKeeper:
    """Guidance that keeps, for each wanted noise level, the x0 predictions of the step nearest to it.

    What it keeps is what another guidance, if there is one, makes of them: what sampling went on from.
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
        """Those of the other guidance."""
        return self._guidance.extra_nfe if self._guidance else 0

    def apply(self, x0: Tensor, noise_level: float, stop: float | None = None) -> Tensor:
        """See ``X0Guidance``."""
        guided = self._guidance.apply(x0, noise_level, stop) if self._guidance else x0
        if stop is not None:
            if stop == min(self.stop_at):
                # The picture does not come of what was predicted before.
                self._nearest.clear()
            return guided
        self.steps.append(noise_level)
        for wanted in self._levels:
            if wanted not in self._nearest or abs(noise_level - wanted) < abs(self._nearest[wanted][0] - wanted):
                self._nearest[wanted] = (noise_level, guided.detach().cpu())
        return guided

    @property
    def predictions(self) -> dict[float, Tensor]:
        """X0 predictions by the noise level of their step."""
        return dict(self._nearest.values())


class _Rows:
    """Latents of a batch's pictures and what is said of each."""

    def __init__(self, pictures: int):
        self.latents: list[Tensor] = []
        self.entries: list[list[Row]] = [[] for _ in range(pictures)]

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
        self.entries[picture].append(
            Row(
                prompt,
                kind,
                round(noise_level, 4),
                renoised,
                dict(critique.rewards),
                critique.passed,
                len(self.latents),
            )
        )
        self.latents.append(latent.detach().cpu())


def jobs_of(prompts: Sequence[str], pictures: int, seed: int, together: int) -> list[list[Job]]:
    """Groups of at most ``together`` jobs of one prompt, so many ``pictures`` of each prompt.

    A picture's seed depends on its prompt and number alone: more prompts, in any order, or more pictures only add to
    them."""
    groups = []
    for prompt in prompts:
        place = int.from_bytes(hashlib.sha256(prompt.encode()).digest()[:6], "big")
        jobs = [(prompt, derived_seed(seed, place, number)) for number in range(pictures)]
        groups += [jobs[start : start + together] for start in range(0, pictures, together)]
    return groups


def levels_from_text(text: str) -> tuple[float, ...]:
    """Noise levels in [0, 1] out of a text with commas between them; none for an empty one. Raises ValueError for
    others."""
    try:
        levels = tuple(float(part) for part in text.split(",") if part.strip())
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
    guidance_for: Callable[[Sampler, Sequence[int]], X0Guidance] | None = None,
    on_batch: OnBatch | None = None,
    claims_for: Callable[[str], Sequence[Claim]] = claims_from_prompt,
) -> int:
    """Draw and judge the jobs of each group together and add them to the dataset, without those that are there already.

    Returns how many pictures were drawn. ``sampler_for`` gives a sampler whose rows are these prompts, ``guidance_for``
    the x0 guidance of some rows of it; what is drawn with guidance counts as ``corrected``. An exception, such as a cancel out
    of ``on_batch``, leaves what was written before. Raises ValueError for a prompt without claims, and what samplers,
    critics and ``Dataset.append`` raise."""
    origin = ORIGINS[guidance_for is not None]
    claims = {prompt: claims_for(prompt) for group in groups for prompt, _ in group}
    for prompt, found in claims.items():
        if not found:
            raise ValueError(
                f"No claim could be read out of the prompt {prompt!r}, so nothing in its pictures could be judged. "
                "Write what should be there, for example 'two red circles', or take the prompt out."
            )
    collector = _Collector(dataset, sampler_for, decoder, judge, settings, guidance_for, claims, origin)
    done = dataset.done(origin)
    jobs = {job for group in groups for job in group}
    finished = before = len(jobs & done)
    for group in groups:
        group = [job for job in dict.fromkeys(group) if job not in done]
        if not group:
            continue
        batch, images = collector.draw(group)
        dataset.append(batch)
        done.update(group)
        finished += len(group)
        if on_batch is not None:
            on_batch(finished, len(jobs), batch.critiques, images)
    return finished - before


def judge_again(
    dataset: Dataset, decoder: Decoder, judge: Judge, claims_for: Callable[[str], Sequence[Claim]] = claims_from_prompt
) -> None:
    """Judge all pictures of a dataset anew: for a critic that has changed since they were collected."""
    pictures, judged = dataset.pictures(), []
    for part in dict.fromkeys(picture.part for picture in pictures):
        own = [picture for picture in pictures if picture.part == part]
        images = decoder.decode(dataset.finals(part)[[picture.place for picture in own]])
        critiques = judge.judge(images, [claims_for(picture.prompt) for picture in own])
        judged += [
            _judged_again(picture, critique, max(images.shape[1:3])) for picture, critique in zip(own, critiques)
        ]
    dataset.replace(judged)


def _judged_again(picture: Picture, critique: Critique, side: int) -> Picture:
    rows = []
    for row in picture.rows:
        own = critique if row.prompt == picture.prompt else _reread(row.prompt, critique, side)
        rows.append(replace(row, rewards=dict(own.rewards), passed=own.passed))
    return replace(picture, critique=critique_row(critique), rows=tuple(rows))


def _reread(prompt: str, critique: Critique, side: int) -> Critique:
    """What the objects of a critique say of another prompt."""
    return critique_from_detections(claims_from_prompt(prompt), critique.detections, side, critique.confidence)


@dataclass(frozen=True)
class _Collector:
    """What all groups of a collection share."""

    dataset: Dataset
    sampler_for: Callable[[list[str]], Sampler]
    decoder: Decoder
    judge: Judge
    settings: CollectSettings
    guidance_for: Callable[[Sampler, Sequence[int]], X0Guidance] | None
    claims: dict[str, Sequence[Claim]]
    origin: str
    donors: dict[str, deque[Piece]] = field(default_factory=lambda: defaultdict(lambda: deque(maxlen=_DONORS)))

    def draw(self, group: list[Job]) -> tuple[Batch, Tensor]:
        """A group's pictures, and their images (B, H, W, 3)."""
        prompts, seeds, rows = [prompt for prompt, _ in group], [seed for _, seed in group], list(range(len(group)))
        sampler = self.sampler_for(prompts)
        keeper = _PredictionKeeper(
            self.settings.levels, self.guidance_for(sampler, rows) if self.guidance_for else None
        )
        finals = sampler.generate(rows, seeds, keeper)
        images = self.decoder.decode(finals)
        critiques = self.judge.judge(images, [self.claims[prompt] for prompt in prompts])
        side = max(images.shape[1:3])
        kept = _Rows(len(group))
        for row in rows:
            kept.add(row, finals[row], "final", 0.0, prompts[row], critiques[row])
            for level, x0 in keeper.predictions.items():
                kept.add(row, x0[row], "x0", level, prompts[row], critiques[row])
        self._add_views(kept, group, sampler, finals, critiques, keeper.steps, side)
        mended = (
            self._mend(kept, group, sampler, finals, critiques, tuple(images.shape[1:3])) if self.settings.mend else ()
        )
        contexts = self._contexts(kept, dict(zip(prompts, sampler.context(rows))))
        return (
            Batch(
                group, self.origin, critiques, kept.entries, finals, torch.stack(kept.latents), contexts, side, mended
            ),
            images,
        )

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
        views: dict[float, list[tuple[int, int, str, Critique]]] = {}
        for row, ((prompt, seed), critique) in enumerate(zip(group, critiques)):
            # By the picture, so that a collection that goes on after a stop is the one that was not stopped.
            rng = random.Random(f"{self.settings.seed} {seed} {prompt}")
            levels = self.settings.view_levels * -(-self.settings.views // len(self.settings.view_levels))
            for level in rng.sample(levels, self.settings.views):
                other, of_other = self._retold(prompt, critique, side, rng)
                # What the sampler will take for it, too.
                step = min(steps, key=lambda step: abs(step - level))
                views.setdefault(step, []).append((row, rng.getrandbits(48), other, of_other))
        for level, own in sorted(views.items(), reverse=True):
            # As many at a time as are drawn together, for the same memory.
            for start in range(0, len(own), len(group)):
                some = own[start : start + len(group)]
                rows = [row for row, *_ in some]
                predicted = sampler.predict(finals[rows], level, rows, [seed for _, seed, *_ in some])
                for x0, (row, _, prompt, critique) in zip(predicted, some):
                    kept.add(row, x0, "x0", level, prompt, critique, renoised=True)

    def _mend(
        self,
        kept: _Rows,
        group: list[Job],
        sampler: Sampler,
        finals: Tensor,
        critiques: Sequence[Critique],
        image_size: tuple[int, int],
    ) -> list[int | None]:
        """For each picture the place of what became of it, if it failed, could be rearranged, and passes then."""
        latents, grid = finals.detach().cpu(), Grid(finals.shape[-2:], image_size, REARRANGE_GROWTH)
        for latent, critique in zip(latents, critiques):
            for piece in pieces_of(latent, critique.detections, grid):
                self.donors[piece.object.label].append(piece)
        donors = [piece for kind in self.donors.values() for piece in kind]
        plans = {}
        for row, ((prompt, seed), critique) in enumerate(zip(group, critiques)):
            if not critique.passed and not critique.abstained:
                found = rearranged(
                    latents[row], critique, grid, random.Random(f"{self.settings.seed} {seed} {prompt}"), donors
                )
                if found is not None:
                    plans[row] = found
        mended: list[int | None] = [None] * len(group)
        if plans:
            rows = list(plans)
            changed, regions = (torch.stack(each) for each in zip(*plans.values()))
            tried = sampler.resume(changed, REARRANGE_NOISE_LEVEL, rows, [group[row][1] for row in rows], None, regions)
            judged = self.judge.judge(self.decoder.decode(tried), [self.claims[group[row][0]] for row in rows])
            for row, latent, critique in zip(rows, tried, judged):
                if critique.passed:
                    mended[row] = len(kept.latents)
                    kept.latents.append(latent.detach().cpu())
        return mended

    def _retold(self, prompt: str, critique: Critique, side: int, rng: random.Random) -> tuple[str, Critique]:
        """Another prompt for a picture, or its own, and the critique by that prompt."""
        if self.settings.retell is None or rng.random() >= self.settings.retold:
            return prompt, critique
        # Without boxes, nothing is known of what another prompt asks for.
        other = (
            self.settings.retell(prompt, critique.detections, rng)
            if critique.detections and critique.confidence
            else prompt
        )
        return other, critique if other == prompt else _reread(other, critique, side)

    def _contexts(self, kept: _Rows, contexts: dict[str, Tensor]) -> dict[str, Tensor]:
        """The embeddings of all prompts that rows are read with."""
        others = [
            prompt
            for prompt in dict.fromkeys(row.prompt for entries in kept.entries for row in entries)
            if prompt not in contexts and not self.dataset.knows(prompt)
        ]
        if others:
            contexts.update(zip(others, self.sampler_for(others).context(list(range(len(others))))))
        return contexts
