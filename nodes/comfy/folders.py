"""The model folders of the pack and what lies in them."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from itertools import chain, count
from pathlib import Path

import folder_paths

from .compat.jobs import add_folder

HEADS, CORRECTORS = "xlard_heads", "xlard_correctors"
CRITICS = ("xlard_critics", "LLM")
DETECTORS = ("xlard_detectors",)
SEGMENTERS = ("xlard_segmenters",)
CLIPS = ("xlard_clips",)
_ROLES = {CRITICS: "critic", DETECTORS: "detector", SEGMENTERS: "segmenter", CLIPS: "CLIP"}
_EXAMPLES = {
    CRITICS: " One that fits 12 GB: hf download Qwen/Qwen3-VL-4B-Instruct --local-dir "
    "models/xlard/critics/Qwen3-VL-4B-Instruct (9 GB, huggingface.co/Qwen/Qwen3-VL-4B-Instruct).",
    DETECTORS: " A small one: hf download IDEA-Research/grounding-dino-tiny --local-dir "
    "models/xlard/detectors/grounding-dino-tiny (0.7 GB, huggingface.co/IDEA-Research/grounding-dino-tiny).",
    SEGMENTERS: " A small one: hf download facebook/sam2.1-hiera-tiny --local-dir "
    "models/xlard/segmenters/sam2.1-hiera-tiny (0.2 GB, huggingface.co/facebook/sam2.1-hiera-tiny).",
    CLIPS: " One that many use: hf download openai/clip-vit-large-patch14 --local-dir "
    "models/xlard/clips/clip-vit-large-patch14 (1.7 GB, huggingface.co/openai/clip-vit-large-patch14), or choose "
    "pixels.",
}
"""A model of each kind, as a command with its size and address."""

_DEPTH = 2
_LONGEST_STEP, _MOST_STEPS = 180, 8
"""Bytes of a file's name, so that there is room for a number and an ending, and folders in a name."""

_UNSTORABLE = re.compile(r'[<>:"|?*\x00-\x1f]|[. ]$|^(con|prn|aux|nul|com\d|lpt\d)(\.|$)', re.IGNORECASE)


def register() -> None:
    """Make ``models/xlard/{heads,correctors,critics,detectors,segmenters,clips}`` and ``models/LLM`` known to ComfyUI,
    safetensors only.

    What ``extra_model_paths.yaml`` or another pack has registered under these names stays.
    """
    for name, folder in _pack_folders().items():
        add_folder(name, folder, ".safetensors")


def _pack_folders() -> dict[str, Path]:
    models = Path(folder_paths.models_dir)
    return {
        HEADS: models / "xlard" / "heads",
        CORRECTORS: models / "xlard" / "correctors",
        CRITICS[0]: models / "xlard" / "critics",
        CRITICS[1]: models / "LLM",
        DETECTORS[0]: models / "xlard" / "detectors",
        SEGMENTERS[0]: models / "xlard" / "segmenters",
        CLIPS[0]: models / "xlard" / "clips",
    }


def files(kind: str) -> list[str]:
    """Names of the safetensors files of a kind (``HEADS`` or ``CORRECTORS``)."""
    return [name for name in folder_paths.get_filename_list(kind) if name.endswith(".safetensors")]


def file_path(kind: str, name: str) -> Path:
    """The path of a file that ``files`` listed; raises FileNotFoundError if it is gone."""
    path = folder_paths.get_full_path(kind, name)
    if path is None:
        raise FileNotFoundError(
            f"There is no {name} in {' or '.join(folder_paths.get_folder_paths(kind))}. "
            "Put the file there, or choose another and press R to refresh the list."
        )
    return Path(path)


