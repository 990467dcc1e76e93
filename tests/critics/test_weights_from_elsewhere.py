"""A critic's folder whose files have weights read from elsewhere, or unpickled."""

from __future__ import annotations

import json
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from xlard.critics.backend import CriticError
from xlard.critics.folder import CriticFolder
from xlard.worlds.shapes.architecture import CRITIC

pytestmark = pytest.mark.model


class Bomb:
    """Fails the test where it is unpickled."""

    def __reduce__(self) -> tuple:
        return pytest.fail, ("it was unpickled",)


def listed(folder: Path, file: str) -> None:
    """Have the folder's index name one file for a weight, beside a file of safetensors without weights."""
    (folder / "model.safetensors").rename(folder.parent / "other.safetensors")
    (folder / "a.safetensors").write_bytes(b"")
    index = {"metadata": {}, "weight_map": {"lm_head.weight": file}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index), encoding="utf-8")


def with_pickle(folder: Path) -> None:
    listed(folder, "b.bin")
    (folder / "b.bin").write_bytes(pickle.dumps(Bomb()))


FOLDERS: dict[str, tuple[Callable[[Path], object], str]] = {
    "above": (
        lambda folder: listed(folder, "../other.safetensors"),
        "names other files than safetensors of this folder .'../other.safetensors'.. Copy or download",
    ),
    "drive": (lambda folder: listed(folder, "C:\\other.safetensors"), "names other files"),
    "no text": (lambda folder: listed(folder, 3), "its list of weights cannot be read"),
    "pickle": (with_pickle, "names other files than safetensors of this folder .'b.bin'"),
    "adapter": (
        lambda folder: (folder / "adapter_config.json").write_text("{}"),
        "it holds an adapter .* Merge the adapter into its model",
    ),
}


@pytest.mark.parametrize("name", FOLDERS)
def test_it_is_refused(tmp_path, name: str) -> None:
    change, message = FOLDERS[name]
    folder = Path(shutil.copytree(CRITIC, tmp_path / "critic"))
    change(folder)
    with pytest.raises(CriticError, match=message):
        CriticFolder(folder).load_module()
