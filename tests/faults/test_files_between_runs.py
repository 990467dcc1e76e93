"""Files that are removed, cut or changed between runs: refused by name, and what the others hold is not touched."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from tests.support.made_up_dataset import PROMPTS, made_up
from tests.support.written import WRITTEN, fingerprint
from xlard.training.dataset import Dataset

pytestmark = pytest.mark.faults


def flip(path: Path, place: int) -> None:
    """Turn a bit of a file around."""
    content = bytearray(path.read_bytes())
    content[place] ^= 0x10
    path.write_bytes(content)


DAMAGES: dict[str, Callable[[Path], object]] = {
    "removed": Path.unlink,
    "emptied": lambda path: path.write_bytes(b""),
    "cut": lambda path: path.write_bytes(path.read_bytes()[: path.stat().st_size // 2]),
    "overwritten": lambda path: path.write_bytes(b"<!DOCTYPE html>" * 40),
    "a bit at its end": lambda path: flip(path, -3),
    "a bit at its beginning": lambda path: flip(path, 1),
}

FILES = {
    "header": "dataset.json",
    "list": "pictures.jsonl",
    "first part": "parts/0.safetensors",
    "last part": "parts/2.safetensors",
    "embedding": "contexts/*.safetensors",
}


def seen(folder: Path) -> dict[str, torch.Tensor]:
    """What a training reads of a data set."""
    dataset = Dataset.load(folder)
    records = dataset.records()
    return {
        "latents": records.latents,
        "finals": records.finals,
        "rewards": records.rewards,
        "embeddings": dataset.encode(PROMPTS[:3]),
    }


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("file", FILES)
def test_a_data_set_with_a_damaged_file(tmp_path, file: str, damage: str) -> None:
    made_up(tmp_path, PROMPTS[:3])
    before, pictures = seen(tmp_path), WRITTEN["data set"].read(tmp_path)
    (path, *_) = sorted(tmp_path.glob(FILES[file]))
    DAMAGES[damage](path)

    refused = ""
    try:
        read = seen(tmp_path)
    except (ValueError, FileNotFoundError) as error:
        refused = str(error)
        assert path.name in refused or str(tmp_path) in refused
    else:
        # Of a list that was cut, the pictures on lines that are whole count.
        listed = len(WRITTEN["data set"].read(tmp_path)) if file == "list" else len(pictures)
        rows = len(before["latents"]) * listed // len(pictures)
        lengths = {"latents": rows, "rewards": rows, "finals": listed, "embeddings": None}
        assert listed and all(torch.equal(read[name], values[: lengths[name]]) for name, values in before.items())

    # What is collected now takes nobody's place.
    try:
        made_up(tmp_path, PROMPTS[3:4], seed=1)
    except ValueError as error:
        assert path.name in str(error)
        return
    dataset = Dataset.load(tmp_path)
    assert len(dataset.pictures()) >= 4
    for picture in dataset.pictures():
        job = (picture.prompt, picture.seed)
        if job in pictures:
            try:
                latent = dataset.finals(picture.part)[picture.place]
            except ValueError as error:
                assert str(picture.part) in str(error) and refused
                continue
            assert fingerprint([latent]) == pictures[job]


def test_without_its_header_a_data_set_takes_no_pictures_of_another_model(tmp_path) -> None:
    made_up(tmp_path, PROMPTS[:1])
    (tmp_path / "dataset.json").unlink()
    with pytest.raises(ValueError, match="has lost its dataset.json"):
        made_up(tmp_path, PROMPTS[1:2], base_model="another")


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("file", ["state.safetensors", "run.json"])
def test_a_training_with_a_damaged_file(tmp_path, file: str, damage: str) -> None:
    written, whole, broken = WRITTEN["training"], tmp_path / "whole", tmp_path / "broken"
    written.first(whole)
    after = written.read(whole)
    written.first(broken)
    DAMAGES[damage](broken / "run" / file)
    try:
        assert written.read(broken) == after
    except ValueError as error:
        assert file in str(error) and "Delete" in str(error)
        assert file == "state.safetensors"


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_head_with_a_damaged_file(tmp_path, damage: str) -> None:
    written = WRITTEN["head"]
    written.first(tmp_path)
    DAMAGES[damage](tmp_path / "head.safetensors")
    with pytest.raises((ValueError, FileNotFoundError), match="head.safetensors"):
        written.read(tmp_path)
