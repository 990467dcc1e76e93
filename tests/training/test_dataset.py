"""Datasets on disk, and collecting into them with models that are made up."""

from __future__ import annotations

import errno
import random
from dataclasses import replace

import pytest
import torch

from tests.support.made_up_dataset import contents
from xlard import files
from xlard.detections import Detection
from xlard.guidance.base import StepwiseGuidance
from xlard.loop.strategies import REARRANGE_NOISE_LEVEL
from xlard.models.head import LATENT_KINDS
from xlard.prompts import claims_from_prompt
from xlard.rewards import critique_from_detections
from xlard.training.collect import CollectSettings, collect, judge_again
from xlard.training.dataset import Dataset, Source
from xlard.training.records import FINAL, NO_REWARD, X0
from xlard.training.summary import summarise_dataset

SOURCE = Source("made up", "Family/Latents", 2, 3)
PROMPTS = ["one circle", "two circles", "three circles", "a red square"]
SETTINGS = CollectSettings(levels=(0.9, 0.5), views=3)


class FakeSampler:
    """Ten steps, at each of which the x0 prediction is the level; a seed is the number of circles that are drawn."""

    def __init__(self, prompts):
        self.prompts = prompts

    def context(self, rows):
        return (
            torch.stack([torch.full((len(self.prompts[row].split()), 3), len(self.prompts[row]) / 64) for row in rows])
            if len({len(self.prompts[row].split()) for row in rows}) == 1
            else torch.zeros(len(rows), 4, 3)
        )

    def generate(self, rows, seeds, guidance=None):
        for step in range(10):
            after = guidance.apply(torch.full((len(rows), 2, 4, 4), 1 - step / 10), 1 - step / 10)
        assert after.shape == (len(rows), 2, 4, 4)
        return torch.tensor(seeds, dtype=torch.float32).view(-1, 1, 1, 1).expand(-1, 2, 4, 4)

    def predict(self, latents, noise_level, rows, seeds):
        return latents + noise_level


class FakeDecoder:
    def decode(self, latents):
        return latents[:, :1].repeat_interleave(8, 2).repeat_interleave(8, 3).movedim(1, -1).expand(-1, -1, -1, 3)


class FakeJudge:
    """Sees as many circles as the picture is bright, and ``more``."""

    def __init__(self, more: int = 0):
        self.more, self.judged = more, 0

    def judge(self, images, claims):
        self.judged += len(images)
        return [
            critique_from_detections(
                picture_claims,
                [Detection(8.0 * n, 0, 4, 4, "circle", "red") for n in range(min(int(image[0, 0, 0]), 50) + self.more)],
                32,
            )
            for image, picture_claims in zip(images, claims)
        ]


def jobs(prompts=PROMPTS, seeds=(1, 2)):
    return [[(prompt, seed) for seed in seeds] for prompt in prompts]


def collected(folder, groups=None, judge=None, **options) -> Dataset:
    dataset = Dataset.open(folder, SOURCE)
    collect(
        dataset, groups or jobs(), FakeSampler, FakeDecoder(), judge or FakeJudge(), **{"settings": SETTINGS, **options}
    )
    return dataset


def test_what_is_collected_comes_back(tmp_path) -> None:
    collected(tmp_path)
    records = Dataset.load(tmp_path).records()
    assert len(records) == 8 * 6 and records.finals.shape == (8, 2, 4, 4) and records.side == 32.0
    third = records.where(records.pictures == 2)
    assert third.prompts == ["two circles"] * 6 and third.kinds.tolist() == [FINAL] + [X0] * 5
    assert third.renoised.tolist() == [False] * 3 + [True] * 3
    assert third.noise_level[:3].tolist() == pytest.approx([0.0, 0.9, 0.5])
    assert third.latents[:, 0, 0, 0].tolist() == pytest.approx(
        [1, 0.9, 0.5, *(third.noise_level[3:] + 1).tolist()], abs=1e-3
    )
    assert torch.equal(records.targets[:, 0, 0, 0], records.finals[records.pictures, 0, 0, 0])
    passed = {
        records.prompts[row]: records.passed[records.pictures == records.pictures[row]].all().item()
        for row in range(12, 24)
    }
    assert passed == {"two circles": True} and [len(objects) for objects in records.objects] == [1, 2] * 4
    assert records.rewards[0].tolist() == [1.0] + [NO_REWARD] * 5 and len(LATENT_KINDS) == 3


