"""The first training of a world's critic: its encoder of pictures learns what there is to be seen in each cell.

A small critic that only learns to write answers spends most of its training on seeing: a listed object says little
about many patches. Told what stands in each cell, which noun, which colour and how far the box's edges are, the encoder
learns that sooner. What reads the cells is thrown away; the critic is left as it was but for its encoder.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import Linear

from ...detections import Detection
from ...training.trainer import Trainer, default_device
from ..critic_model import CriticDesign, build_processor, save
from ..world import World
from .annotated import Annotated, mirrored
from .conversations import use_linear_patches
from .critic import begun_with, critic_optimizer, training_figures

CELL = 8
"""Side of a cell in pixels: a patch of the encoder."""

_MERGED = 2
_BACKGROUND = 0.9
_EDGES = 4.0


class CellReader(nn.Module):
    """Reads what stands in each cell from the encoder's tokens, which hold a square of cells each.

    From tokens (B, T, C) it gives the logits of nouns (B, 4 T, nouns + 1) and colours (B, 4 T, colours + 1), the last
    one for none, and the distances to the box's left, top, right and bottom in shares of the side (B, 4 T, 4).
    """

    def __init__(self, design: CriticDesign, channels: int):
        super().__init__()
        self.sizes = [len(design.nouns) + 1, len(design.colors) + 1, 4]
        self.linear = Linear(channels, _MERGED**2 * sum(self.sizes))

    def forward(self, tokens: Tensor) -> tuple[Tensor, ...]:
        return self.linear(tokens).unflatten(-1, (_MERGED**2, sum(self.sizes))).flatten(1, 2).split(self.sizes, -1)


class SeenCells(nn.Module):
    """A critic's encoder and a reader of its tokens: from pixels, as the processor gives them, to ``CellReader``'s."""

    def __init__(self, visual: Any, design: CriticDesign):
        super().__init__()
        self.visual, self.reader = visual, CellReader(design, visual.config.out_hidden_size)

    def forward(self, pixel_values: Tensor, image_grid_thw: Tensor) -> tuple[Tensor, ...]:
        tokens = self.visual(pixel_values, grid_thw=image_grid_thw).pooler_output
        return self.reader(tokens.unflatten(0, (len(image_grid_thw), -1)))


def cell_maps(objects: Sequence[Detection], design: CriticDesign) -> tuple[Tensor, Tensor, Tensor]:
    """Nouns (H, W), colours (H, W) and distances to the edges (H, W, 4) in each cell, as ``CellReader`` gives them.

    What fills the picture is behind all others; of the others, what stands lower is in front.
    """
    cells = design.side // CELL
    nouns = torch.full((cells, cells), len(design.nouns))
    colors = torch.full((cells, cells), len(design.colors))
    edges = torch.zeros(cells, cells, 4)
    middles = (torch.arange(cells) + 0.5) / cells

    def behind(thing: Detection) -> tuple[bool, float]:
        return thing.width * thing.height < _BACKGROUND * design.side**2, thing.y + thing.height

    for thing in sorted(objects, key=behind):
        left, top = thing.x / design.side, thing.y / design.side
        right, bottom = left + thing.width / design.side, top + thing.height / design.side
        rows, columns = (middles >= top) & (middles <= bottom), (middles >= left) & (middles <= right)
        inside = rows[:, None] & columns[None, :]
        nouns[inside] = design.nouns.index(thing.noun)
        colors[inside] = design.colors.index(thing.color) if thing.color in design.colors else len(design.colors)
        x, y = middles[None, :].expand(cells, cells), middles[:, None].expand(cells, cells)
        edges[inside] = torch.stack([x - left, y - top, right - x, bottom - y], -1)[inside]
    return nouns, colors, edges


def in_token_order(maps: Tensor) -> Tensor:
    """Maps (B, H, W, ...) as cells (B, H W, ...) in the encoder's order: square by square, row by row in each."""
    blocks = maps.unflatten(2, (-1, _MERGED)).unflatten(1, (-1, _MERGED))
    return blocks.transpose(2, 3).flatten(1, 4)


def cell_loss(read: Sequence[Tensor], wanted: Sequence[Tensor], nouns: int) -> Tensor:
    """Cross-entropy of nouns and colours, and absolute error of the edges where something stands."""
    things = wanted[0] < nouns
    noun, color = (
        nn.functional.cross_entropy(logits.flatten(0, 1), labels.flatten())
        for logits, labels in zip(read[:2], wanted[:2])
    )
    error = (read[2] - wanted[2]).abs().mean(-1)
    return noun + color + _EDGES * (error * things).sum() / things.sum().clamp(min=1)


def train_sight(
    world: World,
    run: Path,
    output: Path,
    sources: Callable[[], Sequence[Annotated]],
    begin: Path | None,
    steps: int,
    batch: int,
    seed: int,
    learning_rate: float,
    max_seconds: float | None = None,
) -> dict[str, Any]:
    """Train the encoder of the critic in the folder ``begin``, or a random one's, and write the transformers folder
    ``output``. Returns the training's figures.
    """
    device, design = default_device(), world.critic_design
    torch.manual_seed(seed)
    processor = build_processor(design)
    model = begun_with(begin, design, processor)
    use_linear_patches(model)
    trainer = Trainer(
        run,
        SeenCells(model.model.visual, design),
        steps,
        learning_rate,
        seed,
        device,
        decay=0.998,
        optimizer=critic_optimizer,
    )
    pictures = sources()

    def batch_loss(step: int, generator: torch.Generator) -> Tensor:
        rng = random.Random(generator.initial_seed())
        shown, objects = zip(*(_drawn(rng.choice(pictures), world.side, rng) for _ in range(batch)))
        images = processor.image_processor(images=list(shown), return_tensors="pt").to(device)
        maps = zip(*(cell_maps(row, design) for row in objects))
        wanted = [in_token_order(torch.stack(rows)).to(device) for rows in maps]
        return cell_loss(trainer.module(**images), wanted, len(design.nouns))

    trainer.run(batch_loss, max_seconds=max_seconds)
    model.model.visual.load_state_dict(trainer.kept.visual.state_dict())
    save(output, model.cpu().eval(), processor)
    return training_figures(trainer, batch)


def _drawn(source: Annotated, side: int, rng: random.Random) -> tuple[Tensor, list[Detection]]:
    """A picture and what is in it, mirrored half of the time."""
    row = rng.randrange(len(source.pictures))
    if rng.random() < 0.5:
        return source.pictures[row].flip(-1), mirrored(source.objects[row], side)
    return source.pictures[row], source.objects[row]
