"""The trainings of the things world's generator, checker and critic, tiny: what they write, and that they continue."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from safetensors.torch import load_file
from transformers import AutoTokenizer

from tests.support.things_icons import discs
from xlard.worlds.shapes.architecture import CRITIC
from xlard.worlds.things.__main__ import main
from xlard.worlds.things.autoencoder import build_autoencoder, save_autoencoder
from xlard.worlds.things.checker import ThingsChecker
from xlard.worlds.things.training import checker, generator, labelled, latents
from xlard.worlds.things.vocabulary import SIDE
from xlard.worlds.things.world import ThingsWorld

pytestmark = pytest.mark.model

WIDTHS = {"encoder_width": 8, "decoder_width": 8}


@pytest.fixture(scope="module", autouse=True)
def without_network() -> Any:
    with pytest.MonkeyPatch.context() as patch:
        for module in (checker, labelled, latents):
            patch.setattr(module, "load_icons", lambda _: discs())
        patch.setattr(generator, "FRESH_LATENTS", 8)
        patch.setattr(generator, "SHOWN", ("a cat on grass",))
        patch.setattr(checker, "FRESH_RENDERS", 8)
        yield


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("things")
    save_autoencoder(path / "autoencoder.safetensors", build_autoencoder(**WIDTHS), WIDTHS, {})
    options = ["--out", str(path), "--steps", "2", "--batch", "2", "--pool", "4"]
    main(["train", "generator", *options, "--validate-every", "2"])
    main(["train", "checker", *options, "--validate-every", "2", "--width", "4"])
    for stage in ("seeing", "boxes", "critic"):
        main(["train", "critic", *options, "--stage", stage])
    return path


def test_a_generator_is_a_pipeline_and_a_sheet_of_its_pictures(folder: Path) -> None:
    world = ThingsWorld(folder)
    pictures = world.decoder.decode(world.sampler(["two dogs", "a red cup"], steps=2).generate([0, 1], [0, 1]))
    assert pictures.shape == (2, SIDE, SIDE, 3) and torch.isfinite(pictures).all()
    with Image.open(folder / "generator.png") as sheet:
        assert sheet.size == (2 * SIDE, SIDE)
    figures = json.loads((folder / "generator.json").read_text())
    assert figures["samples"] == 4 and "train generator --steps 2" in figures["command"]


def test_a_training_continues_where_it_stopped(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--out", str(folder), "--steps", "3", "--batch", "2", "--pool", "4", "--validate-every", "2"]
    main(["train", "generator", *options])
    assert "generator: continuing from step 2" in capsys.readouterr().out
    assert json.loads((folder / "generator.json").read_text())["steps"] == 3


def test_a_generator_begins_with_the_weights_of_a_pipeline(folder: Path, tmp_path: Path) -> None:
    shutil.copy(folder / "autoencoder.safetensors", tmp_path)
    begin = folder / "pipeline"
    options = ["--steps", "1", "--batch", "2", "--pool", "4", "--learning-rate", "0", "--begin", str(begin)]
    main(["train", "generator", "--out", str(tmp_path), *options])
    name = "unet/diffusion_pytorch_model.safetensors"
    before, after = (load_file(path / name) for path in (begin, tmp_path / "pipeline"))
    assert all(torch.equal(value, after[key]) for key, value in before.items())
    with pytest.raises(FileNotFoundError, match="nowhere"):
        main(["train", "generator", "--out", str(folder), "--begin", "nowhere"])


def test_the_checker_is_a_file_with_its_figures(folder: Path) -> None:
    critiques = ThingsChecker(folder / "checker.safetensors").judge(torch.zeros(1, SIDE, SIDE, 3), [[]])
    assert len(critiques) == 1
    figures = json.loads((folder / "checker.json").read_text())
    assert set(figures["renders"]) == set(figures["reconstructions"]) == {"objects", "places"}


def test_the_critic_is_a_folder_that_answers(folder: Path) -> None:
    asked = ThingsWorld(folder).critic().backend
    assert asked.seen_size(torch.zeros(SIDE, SIDE, 3)) == (SIDE, SIDE)
    figures = json.loads((folder / "critic.json").read_text())
    assert figures["steps"] == figures["boxes"]["steps"] == figures["boxes"]["seeing"]["steps"] == 2


def test_a_critic_begins_with_what_another_worlds_critic_knows(folder: Path, tmp_path: Path) -> None:
    shutil.copy(folder / "autoencoder.safetensors", tmp_path)
    options = ["--stage", "boxes", "--steps", "1", "--batch", "2", "--pool", "4", "--learning-rate", "0"]
    main(["train", "critic", "--out", str(tmp_path), *options, "--begin", str(CRITIC)])
    before, after = (load_file(path / "model.safetensors") for path in (CRITIC, tmp_path / "boxes"))
    rows, others = (AutoTokenizer.from_pretrained(path).get_vocab() for path in (CRITIC, tmp_path / "boxes"))
    words = "model.language_model.embed_tokens.weight"
    assert all(torch.equal(before[words][rows[word]], after[words][others[word]]) for word in (" red", "yes", "[", "7"))
    same = [name for name in before if not name.endswith(("embed_tokens.weight", "pos_embed.weight"))]
    assert all(torch.equal(before[name], after[name]) for name in same)
    assert len(after["model.visual.pos_embed.weight"]) == (SIDE // 8) ** 2


def test_the_generator_is_evaluated_by_the_checker(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["evaluate", "--out", str(folder), "--split", "validation", "--number", "4", "--repeats", "1"])
    figures = json.loads((folder / "evaluation_validation.json").read_text())
    assert figures["pictures"] > 0 and 0 <= figures["accuracy"]["overall"] <= 1 and "readable" in figures
    assert str(figures["pictures"]) in capsys.readouterr().out


def test_without_an_autoencoder_the_generator_says_what_to_train_first(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="Train the autoencoder first"):
        main(["train", "generator", "--out", str(tmp_path)])
