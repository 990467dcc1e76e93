"""The reward head and the corrector: shapes, bounds, identities, files."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import save_file

from xlard.aspects import ASPECTS
from xlard.models.corrector import CorrectorConfig, LatentCorrector, attribution_map, project, relative_norm
from xlard.models.head import LATENT_KINDS, HeadConfig, RewardHead, overall_reward

CHANNELS, WIDTH = 4, 16


def small_head(**changes) -> RewardHead:
    torch.manual_seed(0)
    return RewardHead(HeadConfig(CHANNELS, WIDTH, "a test model", width=32, layers=1, **changes))


def small_corrector(**changes) -> LatentCorrector:
    torch.manual_seed(0)
    return LatentCorrector(CorrectorConfig(CHANNELS, WIDTH, "a test model", width=32, layers=1, heads=4, **changes))


def inputs(batch: int = 3, height: int = 8, width: int = 8):
    torch.manual_seed(1)
    return torch.randn(batch, CHANNELS, height, width), torch.randn(batch, 5, WIDTH), torch.rand(batch)


@pytest.mark.parametrize("size", [(8, 8), (7, 9), (1, 1), (12, 20)])
def test_any_size_goes_through(size: tuple[int, int]) -> None:
    latents, context, noise_level = inputs(2, *size)
    prediction = small_head()(latents, context, noise_level)
    assert prediction.rewards.shape == (2, len(ASPECTS)) == prediction.deviations.shape
    assert ((prediction.rewards > 0) & (prediction.rewards < 1)).all() and (prediction.deviations > 0).all()
    assert small_corrector()(latents, context, noise_level).shape == latents.shape


def test_a_map_adds_up_to_its_reward() -> None:
    prediction = small_head()(*inputs())
    assert torch.allclose(prediction.maps.mean(dim=(-2, -1)).sigmoid(), prediction.rewards, atol=1e-6)


def test_a_new_corrector_changes_nothing() -> None:
    assert not small_corrector()(*inputs()).any()


@pytest.mark.parametrize("build", [small_head, small_corrector])
def test_zeros_behind_a_shorter_prompt_change_nothing(build) -> None:
    module, (latents, context, noise_level) = build(), inputs()
    for parameter in module.parameters():
        torch.nn.init.normal_(parameter, std=0.2)

    def read(context):
        found = module(latents, context, noise_level)
        return found if isinstance(found, torch.Tensor) else found.maps

    padded = torch.cat([context, torch.zeros(3, 7, WIDTH)], dim=1)
    assert torch.allclose(read(padded), read(context), atol=1e-4)
    nothing = read(torch.zeros_like(context))
    assert nothing.isfinite().all() and not torch.allclose(nothing, read(context), atol=1e-2)


@settings(deadline=None)
@given(st.floats(0.01, 1.0), st.floats(0.001, 1000.0))
def test_the_trust_region_is_a_hard_bound(region: float, size: float) -> None:
    latents, *_ = inputs()
    delta = project(torch.randn_like(latents) * size, latents, region)
    assert (relative_norm(delta, latents) <= region * 1.001).all()


def test_inside_the_trust_region_nothing_is_changed() -> None:
    latents, *_ = inputs()
    delta = latents * 0.01
    assert torch.equal(project(delta, latents, 0.3), delta)


def test_the_attribution_map_is_where_the_residual_is() -> None:
    delta = torch.zeros(1, CHANNELS, 4, 4)
    delta[0, :, 1, 2] = -3
    assert attribution_map(delta)[0, 1, 2] == 1 and attribution_map(delta).sum() == 1


@pytest.mark.parametrize(("build", "what"), [(small_head, "head"), (small_corrector, "corrector")])
def test_wrong_inputs_name_cause_and_mend(build, what: str) -> None:
    latents, context, noise_level = inputs()
    for bad, words in (
        (torch.randn(1, 16, 8, 8), f"This {what} was trained for 4-channel latents .a test model.; the latent has 16"),
        (torch.zeros(1, 4, 0, 8), "no empty side"),
        (latents * float("nan"), "NaN"),
        (torch.randn(1, 4, 2, 8, 8), "shape"),
    ):
        with pytest.raises(ValueError, match=words):
            build()(bad, context, noise_level)
    with pytest.raises(ValueError, match="width 16"):
        build()(latents, torch.randn(3, 5, 77), noise_level)


@pytest.mark.parametrize("build", [small_head, small_corrector])
def test_a_file_gives_the_same_module_back(build, tmp_path) -> None:
    module = build()
    module.figures = {"steps": 7}
    torch.nn.init.normal_(next(module.parameters()), std=0.1)
    module.save(tmp_path / "file.safetensors")
    loaded = type(module).load(tmp_path / "file.safetensors")
    assert loaded.config == module.config and loaded.figures == {"steps": 7}
    for name, value in module.state_dict().items():
        assert torch.allclose(loaded.state_dict()[name], value, atol=1e-3), name
    assert not list(tmp_path.glob("*.part"))


def test_bad_files_say_what_is_wrong(tmp_path) -> None:
    path = tmp_path / "head.safetensors"
    with pytest.raises(FileNotFoundError, match="There is no head file"):
        RewardHead.load(path)
    small_head().save(path)
    with pytest.raises(ValueError, match="is not a corrector file .it is: head."):
        LatentCorrector.load(path)
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(ValueError, match="damaged or cut short"):
        RewardHead.load(path)
    save_file({"weight": torch.zeros(1)}, path)
    with pytest.raises(ValueError, match="no xLARD file"):
        RewardHead.load(path)


def test_the_overall_reward_is_over_the_pictures_own_aspects() -> None:
    prediction = small_head()(*inputs(2))
    rewards = prediction.rewards
    expected = torch.stack([rewards[0, 0], rewards[1, 0] * rewards[1, 2]])
    assert torch.allclose(
        overall_reward(prediction, [prediction.columns(["count"]), prediction.columns(["count", "position"])]), expected
    )


def test_latents_of_any_scale_and_number_of_channels_are_read() -> None:
    for channels, scale in ((4, 8.0), (16, 0.5), (128, 1.0)):
        torch.manual_seed(0)
        corrector = LatentCorrector(
            CorrectorConfig(channels, WIDTH, "a test model", width=32, layers=1, heads=4, trust_region=9.0)
        )
        torch.nn.init.normal_(corrector.out.weight, std=0.1)
        latents, context, noise_level = (
            torch.randn(2, channels, 8, 8) * scale + 3,
            torch.randn(2, 5, WIDTH),
            torch.rand(2),
        )
        corrector.body.scale_to(latents)
        seen = []
        corrector.body.embed.register_forward_hook(lambda module, inputs, output: seen.append(inputs[0]))
        delta = corrector(latents, context, noise_level)
        assert abs(seen[0].mean()) < 0.1 and 0.8 < seen[0].std() < 1.2
        # The same weights on the same latents in other units give the same residual in those units.
        corrector.body.scale_to(latents / 10)
        assert torch.allclose(corrector(latents / 10, context, noise_level) * 10, delta, atol=1e-3 * scale)


def test_a_head_knows_what_kind_of_latent_it_reads() -> None:
    head = small_head()
    torch.nn.init.normal_(head.body.kind.weight)
    torch.nn.init.normal_(head.body.blocks[0].film.weight)
    latents, context, _ = inputs()
    level = torch.full((3,), 0.5)

    def read(kind: str | None, noise_level=level):
        return head(
            latents, context, noise_level, None if kind is None else torch.full((3,), LATENT_KINDS.index(kind))
        ).rewards

    assert torch.equal(read(None), read("x0")) and not torch.allclose(read("noisy"), read("x0"))
    assert torch.equal(read(None, level * 0), read("final", level * 0))