def test_a_corrector_s_pictures_are_other_pictures(tmp_path) -> None:
    dataset = collected(tmp_path)
    collected(tmp_path, guidance_for=lambda sampler, rows: StepwiseGuidance(lambda x0, level: x0 + 0.25))
    assert dataset.done("sampled") == dataset.done("corrected") and len(dataset.pictures()) == 16
    assert dataset.records().latents[8 * 6 + 1, 0, 0, 0].item() == pytest.approx(1.15, abs=1e-3), (
        "what sampling went on from"
    )


def test_it_goes_on_where_it_stopped_and_draws_the_same(tmp_path) -> None:
    class Cancelled(Exception):
        pass

    def cancel(done, total, critiques, images):
        assert total == 8 and len(critiques) == len(images) == 2
        if done == 4:
            raise Cancelled

    with pytest.raises(Cancelled):
        collected(tmp_path / "stopped", on_batch=cancel)
    assert len(Dataset.load(tmp_path / "stopped").records().finals) == 4
    judge, progress = FakeJudge(), []
    collected(tmp_path / "stopped", judge=judge, on_batch=lambda done, total, *_: progress.append((done, total)))
    collected(tmp_path / "straight")
    assert judge.judged == 4 and progress == [(6, 8), (8, 8)]
    stopped, straight = (contents(tmp_path / name) for name in ("stopped", "straight"))
    assert stopped == straight
    collected(tmp_path / "stopped", judge=judge)
    assert judge.judged == 4 and contents(tmp_path / "stopped") == straight


def test_a_line_that_was_cut_off_is_ignored_and_then_cut_away(tmp_path) -> None:
    dataset = collected(tmp_path)
    path = tmp_path / "pictures.jsonl"
    path.write_bytes(path.read_bytes()[:-20])
    assert len(dataset.pictures()) == 7 and ("a red square", 2) not in dataset.done()
    collected(tmp_path)
    assert len(dataset.pictures()) == 8 and len(dataset.records()) == 48


@pytest.mark.parametrize("call", range(4), ids=["dataset", "context", "part", "line"])
def test_a_full_disk_leaves_what_was_there(tmp_path, monkeypatch, call) -> None:
    if call:
        collected(tmp_path)
    before, calls = contents(tmp_path), []

    def full(descriptor: int) -> None:
        calls.append(descriptor)
        if len(calls) == max(call, 1):
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(files.os, "fsync", full)
    with pytest.raises(OSError, match=r"disk is full: .* MB were to be written to .*, .* MB are free.*Free some space"):
        collected(tmp_path, jobs(["five circles"]))
    after = contents(tmp_path)
    assert {name: after.get(name) for name in before} == before
    assert not [name for name in set(after) - set(before) if not name.startswith("contexts/")]
    monkeypatch.undo()
    assert len(collected(tmp_path, jobs(["five circles"])).records().finals) == (10 if call else 2)


def test_damage_is_named_with_its_fix(tmp_path) -> None:
    dataset = collected(tmp_path)
    lines = (tmp_path / "pictures.jsonl").read_text()
    (tmp_path / "pictures.jsonl").write_text(lines.replace("{", "", 1))
    with pytest.raises(ValueError, match=r"Line 1 of .*pictures.jsonl is damaged .*Delete the line"):
        dataset.pictures()
    (tmp_path / "pictures.jsonl").write_text(lines)
    for name, read in (("parts/1.safetensors", dataset.records), ("dataset.json", lambda: Dataset.load(tmp_path))):
        whole = (tmp_path / name).read_bytes()
        (tmp_path / name).write_bytes(whole[:-30])
        with pytest.raises(ValueError, match=rf"{name} is .*damaged.*collect again"):
            read()
        (tmp_path / name).write_bytes(whole)
    (tmp_path / "parts" / "1.safetensors").unlink()
    with pytest.raises(ValueError, match="1.safetensors is missing"):
        dataset.records()


@pytest.mark.parametrize(
    "field, value", [("base_model", "other"), ("family", "SDXL/SDXL"), ("latent_channels", 16), ("context_width", 768)]
)
def test_another_model_needs_another_name(tmp_path, field, value) -> None:
    collected(tmp_path)
    with pytest.raises(ValueError, match=rf"{field.replace('_', ' ')} .*, not {value}.*another name"):
        Dataset.open(tmp_path, replace(SOURCE, **{field: value}))


def test_another_size_needs_another_name(tmp_path) -> None:
    dataset = collected(tmp_path)

    class Wide(FakeDecoder):
        def decode(self, latents):
            return super().decode(latents).repeat(1, 1, 2, 1)

    with pytest.raises(ValueError, match="holds pictures of 32 pixels"):
        collect(dataset, jobs(seeds=(7,)), FakeSampler, Wide(), FakeJudge(), SETTINGS)


