"""Train the critic to list objects with boxes: on renders, on their reconstructions, disturbed ones too, and on the
generator's own annotated pictures.
"""

from __future__ import annotations

import itertools
import json
import random
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor

from ....claims import Claim
from ....critics.questions import list_objects
from ....detections import Detection
from ....files import write_json
from ....tensor_files import write_tensors
from ....training.trainer import Trainer, default_device, machine
from ..checker import as_uint8, detect
from ..critic_model import build_model, build_processor, list_answer, save
from ..scenes import Thing
from ..vocabulary import COLOR_NAMES, COLORS, MAX_OBJECTS, SHAPES, SIDE
from .autoencoder import load_narrow
from .scenes import pictures_of, scene_pool

_LATENT_NOISE = 0.1
_DISTURBANCE = 0.25
_VARIANTS = 5
_SHIFT = 6
_BATCH = 50
_MAX_LISTED = 2 * MAX_OBJECTS


class Annotated:
    """Pictures (N, 3, SIDE, SIDE) in bytes with the objects visible in each, in reading order."""

    def __init__(self, pictures: Tensor, objects: list[list[Detection]]):
        self.pictures = pictures
        self.objects = [_in_reading_order(objects_of_picture)[:_MAX_LISTED] for objects_of_picture in objects]

    def save(self, folder: Path) -> None:
        """Write ``pictures.safetensors`` and ``objects.json`` into ``folder``, which processes may do at the same
        time.
        """
        folder.mkdir(parents=True, exist_ok=True)
        write_tensors(folder / "pictures.safetensors", {"pictures": self.pictures.contiguous()})
        write_json(
            folder / "objects.json", [[asdict(d) for d in objects_of_picture] for objects_of_picture in self.objects]
        )

    @classmethod
    def load(cls, folder: Path) -> Annotated:
        """Read what ``save`` wrote."""
        objects = json.loads((folder / "objects.json").read_text())
        return cls(
            load_file(folder / "pictures.safetensors")["pictures"],
            [[Detection(**d) for d in objects_of_picture] for objects_of_picture in objects],
        )


def _objects_of(packed: Tensor) -> list[list[Detection]]:
    palette = torch.tensor([COLORS[name] for name in COLOR_NAMES]).float() / 255
    scenes = []
    for scene in packed:
        things = []
        for shape, x, y, radius, *rgb in scene.tolist():
            if shape >= 0:
                # Jitter never brings a colour nearer to another of the palette.
                color = COLOR_NAMES[int((palette - torch.tensor(rgb)).square().sum(dim=1).argmin())]
                things.append(Thing(SHAPES[int(shape)], color, x, y, radius, (0, 0, 0)).detection())
        scenes.append(things)
    return scenes


