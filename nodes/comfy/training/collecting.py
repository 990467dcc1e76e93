"""Collecting a dataset with ComfyUI's models."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import comfy.utils
import folder_paths
from torch import Tensor

from ....xlard.critique import Critique
from ....xlard.guidance.corrector import guidance_of
from .. import folders
from ..critic.pictures import preview
from ..managed import ManagedModule
from ..sampling.family import check_model, family_of
from ..sampling.latents import as_pictures, prompt_embeddings
from ..sampling.method import CustomSampling, KSamplerSettings, SamplingMethod, sampling_method
from ..sampling.sampler import ComfyDecoder, ComfySampler
from ..sampling.second_model import SecondModel

if TYPE_CHECKING:
    from ....xlard.guidance.base import X0Guidance
    from ....xlard.protocols import Judge, Sampler
    from ....xlard.training.collect import CollectSettings
    from ....xlard.training.dataset import Dataset, Source


def dataset_folder(name: str) -> Path:
    """Where the dataset of a name lies; raises ValueError for a name that leads elsewhere."""
    return folders.inside(Path(folder_paths.get_output_directory()) / "xlard" / "datasets", name)


def prompt_file(name: str) -> Path:
    """A file of ComfyUI's input folder; raises ValueError for a name that leads elsewhere."""
    return folders.inside(Path(folder_paths.get_input_directory()), name)


@dataclass(frozen=True)
class Artist:
    """Draws pictures of any prompt, all with the same model and settings, with a corrector or without.

    ``latent`` gives size and number of the pictures that are drawn together. Where a GUIDER is connected, each prompt
    takes the place of its positive conditioning. For a ``second`` model each prompt is encoded by that one's CLIP.
    """

    model: Any
    clip: Any
    negative: list | None
    latent: dict
    settings: KSamplerSettings
    custom: CustomSampling = CustomSampling()
    corrector: ManagedModule | None = None
    strength: float = 1.0
    second: SecondModel | None = None
    _encoded: dict[tuple[str, int], list] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        if self.corrector is not None:
            check_model(self.corrector, self.model, "corrector")
        # What cannot be drawn with is said before the first prompt is encoded.
        if self.custom.guider is not None:
            self._method([], self.second and replace(self.second, positive=[]))

    def source(self, prompt: str, base_model: str) -> Source:
        """What the pictures are made with; the text encoder's width is that of a prompt."""
        from ....xlard.training.dataset import Source

        family, channels = family_of(self.model), self.model.get_model_object("latent_format").latent_channels
        return Source(
            base_model.strip() or family, family, channels, prompt_embeddings(self._encode(prompt), 1).shape[-1]
        )

    def sampler(self, prompts: Sequence[str]) -> ComfySampler:
        """A sampler whose rows are all of the one prompt of a group."""
        companions = [] if self.corrector is None else [self.corrector]
        second = self.second
        if second is not None:
            second = replace(second, positive=self._encode(prompts[0], second.clip))
        return ComfySampler(self._method(self._encode(prompts[0]), second), self.latent, companions)

    def guidance(self, sampler: Sampler, rows: Sequence[int]) -> X0Guidance:
        """The corrector as x0 guidance, where it was trained to act."""
        assert self.corrector is not None
        return guidance_of(self.corrector, sampler.context(rows), self.strength)

    def _method(self, positive: list, second: SecondModel | None) -> SamplingMethod:
        if self.custom.guider is None:
            return sampling_method(self.model, positive, self.negative, self.settings, self.custom, second)
        method = sampling_method(self.model, None, self.negative, self.settings, self.custom, second)
        return method.with_positive(positive)

    def _encode(self, prompt: str, second_clip: Any = None) -> list:
        clip = second_clip or self.clip
        if clip is None:
            raise ValueError("The clip input is empty: the checkpoint holds no text encoder. Load one, and connect it.")
        # Groups of one prompt follow each other; a large text encoder is not to be loaded for each.
        if any(known != prompt for known, _ in self._encoded):
            self._encoded.clear()
        key = prompt, id(clip)
        if key not in self._encoded:
            self._encoded[key] = clip.encode_from_tokens_scheduled(clip.tokenize(prompt))
        return self._encoded[key]


def collected(
    artist: Artist,
    decoder: ComfyDecoder,
    judge: Judge,
    settings: CollectSettings,
    prompts: str,
    pictures_per_prompt: int,
    name: str,
    base_model: str,
) -> tuple[Dataset, str]:
    """Add judged pictures of prompts, one a line, to the dataset of a name; returns it and a report.

    Prompts that make no claims are skipped, and the report names them.

    Raises ValueError as ``collect``, ``Dataset.open`` and ``prompts_from_text`` do.
    """
    from ....xlard.prompts.unclaimed import prompts_with_claims, skipped_note
    from ....xlard.training.collect import collect, jobs_of
    from ....xlard.training.dataset import Dataset
    from ....xlard.training.prompt_lists import prompts_from_text
    from ....xlard.training.summary import summarise_dataset

    lines, without = prompts_with_claims(prompts_from_text(prompts))
    batch = len(as_pictures(artist.latent["samples"]))
    groups = jobs_of(lines, pictures_per_prompt, settings.seed, batch)
    dataset = Dataset.open(dataset_folder(name), artist.source(lines[0], base_model))
    guidance = artist.guidance if artist.corrector is not None and artist.strength else None
    drawn = collect(dataset, groups, artist.sampler, decoder, judge, settings, guidance, _Progress(), encoder=decoder)
    there = sum(map(len, groups)) - drawn
    parts = f"{drawn} pictures drawn, {there} were there already", skipped_note(without), summarise_dataset(dataset)
    return dataset, "\n".join(part for part in parts if part)


class _Progress:
    """Shows the last judged picture on the node; call it after each group (see ``xlard.training.collect.OnBatch``)."""

    def __init__(self) -> None:
        self._bar = comfy.utils.ProgressBar(1)

    def __call__(self, done: int, total: int, critiques: Sequence[Critique], images: Tensor) -> None:
        self._bar.update_absolute(done, total, preview(images[-1], critiques[-1]))
