"""The training of the things world's autoencoder, tiny: it continues after a stop, begins with weights, and exports."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.support.things_icons import discs
from xlard.worlds.things.__main__ import main
from xlard.worlds.things.autoencoder import load_autoencoder
from xlard.worlds.things.training import autoencoder as training
from xlard.worlds.things.training import renders as renders_module
from xlard.worlds.things.training.reconstruction import evaluate
from xlard.worlds.things.training.renders import draw_renders
from xlard.worlds.things.vocabulary import SIDE
from xlard.worlds.training.schedule import falling_at_the_end

pytestmark = pytest.mark.model

TINY = {
    "steps": 6,
    "batch": 2,
    "crop": 32,
    "on_objects": 0.6,
    "encoder_width": 8,
    "decoder_width": 8,
    "learning_rate": 0.1,
    "pool": 4,
    "seed": 0,
    "validate_every": 3,
}


@pytest.fixture(scope="module", autouse=True)
def without_network() -> Any:
    with pytest.MonkeyPatch.context() as patch:
        for module in (training, renders_module):
            patch.setattr(module, "load_icons", lambda _: discs())
        patch.setattr(training, "FRESH_RENDERS", 4)
        yield


def train(folder: Path, **options: Any) -> dict[str, Any]:
    return training.train(folder, "the command", **{**TINY, **options})


def weights(file: Path) -> dict[str, torch.Tensor]:
    return load_autoencoder(file)[0].state_dict()


@pytest.fixture(scope="module")
def trained(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("things")
    train(folder)
    return folder


def test_a_run_that_is_stopped_continues_as_if_it_had_not_been(trained: Path, tmp_path: Path) -> None:
    assert train(tmp_path, max_seconds=1e-9)["steps"] == 1
    first = weights(tmp_path / "autoencoder.safetensors")
    assert train(tmp_path)["steps"] == 6
    resumed = weights(tmp_path / "autoencoder.safetensors")
    for name, value in weights(trained / "autoencoder.safetensors").items():
        assert torch.allclose(value, resumed[name], atol=5e-4), name
    assert any((first[name] - resumed[name]).abs().max() > 3e-3 for name in first)


def test_the_file_says_how_it_was_made_and_how_good_it_is(trained: Path) -> None:
    autoencoder, figures = load_autoencoder(trained / "autoencoder.safetensors")
    assert (figures["command"], figures["seed"], figures["steps"]) == ("the command", 0, 6)
    assert figures["time"] and figures["machine"] and figures["begin"] is None
    measured = evaluate(autoencoder, draw_renders(4, discs()), "cpu")
    assert {name: figures[name] for name in measured} == pytest.approx(measured, abs=2e-3)
    assert autoencoder.config.scaling_factor == pytest.approx(1 / figures["latent_std"], abs=1e-3)
    latents = autoencoder.encode(torch.zeros(1, 3, SIDE, SIDE)).latents
    assert latents.shape == (1, 16, SIDE // 8, SIDE // 8) and len(figures["preview_factors"]) == 17
    assert (trained / "autoencoder.png").exists()


def test_a_saved_state_is_exported_by_the_command_without_training(trained: Path) -> None:
    file = trained / "autoencoder.safetensors"
    expected, state = weights(file), (trained / "autoencoder" / "state.safetensors").stat().st_mtime_ns
    file.unlink()
    options = [f"--{name.replace('_', '-')}={value}" for name, value in TINY.items()]
    main(["train", "autoencoder", "--out", str(trained), "--export", *options])
    assert all(torch.equal(value, expected[name]) for name, value in weights(file).items())
    assert (trained / "autoencoder" / "state.safetensors").stat().st_mtime_ns == state
    figures = json.loads((trained / "autoencoder.json").read_text())
    assert figures["command"].startswith("python -m xlard.worlds.things train autoencoder --steps 6 --batch 2")
    assert "--export" not in figures["command"]


def test_a_run_may_begin_with_weights_of_the_same_widths(trained: Path, tmp_path: Path) -> None:
    begin = trained / "autoencoder.safetensors"
    figures = train(tmp_path, begin=begin, learning_rate=1e-9, max_seconds=1e-9)
    assert figures["begin"]["file"] == begin.name and figures["begin"]["steps"] == 6
    begun = weights(tmp_path / "autoencoder.safetensors")
    assert all(torch.allclose(value, begun[name], atol=1e-5) for name, value in weights(begin).items())
    with pytest.raises(ValueError, match="Give --encoder-width 8 --decoder-width 8"):
        train(tmp_path, begin=begin, encoder_width=16)
    with pytest.raises(ValueError, match="a copy of it under another name"):
        train(trained, begin=begin)


def test_without_a_saved_state_there_is_nothing_to_export(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="without --export"):
        train(tmp_path, export=True)


def test_the_learning_rate_rises_stays_and_falls() -> None:
    rates = [falling_at_the_end(step, 10_000) for step in (0, 99, 199, 7000, 8500, 9999)]
    assert rates == pytest.approx([1 / 200, 0.5, 1, 1, 0.5, 0.01])
