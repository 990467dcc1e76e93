"""The bundled weights: they load everywhere they should, keep their sizes, and the critic really sees."""

from __future__ import annotations

import random

import pytest
import torch

from xlard.critics.backend import CriticError
from xlard.critics.folder import CriticFolder
from xlard.prompts import claims_from_prompt
from xlard.worlds.shapes.architecture import CORRECTOR, CRITIC, DETECTOR, HEAD, PIPELINE, WEIGHTS
from xlard.worlds.shapes.prompts import PROMPTS
from xlard.worlds.shapes.render import render
from xlard.worlds.shapes.scenes import scene_of
from xlard.worlds.shapes.vocabulary import SIDE
from xlard.worlds.shapes.world import ShapesWorld

pytestmark = pytest.mark.model


@pytest.fixture(scope="module")
def world() -> ShapesWorld:
    return ShapesWorld()


def test_the_files_are_small_enough_to_ship() -> None:
    sizes = {path: path.stat().st_size for path in WEIGHTS.rglob("*.safetensors")}
    assert {HEAD, CORRECTOR, CRITIC / "model.safetensors", DETECTOR / "model.safetensors"} <= set(sizes)
    assert sizes[DETECTOR / "model.safetensors"] < 8e6
    assert max(sizes.values()) < 15e6 and sum(sizes.values()) < 40e6
    assert not [path for path in WEIGHTS.rglob("*") if path.suffix in (".bin", ".pt", ".pth", ".ckpt", ".pkl")]


def test_diffusers_runs_the_pipeline_folder(world: ShapesWorld) -> None:
    from diffusers import DiffusionPipeline

    pipeline = DiffusionPipeline.from_pretrained(PIPELINE, local_files_only=True)
    pipeline.set_progress_bar_config(disable=True)
    noise = torch.randn(1, 4, SIDE // 8, SIDE // 8, generator=torch.Generator().manual_seed(3))
    images = pipeline(
        "a red circle",
        num_inference_steps=20,
        guidance_scale=4.0,
        height=SIDE,
        width=SIDE,
        latents=noise,
        output_type="pt",
    ).images
    ours = world.decoder.decode(world.sampler(["a red circle"]).generate([0], [3])).permute(0, 3, 1, 2)
    # First-order DPM-Solver++ is Euler's method on the flow, so both draw the same picture.
    assert (images - ours).abs().mean() < 0.02


def test_resuming_from_pure_noise_is_generating(world: ShapesWorld) -> None:
    sampler = world.sampler(["a red circle", "two squares"])
    drawn = sampler.generate([0, 1], [5, 6])
    assert torch.allclose(sampler.resume(torch.zeros_like(drawn), 1.0, [0, 1], [5, 6]), drawn)
    assert torch.allclose(sampler.generate([1], [6]), drawn[1:], atol=1e-4)
    assert (sampler.nfe(), sampler.nfe(0.9), sampler.nfe(0.5)) == (20, 18, 10)


def test_cells_are_drawn_from_noise_levels_of_their_own(world: ShapesWorld) -> None:
    sampler, seeds = world.sampler(["a red circle"]), [6]
    start = sampler.generate([0], [5])
    half = torch.zeros(1, 12, 12, dtype=torch.bool)
    half[..., 6:] = True
    everywhere, mixed = torch.full((1, 12, 12), 0.5), half * 0.5
    mixed[..., :3] = 1.0
    assert torch.equal(
        sampler.resume(start, 1.0, [0], seeds, regions=half), sampler.resume(start, 1.0, [0], seeds, regions=half * 1.0)
    )
    # Until half of the noise is gone all of it is as it was, so it begins there.
    late, resumed = sampler.resume(start, 1.0, [0], seeds, regions=everywhere), sampler.resume(start, 0.5, [0], seeds)
    assert torch.allclose(late, resumed, atol=1e-4) and not torch.allclose(late, start, atol=0.1)
    drawn = sampler.resume(start, 1.0, [0], seeds, regions=mixed)
    assert torch.equal(drawn[..., 3:6], start[..., 3:6])
    assert all((drawn[..., part] != start[..., part]).any() for part in (slice(0, 3), slice(6, 12)))


def test_pictures_become_latents_and_pictures_again(world: ShapesWorld) -> None:
    images = world.decoder.decode(world.sampler(["a red circle"]).generate([0], [5]))
    assert (world.decoder.decode(world.decoder.encode(images)) - images).abs().mean() < 0.03


def test_the_critic_reads_renders(world: ShapesWorld) -> None:
    rng = random.Random(11)
    prompts = [prompt.text for prompt in PROMPTS.sample_prompts("test", 40, rng)]
    images = render([scene_of(text, rng) for text in prompts], 1).permute(0, 2, 3, 1)
    critiques = world.critic().judge(images, [claims_from_prompt(text) for text in prompts])
    assert sum(critique.abstained for critique in critiques) == 0
    assert sum(critique.passed for critique in critiques) >= 34
    assert all(0 < critique.confidence <= 1 for critique in critiques)


def test_the_detector_reads_renders(world: ShapesWorld) -> None:
    rng = random.Random(12)
    prompts = [prompt.text for prompt in PROMPTS.sample_prompts("test", 40, rng)]
    images = render([scene_of(text, rng) for text in prompts], 2).permute(0, 2, 3, 1)
    critiques = world.detector().judge(images, [claims_from_prompt(text) for text in prompts])
    assert sum(critique.passed for critique in critiques) >= 34


def test_a_batch_and_a_single_picture_are_judged_alike(world: ShapesWorld) -> None:
    images = render(
        [scene_of("two red circles", random.Random(0)), scene_of("a green square", random.Random(1))]
    ).permute(0, 2, 3, 1)
    claims = [claims_from_prompt("two red circles"), claims_from_prompt("a green square and a blue triangle")]
    critic = world.critic()
    together, alone = critic.judge(images, claims), critic.judge(images[1:], claims[1:])
    assert together[1].answer == alone[0].answer and together[0].passed and not together[1].passed


def test_the_critic_can_be_interrupted_at_any_token(world: ShapesWorld) -> None:
    class Stop(Exception):
        pass

    def stop() -> None:
        raise Stop

    critic = world.critic()
    critic.backend.check_interrupt = stop
    images = render([scene_of("a red circle", random.Random(0))]).permute(0, 2, 3, 1)
    with pytest.raises(Stop):
        critic.judge(images, [claims_from_prompt("a red circle")])
    critic.backend.check_interrupt = lambda: None
    assert critic.judge(images, [claims_from_prompt("a red circle")])[0].answer


def test_a_missing_or_damaged_critic_says_so(tmp_path) -> None:
    with pytest.raises(FileNotFoundError, match="config.json is missing"):
        CriticFolder(tmp_path)
    for path in CRITIC.iterdir():
        (tmp_path / path.name).write_bytes(
            path.read_bytes()[:5000] if path.suffix == ".safetensors" else path.read_bytes()
        )
    with pytest.raises(CriticError, match="Copy or download"):
        CriticFolder(tmp_path).load_module()
