"""What a world's head and corrector learn from: pictures of its generator, judged by its critic, as a dataset."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path

from torch import Tensor

from ...critique import Critique
from ...guidance.corrector import guidance_of
from ...training.collect import CollectSettings, GuidanceFor, Job, collect
from ...training.dataset import Dataset, Source
from ..world import World
from .relabel import allowed_prompts, other_prompt

GROUP = 100
"""Pictures that are drawn together, of any prompts."""

OTHER_PROMPTS = 0.6
"""Share of the renoised latents that are read with another prompt than their picture's."""

VIEWS = 8
VIEW_LEVELS = (1.0, 0.95, 0.9, 0.85, 0.8, 0.75, 0.7, 0.6, 0.5)
"""How many renoised predictions are kept of a picture, and at which levels: mostly high ones, where the layout is
decided.
"""

REPAIR_LEVELS = (0.75, 0.7, 0.6, 0.5)
"""At which levels instead for a corrector that learns minimal repairs: those at which it acts or nearly so."""


def prompt_list(world: World, split: str, number: int, repeats: int, seed: int) -> list[str]:
    """``number`` prompts of a split, each ``repeats`` times in a row."""
    chosen = world.prompts.sample_prompts(split, number, random.Random(seed))
    return [prompt.text for prompt in chosen for _ in range(repeats)]


def settings_for(world: World, split: str, seed: int, repair_views: bool = False) -> CollectSettings:
    """What is kept of pictures of a split; those of the training splits are never read with another split's prompt.

    With ``repair_views`` views are repaired, too, and kept at ``REPAIR_LEVELS``.
    """
    allowed = allowed_prompts(world, split)
    return CollectSettings(
        views=VIEWS,
        view_levels=REPAIR_LEVELS if repair_views else VIEW_LEVELS,
        other_prompt_share=OTHER_PROMPTS,
        other_prompt=lambda prompt, objects, rng: other_prompt(world, prompt, objects, allowed, rng),
        repair_pairs=True,
        repair_views=repair_views,
        seed=seed,
    )


def collect_pictures(
    world: World, folder: Path, prompts: Sequence[str], settings: CollectSettings, corrected: bool = False
) -> Dataset:
    """Draw a picture of each prompt, with the world's corrector if ``corrected``, into a new dataset in ``folder`` or
    one that is there.
    """
    dataset = Dataset.open(folder, Source(world.base_model, "", world.latent_size[0], world.context_width))
    jobs: list[Job] = [(prompt, 20_000_000 * (settings.seed + 1) + row) for row, prompt in enumerate(prompts)]
    groups = [jobs[start : start + GROUP] for start in range(0, len(jobs), GROUP)]
    collect(
        dataset,
        groups,
        world.sampler,
        world.decoder,
        world.critic(),
        settings,
        _guidance_for(world) if corrected else None,
        _print_progress,
        encoder=world.encoder,
    )
    return dataset


def _guidance_for(world: World) -> GuidanceFor:
    corrector = world.corrector()
    return lambda sampler, rows: guidance_of(corrector, sampler.context(rows))


def _print_progress(done: int, total: int, critiques: Sequence[Critique], images: Tensor) -> None:
    print(
        f"collect: {done}/{total} pictures, {sum(critique.passed for critique in critiques)} of the last"
        f" {len(critiques)} passed",
        flush=True,
    )
