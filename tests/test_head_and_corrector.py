"""The reward head and the corrector: shapes, bounds, identities, files, and that training moves them."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import save_file

from xlard.corrector import CorrectorConfig, LatentCorrector, attribution_map, project, relative_norm
from xlard.critique import ASPECTS, Detection
from xlard.head import HeadConfig, RewardHead, overall_reward
from xlard.training.corrector import corrector_batch, corrector_loss, failed
from xlard.training.head import auc, head_batch, head_figures, head_loss
from xlard.training.records import NO_REWARD, Records, draw, join
from xlard.training.regions import RegionalHead, asked_for, region_targets, seen_labels

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
    latents, context, sigma = inputs(2, *size)
    prediction = small_head()(latents, context, sigma)
    assert prediction.rewards.shape == (2, len(ASPECTS)) == prediction.deviations.shape
    assert ((prediction.rewards > 0) & (prediction.rewards < 1)).all() and (prediction.deviations > 0).all()
    assert small_corrector()(latents, context, sigma).shape == latents.shape


def test_a_map_adds_up_to_its_reward() -> None:
    prediction = small_head()(*inputs())
    assert torch.allclose(prediction.maps.mean(dim=(-2, -1)).sigmoid(), prediction.rewards, atol=1e-6)


def test_a_new_corrector_changes_nothing() -> None:
    assert not small_corrector()(*inputs()).any()


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
    latents, context, sigma = inputs()
    for bad, words in ((torch.randn(1, 16, 8, 8), f"This {what} was trained for 4-channel latents .a test model.; the latent has 16"),
                       (torch.zeros(1, 4, 0, 8), "no empty side"), (latents * float("nan"), "NaN"),
                       (torch.randn(1, 4, 2, 8, 8), "shape")):
        with pytest.raises(ValueError, match=words):
            build()(bad, context, sigma)
    with pytest.raises(ValueError, match="width 16"):
        build()(latents, torch.randn(3, 5, 77), sigma)


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
    assert torch.allclose(overall_reward(prediction, [prediction.index(["count"]), prediction.index(["count", "position"])]), expected)


def toy_records(number: int = 64) -> Records:
    """The reward is whether the mean of the first channel is positive; a prompt for every four pictures."""
    torch.manual_seed(3)
    latents = torch.randn(number, CHANNELS, 4, 4) * 0.3
    right = torch.arange(number) % 2 == 0
    latents[:, 0] += torch.where(right, 1.0, -1.0)[:, None, None]
    rewards = torch.full((number, len(ASPECTS)), NO_REWARD)
    rewards[:, 0] = right.float()
    return Records([f"prompt {row // 4}" for row in range(number)], {0.0: latents, 0.8: latents * 0.7}, rewards, right, torch.ones(number),
                   [[Detection(0, 0, 5, 5, "circle", "red")] for _ in range(number)])


def encode(prompts):
    return torch.zeros(len(prompts), 2, WIDTH)


def trained_head(steps: int = 80) -> RewardHead:
    head, records = small_head(), toy_records()
    optimizer = torch.optim.AdamW(head.parameters(), lr=3e-3)
    for step in range(steps):
        inputs, shown = head_batch([records], encode, 16, torch.Generator().manual_seed(step), "cpu")
        loss = head_loss(head(*inputs), shown.rewards, shown.confidence)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return head.eval().requires_grad_(False)


def test_a_head_learns_and_a_corrector_follows_it() -> None:
    head, records = trained_head(), toy_records()
    figures = head_figures(head, records, encode, "cpu")
    assert figures["0.0"]["all"] > 0.95 and figures["0.8"]["count"] > 0.95 and "color" not in figures["0.0"]
    corrector = small_corrector(trust_region=2.0)
    optimizer = torch.optim.AdamW(corrector.parameters(), lr=3e-3)
    latents, context, sigma, known = corrector_batch(failed([records], [0.8]), encode, [0.0, 0.8], 32, torch.Generator().manual_seed(0), "cpu")
    before = (head(latents, context, sigma).rewards * known).sum() / known.sum()
    for _ in range(60):
        loss = corrector_loss(corrector, head, latents, context, sigma, known, anchor=0.01, caution=0.0)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    after = (head(latents + corrector(latents, context, sigma), context, sigma).rewards * known).sum() / known.sum()
    assert after > before + 0.2


def test_auc_counts_ties_as_half() -> None:
    assert auc(torch.tensor([1.0, 0.5, 0.5]), torch.tensor([True, True, False])) == (1.5, 2.0)


def test_records_survive_their_files(tmp_path) -> None:
    records = toy_records(8)
    records.save(tmp_path / "a")
    read = join([Records.load(tmp_path / "a"), records.rows([1, 2])])
    assert len(read) == 10 and read.prompts[:8] == records.prompts and torch.equal(read.rewards[:8], records.rewards)
    assert torch.allclose(read.latents[0.8][:8], records.latents[0.8], atol=1e-2)
    assert read.objects == records.objects + records.objects[1:3]


def test_batches_are_drawn_from_collections_with_different_noise_levels() -> None:
    whole, resumed = toy_records(16), toy_records(16)
    del resumed.latents[0.8]
    resumed.rewards[:, 0] = 0.25
    records, sigma = draw([whole, resumed], None, 200, torch.Generator().manual_seed(0))
    levels_of_resumed = sigma[records.rewards[:, 0] == 0.25]
    assert len(records) == 200 and 50 < len(levels_of_resumed) < 150 and (levels_of_resumed == 0).all()
    assert 25 < (sigma == 0.8).sum() < 100
    assert failed([whole, resumed], [0.8])[0].passed.sum() == 0 and len(failed([whole, resumed], [0.8])) == 1


def test_regional_targets_name_the_object_in_its_cell() -> None:
    objects = [[Detection(0, 0, 20, 20, "circle", "red"), Detection(70, 40, 20, 20, "square", "blue")], []]
    targets = region_targets(objects, ["blue square", "red circle"], 6, 6, 96)
    assert targets.shape == (2, 36) and targets[1].sum() == 0
    assert targets[0].unflatten(0, (6, 6)).nonzero().tolist() == [[0, 0], [3, 5]]
    assert targets[0, 0] == 2 and targets[0, 3 * 6 + 5] == 1


def test_what_a_prompt_asks_for_is_known_object_by_object() -> None:
    objects = [Detection(0, 0, 9, 9, "circle", "red"), Detection(0, 0, 9, 9, "circle", "blue"), Detection(0, 0, 9, 9, "square", "red")]
    assert asked_for(objects, "two red circles") == [True, False, False]
    assert asked_for(objects, "a circle and a blue square") == [True, True, False]


def test_a_head_learns_where_objects_are() -> None:
    records = toy_records()
    assert seen_labels([records]) == ["red circle"]
    torch.manual_seed(0)
    regional = RegionalHead(small_head(), seen_labels([records]), 8)
    optimizer = torch.optim.AdamW(regional.parameters(), lr=3e-3)
    losses = []
    for step in range(40):
        inputs, shown = head_batch([records], encode, 16, torch.Generator().manual_seed(step), "cpu")
        losses.append(regional.loss(regional.head(*inputs), shown))
        optimizer.zero_grad()
        losses[-1].backward()
        optimizer.step()
    assert losses[-1] < 0.3 * losses[0]