def inside(folder: Path, name: str) -> Path:
    """The path of something in ``folder`` that an artist has named; ``/`` makes a folder in it.

    Raises ValueError for an empty name, one that leads out of the folder, or one that some system cannot store.
    """
    steps = name.strip().replace("\\", "/").split("/")
    fix = "Write a plain name, for example sdxl_first."
    if any(step in ("", ".", "..") for step in steps):
        raise ValueError(f"{name!r} does not name anything in {folder}. {fix}")
    if any(_UNSTORABLE.search(step) for step in steps):
        raise ValueError(
            f"The name {name!r} cannot be stored on every system, because of its punctuation or because Windows keeps"
            f" it for itself. {fix}"
        )
    if any(len(step.encode("utf-8", "replace")) > _LONGEST_STEP for step in steps) or len(steps) > _MOST_STEPS:
        raise ValueError(f"The name {name[:_LONGEST_STEP]!r} is too long to be stored on every system. {fix}")
    path = folder.joinpath(*steps)
    if not path.resolve().is_relative_to(folder.resolve()):
        raise ValueError(f"{path} leads out of {folder}, through a link. {fix}")
    return path


def new_file(kind: str, name: str, overwrite: bool) -> Path:
    """Where to save a file of a kind (``HEADS`` or ``CORRECTORS``) in the pack's folder: with a number appended if the
    name is taken, unless ``overwrite``. Raises ValueError as ``inside``.
    """
    path = inside(_pack_folders()[kind], name.strip().removesuffix(".safetensors"))
    path = path.with_name(f"{path.name}.safetensors")
    if overwrite:
        return path
    numbered = (path.with_stem(f"{path.stem}_{number}") for number in count(2))
    return next(free for free in chain([path], numbered) if not free.exists())


def _model_folders(kinds: Sequence[str]) -> dict[str, Path]:
    folders: dict[str, Path] = {}
    for base in (Path(path) for kind in kinds for path in folder_paths.get_folder_paths(kind)):
        for depth in range(1, _DEPTH + 1):
            for config in sorted(base.glob("/".join(["*"] * depth + ["config.json"]))):
                folders.setdefault(config.parent.relative_to(base).as_posix(), config.parent)
    return folders


def model_folders(kinds: Sequence[str]) -> list[str]:
    """Names of the folders of ``CRITICS``, ``DETECTORS``, ``SEGMENTERS`` or ``CLIPS``: those that hold a
    ``config.json``, at most two levels deep.
    """
    return sorted(_model_folders(kinds))


def model_folder(kinds: Sequence[str], name: str) -> Path:
    """The folder that ``model_folders`` listed under a name; raises FileNotFoundError if it is gone."""
    folders = _model_folders(kinds)
    if name not in folders:
        raise FileNotFoundError(_missing(kinds, name))
    return folders[name]


def is_there(kinds: Sequence[str], name: object) -> bool | str:
    """Whether ``model_folder`` has this name, or what is missing and where to get it, for ``validate_inputs``: so the
    artist hears of it before anything is sampled. A name that comes over a wire, None here, is not known yet.
    """
    known = isinstance(name, str) and name in _model_folders(kinds)
    return name is None or known or f"{_missing(kinds, name)}{_EXAMPLES[tuple(kinds)]}"


def _missing(kinds: Sequence[str], name: object) -> str:
    places = " or ".join(path for kind in kinds for path in folder_paths.get_folder_paths(kind))
    return (
        f"There is no {_ROLES[tuple(kinds)]} '{name}' in {places}. Put the model's folder, with its "
        "config.json, there, or choose another and press R to refresh the list."
    )


def folder_fingerprint(folder: Path) -> str:
    """``fingerprint`` of all files of a model's folder that are read."""
    kinds = ("json", "jinja", "txt", "safetensors")
    return fingerprint(*(file for kind in kinds for file in sorted(folder.glob(f"*.{kind}"))))


def fingerprint(*paths: Path) -> str:
    """Sizes and times of files, by which a node reruns when one is replaced; 'missing' for files that are not there."""
    return " ".join(
        f"{status.st_size}-{status.st_mtime_ns}" if (status := _status(path)) else "missing" for path in paths
    )


def _status(path: Path) -> os.stat_result | None:
    return path.stat() if path.is_file() else None
