"""Training of a world's critic: first it lists objects with boxes, then it answers the other questions, too."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ...training.muon import Muon
from ...training.trainer import Trainer, default_device, machine
from ..critic_model import CriticDesign, build_model, build_processor, save
from ..world import World
from .annotated import Annotated
from .conversations import Conversations, use_linear_patches
from .lessons import Lessons

LISTING = ("list",)
"""Tasks of the first training."""

_NO_MATRICES = ("embed_tokens", "lm_head", "pos_embed", "reader")
_FASTER = 5.0
"""Times AdamW's learning rate for Muon. Of 2 and 5, 5 learned more in the first 240 steps of seeing."""


def train_critic(
    world: World,
    run: Path,
    output: Path,
    tasks: Sequence[str],
    sources: Callable[[], Sequence[Annotated]],
    begin: Path | None,
    steps: int,
    batch: int,
    seed: int,
    learning_rate: float,
    max_seconds: float | None = None,
) -> dict[str, Any]:
    """Train on ``tasks`` in turn, with pictures of all ``sources``, and write the transformers folder ``output``.

    It begins with the critic in the folder ``begin``, or with random weights. Returns the training's figures.
    """
    device = default_device()
    torch.manual_seed(seed)
    processor = build_processor(world.critic_design)
    model = begun_with(begin, world.critic_design, processor)
    trainer = Trainer(run, model, steps, learning_rate, seed, device, decay=0.998, optimizer=critic_optimizer)
    use_linear_patches(trainer.module)
    pictures = sources()
    conversations, lessons = Conversations(processor, world.side, device), Lessons(world)

    def batch_loss(step: int, generator: torch.Generator) -> Tensor:
        rng = random.Random(generator.initial_seed())
        # All sources alike: a generator's pictures are fewer than the others and would be learnt by heart alone.
        source = rng.choice(pictures)
        talks, shown = lessons.batch_of(tasks[step % len(tasks)], source, batch, rng)
        return trainer.module(**conversations.inputs(talks, shown)).loss

    trainer.run(batch_loss, max_seconds=max_seconds)
    model = build_model(world.critic_design, processor.tokenizer)
    model.load_state_dict(trainer.average.module.state_dict())
    save(output, model.eval(), processor)
    return training_figures(trainer, batch)


def critic_optimizer(module: nn.Module, learning_rate: float, weight_decay: float) -> Muon:
    """Muon for a critic's blocks."""
    return Muon(module, learning_rate, weight_decay, _NO_MATRICES, _FASTER)


def training_figures(trainer: Trainer, batch: int) -> dict[str, Any]:
    """What is saved with the weights of a finished training of ``batch`` samples a step."""
    return {
        "steps": trainer.step,
        "batch": batch,
        "seed": trainer.seed,
        "seconds": round(trainer.seconds),
        "machine": machine(),
        "loss": trainer.losses[-1][1],
    }


def begun_with(folder: Path | None, design: CriticDesign, processor: Any) -> Any:
    """A critic of this design with the weights, in fp32, of the critic in a folder, which may be another world's; with
    random ones without a folder.

    A word has the embedding that it had there; the grid of positions is resized.
    """
    from transformers import AutoModelForImageTextToText, AutoTokenizer

    if folder is None:
        return build_model(design, processor.tokenizer)

    earlier: Any = AutoModelForImageTextToText.from_pretrained(folder, dtype=torch.float32)
    words = AutoTokenizer.from_pretrained(folder).get_vocab()
    model = build_model(design, processor.tokenizer)
    state = earlier.state_dict()
    for name, values in model.state_dict().items():
        if name.endswith(("embed_tokens.weight", "lm_head.weight")):
            before, state[name] = state[name], values.clone()
            for word, row in processor.tokenizer.get_vocab().items():
                if word in words:
                    state[name][row] = before[words[word]]
        elif name.endswith("pos_embed.weight"):
            state[name] = _resized(state[name], len(values))
    model.load_state_dict(state)
    return model


def _resized(positions: Tensor, number: int) -> Tensor:
    """Embeddings (N, C) of the positions in a square, for a square of another number of positions."""
    grid = positions.T.unflatten(1, (math.isqrt(len(positions)), -1))[None]
    return torch.nn.functional.interpolate(grid, (math.isqrt(number),) * 2, mode="bilinear")[0].flatten(1).T