@torch.no_grad()
def rendered_pictures(folder: Path, number: int, seed: int, device: str) -> Annotated:
    """Random and critic-split scenes: half as rendered, half as ``folder/trained_vae`` reconstructs them, if it is
    there.
    """
    packed = torch.cat([scene_pool(None, number // 2, seed)[1], scene_pool("critic", number - number // 2, seed)[1]])
    packed = packed[torch.randperm(number, generator=torch.Generator().manual_seed(seed))]
    drawing = torch.Generator(device).manual_seed(seed)
    autoencoder = load_narrow(folder, "trained_vae").to(device) if (folder / "trained_vae").exists() else None
    batches = []
    for index, scenes in enumerate(packed.split(_BATCH)):
        pictures = pictures_of(scenes, drawing)
        if index % 2 and autoencoder is not None:
            latents = autoencoder.encode(pictures).latents
            amount = torch.rand(len(latents), 1, 1, 1, generator=drawing, device=device) * _LATENT_NOISE
            noisy = latents + amount * torch.randn(latents.shape, generator=drawing, device=device)
            pictures = autoencoder.decode(noisy).sample
        batches.append(as_uint8(pictures / 2 + 0.5).cpu())
    return Annotated(torch.cat(batches), _objects_of(packed))


@torch.no_grad()
def disturbed_pictures(folder: Path, number: int, seed: int, device: str) -> Annotated:
    """Reconstructions between two shapes: each object's latent on its way to another shape, noisy, annotated as seen.

    A generator's failures are of this kind, and these cost no sampling.
    """
    packed = torch.cat([scene_pool(None, number // 2, seed)[1], scene_pool("critic", number - number // 2, seed)[1]])
    drawing = torch.Generator(device).manual_seed(seed)
    autoencoder = load_narrow(folder, "trained_vae").to(device)

    def uniform(*shape: int) -> Tensor:
        return torch.rand(*shape, generator=drawing, device=device)

    batches = []
    for scenes in packed.split(_BATCH):
        reshaped = scenes.clone()
        shapes = torch.randint(0, len(SHAPES), scenes.shape[:2], generator=drawing, device=device).to(scenes)
        reshaped[..., 0] = torch.where(scenes[..., 0] >= 0, shapes, scenes[..., 0])
        start, end = (autoencoder.encode(pictures_of(packing, drawing)).latents for packing in (scenes, reshaped))
        weights = torch.nn.functional.interpolate(uniform(len(scenes), 1, 3, 3), size=start.shape[-2:])
        mixed = torch.lerp(start, end, weights)
        noise = torch.randn(mixed.shape, generator=drawing, device=device)
        pictures = autoencoder.decode(mixed + _DISTURBANCE * uniform(len(scenes), 1, 1, 1) * noise).sample
        batches.append(as_uint8(pictures / 2 + 0.5).cpu())
    pictures = torch.cat(batches)
    return Annotated(pictures, [detect(picture / 255) for picture in pictures])


def annotate(pictures: Tensor) -> Annotated:
    """Generated pictures (N, 3, SIDE, SIDE) in [0, 1] with what is visibly there, as the checker sees it."""
    return Annotated(as_uint8(pictures), [detect(picture) for picture in pictures])


def varied(data: Annotated, copies: int, seed: int) -> Annotated:
    """The pictures, and ``copies`` of each, moved by some pixels, and half of them with red and blue exchanged.

    That makes each of the world's colours another of them, but for purple. The copies are annotated by what is
    visible in them. Without them the pictures are learnt by heart.
    """
    rng = random.Random(seed)
    moved, size = [], SIDE + 2 * _SHIFT
    for picture, objects_of_picture in [*zip(data.pictures, data.objects)] * copies:
        exchanged = rng.random() < 0.5 and all(d.color != "purple" for d in objects_of_picture)
        wide = torch.nn.functional.pad(picture[None].float(), [_SHIFT] * 4, mode="replicate")[0].to(torch.uint8)
        x, y = rng.randint(0, size - SIDE), rng.randint(0, size - SIDE)
        cut = wide[:, y : y + SIDE, x : x + SIDE]
        moved.append(cut.flip(0) if exchanged else cut)
    objects = [detect(picture / 255) for picture in moved]
    return Annotated(torch.cat([data.pictures, torch.stack(moved)]), data.objects + objects)


def mirrored(objects: Sequence[Detection]) -> list[Detection]:
    """The objects of the mirrored picture, in reading order."""
    return _in_reading_order(
        [Detection(SIDE - d.x - d.width, d.y, d.width, d.height, d.noun, d.color) for d in objects]
    )


def _in_reading_order(objects: Sequence[Detection]) -> list[Detection]:
    return sorted(objects, key=lambda d: (d.center[1], d.center[0]))


def use_linear_patches(model: Any) -> None:
    """Run the patch embedding as the matrix product that it is: its 3-D convolution's backward is slow on CPUs."""
    embed = model.model.visual.patch_embed

    def forward(pixels: Tensor) -> Tensor:
        return torch.nn.functional.linear(pixels, embed.proj.weight.flatten(1), embed.proj.bias)

    embed.forward = forward


class Batches:
    """Turns annotated pictures into the model's inputs; each picture is mirrored half of the time."""

    def __init__(self, processor: Any, data: Annotated, device: str):
        self.processor, self.data, self.device = processor, data, device
        tokenizer = processor.tokenizer
        self.image_token = tokenizer.convert_tokens_to_ids("<|image_pad|>")
        image_tokens = (SIDE // (processor.image_processor.patch_size * processor.image_processor.merge_size)) ** 2
        self.questions = []
        for size in range(1, len(SHAPES) + 1):
            for nouns in itertools.permutations(SHAPES, size):
                text = processor.apply_chat_template(
                    [
                        {
                            "role": "user",
                            "content": [
                                {"type": "image"},
                                {"type": "text", "text": list_objects([Claim("count", noun, noun) for noun in nouns])},
                            ],
                        }
                    ],
                    add_generation_prompt=True,
                    tokenize=False,
                )
                text = text.replace("<|image_pad|>", "<|image_pad|>" * image_tokens)
                self.questions.append(torch.tensor(tokenizer(text).input_ids))

        def answers(objects: Sequence[Sequence[Detection]]) -> list[Tensor]:
            texts = [list_answer(objects_of_picture) for objects_of_picture in objects]
            return [torch.tensor(ids + [tokenizer.eos_token_id]) for ids in tokenizer(texts).input_ids]

        self.answers = answers(data.objects), answers(list(map(mirrored, data.objects)))

    def make(self, batch: int, generator: torch.Generator) -> dict[str, Tensor]:
        """Inputs and labels of one random batch."""

        def draw(high: int) -> list[int]:
            return torch.randint(0, high, (batch,), generator=generator, device=generator.device).tolist()

        rows, flips, questions = draw(len(self.data.pictures)), draw(2), draw(len(self.questions))
        pictures = [
            self.data.pictures[row].flip(-1) if flip else self.data.pictures[row] for row, flip in zip(rows, flips)
        ]
        images = self.processor.image_processor(images=pictures, return_tensors="pt")
        id_rows, label_rows = [], []
        for row, flip, question in zip(rows, flips, questions):
            prefix, answer = self.questions[question], self.answers[flip][row]
            id_rows.append(torch.cat([prefix, answer]))
            label_rows.append(torch.cat([torch.full_like(prefix, -100), answer]))
        padding = self.processor.tokenizer.pad_token_id
        ids = torch.nn.utils.rnn.pad_sequence(id_rows, batch_first=True, padding_value=padding)
        labels = torch.nn.utils.rnn.pad_sequence(label_rows, batch_first=True, padding_value=-100)
        inputs = {
            "input_ids": ids,
            "labels": labels,
            "attention_mask": (ids != padding).long(),
            "mm_token_type_ids": (ids == self.image_token).int(),
            "pixel_values": images["pixel_values"],
            "image_grid_thw": images["image_grid_thw"],
        }
        return {name: value.to(self.device) for name, value in inputs.items()}


def training_sources(folder: Path, pool: int, seed: int, device: str) -> list[Annotated]:
    """``pool`` renders and half as many disturbed ones with ``folder/trained_vae``, and ``folder/annotated*``, if
    there are any. Cached in ``folder/boxes_run`` and made again only if what they were made from is newer.
    """
    autoencoder = sorted((folder / "trained_vae").glob("*"))
    annotated = sorted(folder.glob("annotated*/objects.json"))

    def cached(name: str, inputs: Sequence[Path], make: Callable[[], Annotated]) -> Annotated:
        path = folder / "boxes_run" / f"{name}_{seed}"
        done = path / "objects.json"
        if not done.exists() or any(file.stat().st_mtime > done.stat().st_mtime for file in inputs):
            make().save(path)
        return Annotated.load(path)

    def generated() -> Annotated:
        collections = [Annotated.load(path.parent) for path in annotated]
        objects = [objects_of_picture for collection in collections for objects_of_picture in collection.objects]
        together = Annotated(torch.cat([collection.pictures for collection in collections]), objects)
        return varied(together, _VARIANTS, seed)

    sources = [cached(f"renders_{pool}", autoencoder, lambda: rendered_pictures(folder, pool, seed + 20, device))]
    if autoencoder:
        sources.append(
            cached(
                f"disturbed_{pool}",
                autoencoder,
                lambda: varied(disturbed_pictures(folder, pool // 2, seed + 30, device), _VARIANTS, seed),
            )
        )
    if annotated:
        sources.append(cached(f"generated_{len(annotated)}", annotated, generated))
    return sources


def train(
    folder: Path,
    steps: int,
    batch: int,
    seed: int,
    pool: int,
    max_seconds: float | None = None,
    learning_rate: float = 1.5e-3,
) -> dict:
    """Train on what ``training_sources`` gives; writes ``folder/boxes``."""
    device = default_device()
    torch.manual_seed(seed)
    processor = build_processor()
    trainer = Trainer(
        folder / "boxes_run", build_model(processor.tokenizer), steps, learning_rate, seed, device, decay=0.998
    )
    use_linear_patches(trainer.module)
    sources = [Batches(processor, source, device) for source in training_sources(folder, pool, seed, device)]

    def batch_loss(step: int, generator: torch.Generator) -> Tensor:
        # In turn: the generator's pictures are fewer than the others and would be learnt by heart alone.
        return trainer.module(**sources[step % len(sources)].make(batch, generator)).loss

    trainer.run(batch_loss, max_seconds=max_seconds)
    generated = sum(len(json.loads(path.read_text())) for path in folder.glob("annotated*/objects.json"))
    figures = {
        "model": "boxes",
        "steps": trainer.step,
        "batch": batch,
        "seed": seed,
        "renders": pool,
        "generated": generated,
        "seconds": round(trainer.seconds),
        "machine": machine(),
        "loss": trainer.losses[-1][1],
    }
    model = build_model(processor.tokenizer)
    model.load_state_dict(trainer.average.module.state_dict())
    save(folder / "boxes", model.eval(), processor)
    return figures
