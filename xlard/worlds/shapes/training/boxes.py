"""Train the critic to list objects with boxes: on renders, on their reconstructions, disturbed ones too, and on the
generator's own annotated pictures.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from torch import Tensor

from ....detections import Detection
from ....training.trainer import default_device
from ...training.annotated import Annotated
from ...training.critic import LISTING, train_critic
from ..checker import as_uint8, detect
from ..scenes import Thing
from ..vocabulary import COLOR_NAMES, COLORS, SHAPES, SIDE
from ..world import ShapesWorld
from .autoencoder import load_narrow
from .scenes import pictures_of, scene_pool

_LATENT_NOISE = 0.1
_DISTURBANCE = 0.25
_VARIANTS = 5
_SHIFT = 6
_BATCH = 50


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
    """Pictures (N, 3, SIDE, SIDE) in [0, 1] with what is visibly there, as the checker sees it."""
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
    world = ShapesWorld(folder, default_device())
    figures = train_critic(
        world,
        folder / "boxes_run",
        folder / "boxes",
        LISTING,
        lambda: training_sources(folder, pool, seed, world.device),
        None,
        steps,
        batch,
        seed,
        learning_rate,
        max_seconds,
    )
    generated = sum(len(json.loads(path.read_text())) for path in folder.glob("annotated*/objects.json"))
    return {"model": "boxes", "renders": pool, "generated": generated, **figures}