def test_missing_and_empty_ones_say_so(tmp_path) -> None:
    with pytest.raises(FileNotFoundError, match="no dataset in"):
        Dataset.load(tmp_path)
    with pytest.raises(ValueError, match="holds no pictures"):
        Dataset.open(tmp_path, SOURCE).records()
    assert not list(tmp_path.iterdir())


def test_prompts_are_encoded_as_they_were(tmp_path) -> None:
    dataset = collected(tmp_path)
    encoded = dataset.encode(["a red square", "one circle"])
    assert encoded.shape == (2, 3, 3) and encoded.dtype == torch.float32
    assert encoded[1, :, 0].tolist() == [len("one circle") / 64] * 2 + [0.0]
    with pytest.raises(ValueError, match="no embedding of the prompt 'a cube'"):
        dataset.encode(["a cube"])


def test_the_split_is_of_prompts_and_stays(tmp_path) -> None:
    many = [f"{number} circles" for number in range(2, 42)]
    dataset = collected(tmp_path, jobs(many, seeds=(1,)))
    training, validation = dataset.split(0.25, 3)
    assert (
        set(training) | set(validation) == set(many)
        and not set(training) & set(validation)
        and 4 <= len(validation) <= 16
    )
    assert dataset.split(0.25, 3) == (training, validation) != dataset.split(0.25, 4)
    assert [len(part) for part in dataset.split(0.0)] == [39, 1] and [len(part) for part in dataset.split(1.0)] == [
        1,
        39,
    ]
    collected(tmp_path, jobs(["50 circles"]))
    assert set(validation) <= set(dataset.split(0.25, 3)[1])
    records = dataset.records(training)
    assert set(records.prompts) == set(training) and len(records.finals) == len(training)


def test_a_split_needs_four_prompts(tmp_path) -> None:
    with pytest.raises(ValueError, match="has 3 prompts.*at least four"):
        collected(tmp_path, jobs(PROMPTS[:3])).split(0.2)


def with_other_prompts(**options) -> CollectSettings:
    def other_prompt(prompt: str, objects, rng: random.Random) -> str:
        assert len(objects) and prompt in PROMPTS
        return rng.choice(["two circles", "four circles", "three squares"])

    return CollectSettings(views=5, other_prompt=other_prompt, **options)


def test_views_may_be_read_with_other_prompts(tmp_path) -> None:
    dataset = collected(tmp_path, settings=with_other_prompts(other_prompt_share=1.0))
    records = dataset.records()
    assert not any(
        prompt in ("four circles", "three squares")
        for prompt, renoised in zip(records.prompts, records.renoised)
        if not renoised
    )
    other = [
        row for row, prompt in enumerate(records.prompts) if prompt in ("two circles", "four circles", "three squares")
    ]
    assert len(other) > 30
    for row in other:
        critique = critique_from_detections(claims_from_prompt(records.prompts[row]), records.seen[row], 32)
        assert records.passed[row] == critique.passed and records.rewards[row, 0] == pytest.approx(
            critique.rewards["count"]
        )
    assert dataset.encode(["three squares"]).shape == (1, 2, 3)
    assert "two circles" not in dataset.records(["one circle", "a red square"]).prompts, "another picture's prompt"
    assert "three squares" in dataset.records(["one circle", "a red square"]).prompts


def test_pictures_can_be_judged_again(tmp_path) -> None:
    dataset = collected(tmp_path, settings=with_other_prompts(other_prompt_share=0.5))
    before = dataset.records()
    judge_again(dataset, FakeDecoder(), FakeJudge(more=1))
    after = dataset.records()
    assert after.prompts == before.prompts and torch.equal(after.latents, before.latents)
    assert [len(objects) for objects in after.objects] == [2, 3] * 4
    for row, prompt in enumerate(after.prompts):
        assert after.passed[row] == critique_from_detections(claims_from_prompt(prompt), after.seen[row], 32).passed


def test_a_prompt_that_says_nothing_is_named_and_skipped(tmp_path, caplog) -> None:
    dataset = collected(tmp_path, jobs(["one circle", "gloomy mood"]))
    assert {picture.prompt for picture in dataset.pictures()} == {"one circle"}
    assert caplog.messages == ["Skipped, nothing to check: the prompt 'gloomy mood'"]


def test_prompts_that_all_say_nothing_are_refused_before_anything_is_drawn(tmp_path) -> None:
    with pytest.raises(ValueError, match="No claim could be read out of the prompts 'hmm', 'masterpiece'"):
        collected(tmp_path, jobs(["hmm", "masterpiece"]), claims_for=lambda prompt: [])
    assert not list(tmp_path.iterdir())


