"""The training of the things world's edit model, tiny: what it begins with, what it writes, and that it continues."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import UNet2DConditionModel
from safetensors.torch import load_file
from transformers import AutoTokenizer

from tests.support.things_icons import discs
from xlard.worlds.things.__main__ import main
from xlard.worlds.things.architecture import EDIT_TOKENS, build_text_encoder, build_unet
from xlard.worlds.things.autoencoder import LATENT_CHANNELS, build_autoencoder, save_autoencoder
from xlard.worlds.things.prompts import vocabulary
from xlard.worlds.things.training import edit, edit_latents
from xlard.worlds.tokenizer import build_prompt_tokenizer
from xlard.worlds.training.generator import Generator, save_pipeline

pytestmark = pytest.mark.model

WIDTHS = {"encoder_width": 8, "decoder_width": 8}
UNET, TEXT = "unet/diffusion_pytorch_model.safetensors", "text_encoder/model.safetensors"


@pytest.fixture(scope="module", autouse=True)
def without_network() -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(edit_latents, "load_icons", lambda _: discs())
        patch.setattr(edit, "FRESH_PAIRS", 8)
        yield


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """A generator of random weights, and an edit model that began with it and learnt nothing."""
    path = tmp_path_factory.mktemp("things")
    save_autoencoder(path / "autoencoder.safetensors", build_autoencoder(**WIDTHS), WIDTHS, {})
    torch.manual_seed(0)
    tokenizer = build_prompt_tokenizer(vocabulary(), 24)
    generator = Generator(build_unet(), build_text_encoder(tokenizer))
    save_pipeline(path / "pipeline", generator, tokenizer, build_autoencoder(**WIDTHS))
    train(path, steps=1, rate=0)
    return path


def train(path: Path, steps: int, rate: float = 1e-3, *more: str) -> None:
    options = ["--steps", str(steps), "--batch", "2", "--pool", "4", "--learning-rate", str(rate)]
    main(["train", "edit", "--out", str(path), *options, "--validate-every", "2", *more])


def test_it_begins_as_the_generator_and_does_not_see_the_picture(folder: Path) -> None:
    before, after = (
        UNet2DConditionModel.from_pretrained(folder / name / "unet").float() for name in ("pipeline", edit.PIPELINE)
    )
    noisy, source = torch.randn(2, 1, LATENT_CHANNELS, 16, 16)
    context, level = torch.randn(1, 7, 128), torch.tensor([500.0])
    with torch.no_grad():
        drawn = before(noisy, level, encoder_hidden_states=context).sample
        edited = after(torch.cat([noisy, source], dim=1), level, encoder_hidden_states=context).sample
    assert torch.allclose(drawn, edited, atol=1e-4)


def test_it_knows_the_generator_s_words_and_has_new_ones(folder: Path) -> None:
    known, words = (
        AutoTokenizer.from_pretrained(folder / name / "tokenizer").get_vocab() for name in ("pipeline", edit.PIPELINE)
    )
    (before,), (after,) = (
        [value for name, value in load_file(folder / name / TEXT).items() if "token_embedding" in name]
        for name in ("pipeline", edit.PIPELINE)
    )
    assert {"remove", "keep", ";"} <= set(words) - set(known)
    assert all(torch.equal(before[known[word]], after[words[word]]) for word in ("cat", "red", "left"))
    tokenizer = AutoTokenizer.from_pretrained(folder / edit.PIPELINE / "tokenizer")
    assert tokenizer.model_max_length == EDIT_TOKENS


def test_a_training_learns_to_see_the_picture_and_continues(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("autoencoder.safetensors", "pipeline"):
        copy = shutil.copytree if (folder / name).is_dir() else shutil.copy
        copy(folder / name, tmp_path / name)
    train(tmp_path, 2)
    train(tmp_path, 3)
    assert "edit: continuing from step 2" in capsys.readouterr().out
    figures = json.loads((tmp_path / "edit.json").read_text())
    assert (figures["steps"], figures["samples"]) == (3, 6) and "train edit --steps 3" in figures["command"]
    first = load_file(tmp_path / edit.PIPELINE / UNET)["conv_in.weight"]
    assert first.shape[1] == 2 * LATENT_CHANNELS and first[:, LATENT_CHANNELS:].abs().max() > 0
    assert sum(file.stat().st_size for file in (tmp_path / edit.PIPELINE).rglob("*.safetensors")) < 25e6


def test_without_a_generator_or_an_autoencoder_it_says_what_to_train_first(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="Train the autoencoder first"):
        train(tmp_path, 1)
    shutil.copy(folder / "autoencoder.safetensors", tmp_path)
    with pytest.raises(FileNotFoundError, match="Train the generator first"):
        train(tmp_path, 1)
    with pytest.raises(FileNotFoundError, match="no saved state"):
        train(tmp_path, 1, 0, "--export")
