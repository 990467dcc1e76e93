"""Training heads and correctors on made-up datasets: that it learns, that it goes on, and what it refuses."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
import torch
from safetensors.torch import load_file, save_file

from tests.support.made_up_dataset import PROMPTS, made_up
from tests.support.paths import CHECKOUT
from xlard.models.corrector import LatentCorrector
from xlard.models.head import RewardHead
from xlard.training.__main__ import main
from xlard.training.data import training_data
from xlard.training.head import usable_level
from xlard.training.report import corrector_report, head_report
from xlard.training.settings import CorrectorSettings, TrainingSettings
from xlard.training.train import train_corrector, train_head

pytestmark = pytest.mark.model

SMALL = TrainingSettings(steps=40, batch=16, learning_rate=3e-3, width=32, layers=1)


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    return made_up(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def head(dataset):
    return train_head([dataset], SMALL, dataset.folder / "runs" / "head", "cpu")


def test_a_head_learns_what_holds_for_prompts_that_it_has_not_seen(head, tmp_path) -> None:
    assert head.figures["auc"]["final"]["all"] > 0.8 and head.head.config.noise_level_range == (0.0, 0.9)
    assert head.figures["held_out_prompts"] >= 1 and len(head.validation) == 20
    assert head.losses[-1][1] < head.losses[0][1]
    text = head_report(head.figures, head.head.config.noise_level_range)
    assert "finished pictures" in text and "up to noise level 0.9" in text
    head.head.save(tmp_path / "head.safetensors")
    loaded = RewardHead.load(tmp_path / "head.safetensors")
    assert loaded.figures["auc"] == head.figures["auc"] and loaded.config == head.head.config


def test_training_leaves_the_caller_s_random_numbers_alone(dataset, tmp_path) -> None:
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    train_head([dataset], TrainingSettings(steps=1, batch=8, width=32, layers=1), tmp_path, "cpu")
    assert torch.rand(1) == expected


def test_no_prompt_is_in_two_groups_whichever_dataset_it_is_in(dataset, tmp_path) -> None:
    other = made_up(tmp_path, PROMPTS[:5], pictures=2, seed=1)
    data = training_data([dataset, other], seed=0)
    groups = [set(records.prompts) for records in (data.training, data.tuning, data.held_out)]
    assert not groups[0] & groups[1] and not groups[0] & groups[2] and not groups[1] & groups[2]
    assert len(set.union(*groups)) == len(PROMPTS)
    assert sum(len(records) for records in (data.training, data.tuning, data.held_out)) == (12 * 4 + 5 * 2) * 7
    assert data.encode(PROMPTS[:2]).shape == (2, 3, 16)


def test_a_corrector_is_distilled(dataset, tmp_path) -> None:
    settings = CorrectorSettings("distillation", noise_level_start=0.9, noise_level_end=0.5)
    trained = train_corrector([dataset], settings, SMALL, tmp_path / "run", "cpu")
    figures, corrector = trained.figures, trained.corrector
    assert figures["held_out_error_passed_after"] < figures["held_out_error_passed_before"] and figures["change"] > 0
    assert "0.9 to 0.5" in corrector_report(figures) and "holds for new prompts" in corrector_report(figures)
    records = dataset.records()
    failed = records.where((records.kinds == 1) & ~records.passed.bool())
    delta = corrector(failed.latents, dataset.encode(failed.prompts), failed.noise_level)
    assert delta[:, 0].mean() > 0.1, "towards the light, where pictures are right"
    corrector.save(tmp_path / "corrector.safetensors")
    assert LatentCorrector.load(tmp_path / "corrector.safetensors").config.noise_level_range == (0.5, 0.9)


def test_a_corrector_climbs_its_head_and_leaves_the_head_as_it_was(dataset, head, tmp_path) -> None:
    before = {name: value.clone() for name, value in head.head.state_dict().items()}
    trained = train_corrector(
        [dataset],
        CorrectorSettings("path-wise", noise_level_start=0.9, noise_level_end=0.5, anchor=0.1),
        SMALL,
        tmp_path,
        "cpu",
        head.head,
    )
    assert trained.figures["head_opinion_after"] > trained.figures["head_opinion_before"]
    assert "head's opinion" in corrector_report(trained.figures)
    assert all(torch.equal(value, before[name]) for name, value in head.head.state_dict().items())


def test_a_cancelled_training_goes_on_and_gives_the_same(dataset, head, tmp_path) -> None:
    def cancel(progress) -> None:
        if progress.step == 17:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        train_head([dataset], SMALL, tmp_path, "cpu", cancel)
    steps = []
    again = train_head([dataset], SMALL, tmp_path, "cpu", lambda progress: steps.append(progress.step))
    assert steps[0] == 18
    assert all(
        torch.allclose(value, again.head.state_dict()[name], atol=1e-5)
        for name, value in head.head.state_dict().items()
    )


def test_a_run_does_not_continue_with_other_settings_or_data(dataset, head, tmp_path) -> None:
    folder = dataset.folder / "runs" / "head"
    with pytest.raises(ValueError, match="batch: 16 then, 8 now"):
        train_head(
            [dataset], TrainingSettings(steps=40, batch=8, learning_rate=3e-3, width=32, layers=1), folder, "cpu"
        )
    with pytest.raises(ValueError, match="data: .* then, .* now"):
        train_head([dataset, made_up(tmp_path, pictures=2, seed=1)], SMALL, folder, "cpu")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"judged": 0}, "no verdict on any of the 48 pictures"),
        ({"prompts": PROMPTS[:4], "pictures": 3, "judged": 1}, "4 pictures with a verdict.*Collect more"),
        ({"prompts": PROMPTS[:1], "pictures": 3}, "3 pictures with a verdict.*Collect more"),
        ({"prompts": PROMPTS[:3], "pictures": 4}, "3 prompts.*at least four"),
        ({"right": lambda picture: True}, "All 48 pictures passed.*harder"),
        ({"right": lambda picture: False}, "All 48 pictures failed.*easier"),
        ({"latent": 2}, "2 x 2; smaller than 4 x 4"),
    ],
)
def test_what_cannot_be_trained_with_is_said_before_training(tmp_path, options, message) -> None:
    with pytest.raises(ValueError, match=message):
        train_head([made_up(tmp_path / "data", **options)], SMALL, tmp_path / "run", "cpu")
    assert not (tmp_path / "run").exists()


def test_damaged_latents_are_said(tmp_path) -> None:
    dataset = made_up(tmp_path / "data")
    for path in (tmp_path / "data" / "parts").iterdir():
        tensors = load_file(path)
        tensors["latents"][0, 0, 0, 0] = float("nan")
        save_file(tensors, path)
    with pytest.raises(ValueError, match="latents hold NaN"):
        train_head([dataset], SMALL, tmp_path / "run", "cpu")


def test_datasets_of_two_models_and_missing_parts_are_refused(dataset, head, tmp_path) -> None:
    with pytest.raises(ValueError, match="belongs to one model"):
        train_head([dataset, made_up(tmp_path / "other", base_model="another")], SMALL, tmp_path / "run", "cpu")
    with pytest.raises(ValueError, match="distillation, which needs none"):
        train_corrector([dataset], CorrectorSettings("path-wise"), SMALL, tmp_path / "run", "cpu")
    with pytest.raises(ValueError, match="between the noise levels 0.1 and 0.2"):
        train_corrector(
            [dataset],
            CorrectorSettings("distillation", noise_level_start=0.2, noise_level_end=0.1),
            SMALL,
            tmp_path / "run",
            "cpu",
        )
    with pytest.raises(ValueError, match="noise_level_start must be the higher"):
        CorrectorSettings(noise_level_start=0.2, noise_level_end=0.3)
    with pytest.raises(ValueError, match="multiple of 32"):
        TrainingSettings(width=50)


def test_a_head_without_a_level_is_not_to_be_relied_on(head) -> None:
    assert (
        usable_level({"x0 0.50": {"all": 0.7}, "x0 0.90": {"all": 0.55}, "final": {"all": 0.9}, "x0 0.95": {}}) == 0.5
    )
    assert usable_level({"final": {"all": 0.9}}) == 0.0
    # Right again above a level at which it was wrong is chance.
    assert usable_level({"x0 0.90": {"all": 0.8}, "x0 0.70": {"all": 0.5}, "x0 0.50": {"all": 0.7}}) == 0.5
    assert "Do not select" in head_report(head.figures, (0.0, 0.0))
    assert "Do not rely" in head_report({**head.figures, "auc": {"final": {}}}, (0.0, 0.0))


def command(*arguments: str) -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, *arguments], cwd=CHECKOUT, capture_output=True, text=True, timeout=100)


def test_the_command_line_trains_and_says_what_is_wrong(dataset, tmp_path, monkeypatch, capsys) -> None:
    size = ("--steps", "10", "--batch", "8", "--width", "32", "--layers", "1")
    data, out = str(dataset.folder), str(tmp_path / "small.safetensors")
    done = command("-m", "xlard.training", "head", "--data", data, "--out", out, *size)
    assert done.returncode == 0 and "Saved as" in done.stdout and RewardHead.load(out).config.width == 32, done.stderr
    assert (dataset.folder / "runs" / "small" / "state.safetensors").exists()

    def in_this_process(*arguments: str) -> int:
        monkeypatch.setattr(sys, "argv", ["xlard.training", *arguments])
        return main()

    assert in_this_process("measure", "--data", data, "--head", out) == 0
    measured = json.loads(capsys.readouterr().out)
    assert measured["pictures"] == 48 and -1 < measured["predicted_minus_judged"] < 1 and measured["auc"]["final"]
    levels = ("--noise-level-start", "0.9", "--learns-until", "0.5", "--objective", "path-wise", "--head", out)
    assert (
        in_this_process("corrector", "--data", data, "--out", str(tmp_path / "corrector.safetensors"), *size, *levels)
        == 0
    )
    assert LatentCorrector.load(tmp_path / "corrector.safetensors").figures["objective"] == "path-wise"
    assert in_this_process("corrector", "--data", str(tmp_path), "--out", out, *size) == 1
    assert capsys.readouterr().err.startswith("FileNotFoundError: There is no dataset")


def test_help_needs_no_torch() -> None:
    script = "import sys; from xlard.training.__main__ import _parser; assert 'torch' not in sys.modules; _parser()"
    assert command("-c", script).returncode == 0
