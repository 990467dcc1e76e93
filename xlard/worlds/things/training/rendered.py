"""Renders as records for head and corrector: what stands where is known, and so is the canonical repair.

The generator's own pictures are few, since each takes a sampling. Renders are many, and those that a prompt's claims do
not hold of come with the picture that a corrector should make of them. They are beside the generator's pictures, not
instead of them.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ....critique import Critique, critique_of
from ....prompts import claims_from_prompt
from ....training.dataset import Dataset, Source
from ....training.dataset_rows import Batch, Row
from ...world import World
from ..canonical import canonical_repair
from ..icons import Icons, load_icons
from ..judging import whole_place
from ..render import render_scene
from ..repairs import damaged, detection_of, verdicts_on
from ..scenes import Scene, scene_of
from ..vocabulary import SIDE
from ..world import ICONS

GROUP = 250
"""Pictures that are rendered and written together."""

DAMAGES = (0.1, 0.45, 0.45)
"""How often none, one and two things of a scene are changed after it was drawn as its prompt says."""

LEVELS = (0.5, 0.6, 0.7, 0.75, 0.8)
VIEWS = 2
"""Noise levels of the generator's predictions, and how many are kept of a picture."""

ORIGIN = "rendered"


@dataclass(frozen=True)
class _Example:
    prompt: str
    scene: Scene
    repaired: Scene | None
    critique: Critique


def collect_renders(world: World, folder: Path, split: str, number: int, seed: int) -> Dataset:
    """Add renders for ``number`` prompts of a split to the dataset in a folder; those that are there stay.

    Raises RuntimeError where the icons cannot be downloaded.
    """
    icons = load_icons(ICONS)
    dataset = Dataset.open(folder, Source(world.base_model, "", world.latent_size[0], world.context_width))
    for start in range(len(dataset.pictures()), number, GROUP):
        seeds = [seed, start]
        examples = _examples(world, split, min(GROUP, number - start), seeds)
        dataset.append(_batch(world, examples, icons, seeds))
        wrong = [example for example in examples if not example.critique.passed]
        print(
            f"renders: {start + len(examples)}/{number}, {len(wrong)} of {len(examples)} wrong,"
            f" {sum(example.repaired is not None for example in wrong)} with a repair",
            flush=True,
        )
    return dataset


def _examples(world: World, split: str, number: int, seeds: Sequence[int]) -> list[_Example]:
    rng = np.random.default_rng(list(seeds))
    prompts = world.prompts.sample_prompts(split, number, random.Random(str(seeds)))
    return [_example(prompt.text, rng) for prompt in prompts]


def _example(prompt: str, rng: np.random.Generator) -> _Example:
    scene = scene_of(prompt, rng)
    for _ in range(rng.choice(len(DAMAGES), p=DAMAGES)):
        scene = damaged(scene, rng)
    objects = [whole_place(scene.place), *map(detection_of, scene.things)]
    critique = critique_of(verdicts_on(scene, claims_from_prompt(prompt)), objects)
    repaired = None if critique.passed else canonical_repair(scene, prompt)
    return _Example(prompt, scene, repaired, critique)


def _batch(world: World, examples: Sequence[_Example], icons: Icons, seeds: Sequence[int]) -> Batch:
    jobs = [(example.prompt, seeds[0] * 10_000_000 + seeds[1] + index) for index, example in enumerate(examples)]
    finals = _encoded(world, [example.scene for example in examples], icons, [job[1] for job in jobs])
    failed = [index for index, example in enumerate(examples) if example.repaired is not None]
    repaired = [example.repaired for example in examples if example.repaired is not None]
    repairs = _encoded(world, repaired, icons, [jobs[index][1] for index in failed]) if failed else finals[:0]
    views, levels = _views(world, examples, finals, random.Random(str(seeds)))
    count = len(examples)
    rows = [
        [
            Row(
                example.prompt,
                "x0" if view else "final",
                levels[view - 1][index] if view else 0.0,
                bool(view),
                example.critique.rewards,
                example.critique.passed,
                view * count + index,
            )
            for view in range(VIEWS + 1)
        ]
        for index, example in enumerate(examples)
    ]
    first = (VIEWS + 1) * count
    places = {index: first + place for place, index in enumerate(failed)}
    return Batch(
        jobs,
        ORIGIN,
        [example.critique for example in examples],
        rows,
        finals,
        torch.cat([finals, *views, repairs]),
        {},
        SIDE,
        [places.get(index) for index in range(count)],
    )


def _encoded(world: World, scenes: Sequence[Scene], icons: Icons, seeds: Sequence[int]) -> Tensor:
    """Latents (B, 16, 16, 16) of scenes; two of one seed have the same ground and light."""
    pictures = []
    for scene, seed in zip(scenes, seeds):
        rng = np.random.default_rng(seed)
        exposure = float(rng.uniform(0.95, 1.04))
        pictures.append(render_scene(scene, icons, rng, exposure))
    return world.encoder.encode(torch.from_numpy(np.stack(pictures)).float() / 255).cpu()


def _views(
    world: World, examples: Sequence[_Example], finals: Tensor, rng: random.Random
) -> tuple[list[Tensor], list[list[float]]]:
    """Predictions of finished latents that were made noisy again, ``VIEWS`` of each, and their noise levels."""
    sampler = world.sampler([example.prompt for example in examples])
    chosen = [rng.sample(LEVELS, VIEWS) for _ in examples]
    views, levels = [], []
    for view in range(VIEWS):
        latents, of_view = torch.empty_like(finals), [chosen[row][view] for row in range(len(examples))]
        for level in LEVELS:
            rows = [row for row, own in enumerate(of_view) if own == level]
            if rows:
                noise = [rng.randrange(2**40) for _ in rows]
                latents[rows] = sampler.predict(finals[rows].to(sampler.device), level, rows, noise).cpu()
        views.append(latents)
        levels.append(of_view)
    return views, levels