def test_latents_that_are_not_finite_are_refused(tmp_path) -> None:
    dataset = collected(tmp_path)
    with pytest.raises(ValueError, match="NaN or infinite latents"):
        collected(tmp_path, jobs(seeds=(100_000,)))
    assert len(dataset.pictures()) == 8


def test_the_summary_counts(tmp_path) -> None:
    text = summarise_dataset(collected(tmp_path))
    assert "8 pictures of 4 prompts, 48 latents" in text and "2 prompts have both" in text
    assert "25 % are right" in text and "count: 25 % of 8" in text and "color: 0 % of 2" in text


class Corners:
    """Sampler, decoder and judge of pictures with a circle, two cells wide, in as many corners as the seed says."""

    places = [(0, 0), (0, 10), (10, 0), (10, 10)]

    def context(self, rows):
        return torch.zeros(len(rows), 4, 3)

    def generate(self, rows, seeds, guidance=None):
        latents = torch.zeros(len(rows), 2, 12, 12)
        for latent, seed in zip(latents, seeds):
            for row, column in self.places[:seed]:
                latent[:, row : row + 2, column : column + 2] = 1
        guidance.apply(latents, 0.9)
        return latents

    def resume(self, latents, noise_level, rows, seeds, guidance=None, regions=None):
        assert noise_level == REARRANGE_NOISE_LEVEL and regions.any()
        return latents

    def decode(self, latents):
        return latents[:, :1].repeat_interleave(8, 2).repeat_interleave(8, 3).movedim(1, -1).expand(-1, -1, -1, 3)

    def judge(self, images, claims):
        objects = [
            [
                Detection(8 * column, 8 * row, 16, 16, "circle")
                for row, column in self.places
                if (image[8 * row : 8 * row + 16, 8 * column : 8 * column + 16] > 0.9).all()
            ]
            for image in images
        ]
        return [
            critique_from_detections(picture_claims, in_picture, 96)
            for picture_claims, in_picture in zip(claims, objects)
        ]


def test_failed_pictures_are_repaired_and_kept_beside_what_they_were(tmp_path) -> None:
    world, dataset = Corners(), Dataset.open(tmp_path, SOURCE)
    groups = [[("one circle", 1), ("one circle", 3)], [("two circles", 3), ("two circles", 4)]]
    settings = CollectSettings(levels=(0.9,), views=0, repair_pairs=True)
    collect(dataset, groups, lambda prompts: world, world, world, settings)
    assert [picture.repair is not None for picture in dataset.pictures()] == [False, True, True, True]
    assert '"mended": 4' in (tmp_path / "pictures.jsonl").read_text(), "files keep their keys"
    records = Dataset.load(tmp_path).records()
    assert records.repaired.sum() == 6 and not records.passed[records.repaired].any()
    claims = [claims_from_prompt(text) for text in ("one circle", "two circles", "two circles")]
    critiques = world.judge(world.decode(records.repairs), claims)
    assert all(critique.passed for critique in critiques)
    assert "3 of 3 that failed were repaired" in summarise_dataset(dataset)


class BrokenDecoder(FakeDecoder):
    """Pictures of these seeds are NaN."""

    def __init__(self, *seeds: int):
        self.seeds = seeds

    def decode(self, latents):
        images = super().decode(latents).clone()
        for image, latent in zip(images, latents):
            if latent.flatten()[0].item() in self.seeds:
                image[:] = float("nan")
        return images


def test_what_is_no_picture_is_not_collected(tmp_path, caplog) -> None:
    dataset = Dataset.open(tmp_path, SOURCE)
    groups = [[("one circle", 1), ("two circles", 2)], [("one circle", 3)]]
    drawn = collect(dataset, groups, FakeSampler, BrokenDecoder(2, 3), FakeJudge(), settings=SETTINGS)
    assert drawn == 1 and dataset.done("sampled") == {("one circle", 1)}
    assert "1 pictures are left out. The VAE gave a picture with NaN" in caplog.text
    # What was left out is drawn by the next run.
    assert collect(dataset, groups, FakeSampler, FakeDecoder(), FakeJudge(), settings=SETTINGS) == 2


def test_pictures_that_are_all_none_end_a_collection(tmp_path) -> None:
    dataset = Dataset.open(tmp_path, SOURCE)
    groups = [[("one circle", seed)] for seed in range(1, 20)]
    with pytest.raises(ValueError, match="8 groups of pictures in a row hold none .* fp32"):
        collect(dataset, groups, FakeSampler, BrokenDecoder(*range(1, 20)), FakeJudge(), settings=SETTINGS)
