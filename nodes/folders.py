"""The model folders of the pack and what lies in them."""

from __future__ import annotations

import os
from pathlib import Path

import folder_paths

HEADS, CORRECTORS = "xlard_heads", "xlard_correctors"
CRITICS = ("xlard_critics", "LLM")
_CRITIC_DEPTH = 2


def register() -> None:
    """Make ``models/xlard/{heads,correctors,critics}`` and ``models/LLM`` known to ComfyUI, safetensors only.

    What ``extra_model_paths.yaml`` or another pack has registered under these names stays.
    """
    models = Path(folder_paths.models_dir)
    own = {HEADS: models / "xlard" / "heads", CORRECTORS: models / "xlard" / "correctors",
           CRITICS[0]: models / "xlard" / "critics", CRITICS[1]: models / "LLM"}
    for name, folder in own.items():
        paths, extensions = folder_paths.folder_names_and_paths.get(name, ([], {".safetensors"}))
        # An empty set, which add_model_folder_path leaves, would list files of any kind.
        if str(folder) not in paths:
            paths = [*paths, str(folder)]
        folder_paths.folder_names_and_paths[name] = (paths, extensions or {".safetensors"})


def files(kind: str) -> list[str]:
    """Names of the safetensors files of a kind (``HEADS`` or ``CORRECTORS``)."""
    return [name for name in folder_paths.get_filename_list(kind) if name.endswith(".safetensors")]


def file_path(kind: str, name: str) -> Path:
    """The path of a file that ``files`` listed; raises FileNotFoundError if it is gone."""
    path = folder_paths.get_full_path(kind, name)
    if path is None:
        raise FileNotFoundError(f"There is no {name} in {' or '.join(folder_paths.get_folder_paths(kind))}. "
                                "Put the file there, or choose another and press R to refresh the list.")
    return Path(path)


def _critics() -> dict[str, Path]:
    found: dict[str, Path] = {}
    for base in (Path(path) for kind in CRITICS for path in folder_paths.get_folder_paths(kind)):
        for depth in range(1, _CRITIC_DEPTH + 1):
            for config in sorted(base.glob("/".join(["*"] * depth + ["config.json"]))):
                found.setdefault(config.parent.relative_to(base).as_posix(), config.parent)
    return found


def critics() -> list[str]:
    """Names of the critic folders: those that hold a ``config.json``, at most two levels deep."""
    return sorted(_critics())


def critic_folder(name: str) -> Path:
    """The folder of a critic that ``critics`` listed; raises FileNotFoundError if it is gone."""
    found = _critics()
    if name not in found:
        places = " or ".join(path for kind in CRITICS for path in folder_paths.get_folder_paths(kind))
        raise FileNotFoundError(f"There is no critic '{name}' in {places}. Put the model's folder, with its "
                                "config.json, there, or choose another and press R to refresh the list.")
    return found[name]


def fingerprint(*paths: Path) -> str:
    """Sizes and times of files, so that a node reruns when one is replaced; 'missing' for those that are not there."""
    return " ".join(f"{status.st_size}-{status.st_mtime_ns}" if (status := _status(path)) else "missing"
                    for path in paths)


def _status(path: Path) -> os.stat_result | None:
    return path.stat() if path.is_file() else None
