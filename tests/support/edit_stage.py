"""A stage for edits: latents that show things by their cells' values, and sampler, decoder and judge of these."""

from __future__ import annotations

import torch

from xlard.critics.scoring.preservation import judge_with_source
from xlard.detections import Detection
from xlard.edit import Edit
from xlard.editing.claims import edit_claims
from xlard.editing.instructions import read_instruction
from xlard.editing.steps import edit_of
from xlard.loop.grid import Grid
from xlard.loop.run import self_correct
from xlard.loop.settings import LoopSettings
from xlard.loop.state import LoopState
from xlard.rewards import critique_from_detections

SIDE, CELLS = 96, 12
VALUES = {"red circle": 0.2, "blue circle": 0.4, "blue square": 0.6, "green triangle": 0.8, "red square": 1.0}


def box(label: str, column: int, row: int, cells: int = 2) -> Detection:
    """A thing that fills whole cells of the latent."""
    color, noun = label.split()
    return Detection(8.0 * column, 8.0 * row, 8.0 * cells, 8.0 * cells, noun, color)


FOUND = (box("red circle", 1, 1), box("blue square", 8, 1), box("green triangle", 4, 8))


def drawn(found=FOUND) -> torch.Tensor:
    """A latent (4, h, w) of zeros that shows things as their labels' values."""
    latent = torch.zeros(4, CELLS, CELLS)
    for d in found:
        latent[(..., *Grid((CELLS, CELLS), (SIDE, SIDE), 0.0).span(d))] = VALUES[d.label]
    return latent


def decoded(latents: torch.Tensor) -> torch.Tensor:
    return latents[:, :3].repeat_interleave(8, 2).repeat_interleave(8, 3).movedim(1, -1)


def edit(instruction: str, found=FOUND) -> Edit:
    return edit_of(instruction, read_instruction(instruction), decoded(drawn(found)[None])[0], found)


class Stage:
    """Sampler, decoder and judge of such latents. It draws ``value`` wherever it draws, and counts what it is asked
    for.
    """

    def __init__(self, value: float = 0.0):
        self.value, self.nfe_made = value, 0

    def nfe(self, noise_level: float = 1.0) -> int:
        return round(20 * noise_level)

    def generate(self, rows, seeds, guidance=None):
        raise AssertionError("An edit of a source must not draw a fresh picture.")

    def resume(self, latents, noise_level, rows, seeds, guidance=None, regions=None):
        assert regions is not None
        self.nfe_made += self.nfe(noise_level)
        # What was put there by hand is joined at a mid level; what starts from pure noise becomes what the sampler
        # draws.
        return (
            torch.where(regions[:, None], torch.full_like(latents, self.value), latents)
            if noise_level == 1.0
            else latents.clone()
        )

    def decode(self, latents):
        return decoded(latents)

    def seen(self, image: torch.Tensor) -> list[Detection]:
        found = []
        for label, value in VALUES.items():
            rows, columns = ((image[..., 0] - value).abs() < 1e-3).nonzero(as_tuple=True)
            if len(rows):
                top, left = rows.min().item(), columns.min().item()
                color, noun = label.split()
                found.append(
                    Detection(left, top, columns.max().item() + 1 - left, rows.max().item() + 1 - top, noun, color)
                )
        return found

    def judge(self, images, claims):
        return judge_with_source(
            images,
            claims,
            lambda own: [critique_from_detections(each, self.seen(image), SIDE) for image, each in zip(images, own)],
        )


class DrawingStage(Stage):
    """Draws the scene of ``FOUND``, and makes latents of pictures."""

    def __init__(self, area=None):
        super().__init__()
        self._area = area

    def generate(self, rows, seeds, guidance=None):
        return torch.stack([drawn()] * len(rows))

    def predict(self, *given):
        raise AssertionError

    def context(self, rows):
        raise AssertionError

    def with_prompt(self, prompt):
        raise AssertionError

    def area(self, row):
        return self._area

    def encode(self, images):
        latents = torch.zeros(len(images), 4, CELLS, CELLS)
        latents[:, :3] = images.movedim(-1, 1)[..., ::8, ::8]
        return latents


def corrected(instruction: str, value: float = 0.0, rounds: int = 4, **options) -> tuple[LoopState, Stage]:
    """The loop on the source by an instruction."""
    stage, own = Stage(value), edit_claims(edit(instruction))
    (state,) = self_correct(
        [""], [own], [3], stage, stage, stage, settings=LoopSettings(rounds, **options), sources=drawn()[None]
    )
    return state, stage
