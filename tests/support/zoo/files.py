"""The zoo's files in the user's cache folder, written when they are first wanted."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from tests.support.zoo.families import Family
from xlard.quickstart.comfyui import VERSION, cache_dir, find_comfyui

_MAKER = Path(__file__).with_name("make.py")

FOLDERS = {"model": "models", "vae": "vae", "lora": "loras", "controlnet": "controlnet", "encoder": "text_encoders"}


def zoo_folder() -> Path:
    """Where the files are kept: outside of the checkout, and shared by all of them."""
    return cache_dir() / "zoo"


def order(family: Family, kind: str = "model") -> dict:
    """What a file is made of: a ``model`` of a family, its ``vae``, a ``lora`` or a ``controlnet`` for it."""
    if kind == "vae":
        # The same for all families that it decodes for.
        return {"kind": kind, "vae": family.vae, "narrow": {}, "dtype": "float32"}
    return {
        **asdict(family),
        "kind": kind,
        "dtype": "float8_e4m3fn" if kind == "model" and family.eight_bits else "bfloat16",
    }


def file_name(family: Family, kind: str = "model") -> str:
    """The name by which ComfyUI lists a file; it changes with what the file is made of."""
    content = json.dumps(order(family, kind), sort_keys=True) + _MAKER.read_text(encoding="utf-8")
    name = family.vae if kind == "vae" else family.name
    return f"{name}-{hashlib.sha256(content.encode()).hexdigest()[:10]}.safetensors"


def path_of(family: Family, kind: str = "model") -> Path:
    """Where a file lies, or will lie."""
    return zoo_folder() / FOLDERS[kind] / file_name(family, kind)


def pinned_comfyui() -> Path:
    """The release whose configs the table holds, where it is there; files that it makes, later ones load."""
    pinned = cache_dir() / f"comfyui-{VERSION}"
    return pinned if pinned.is_dir() else find_comfyui()


def make(wanted: Sequence[tuple[Family, str]]) -> None:
    """Write those of the files, each a family and a kind, that are not there yet."""
    missing = {
        path_of(family, kind): order(family, kind) for family, kind in wanted if not path_of(family, kind).is_file()
    }
    orders = [{**content, "path": str(path)} for path, content in missing.items()]
    if not orders:
        return
    with tempfile.TemporaryDirectory() as folder:
        listed = Path(folder) / "orders.json"
        listed.write_text(json.dumps(orders), encoding="utf-8")
        run = subprocess.run(
            [sys.executable, str(_MAKER), str(pinned_comfyui()), str(listed)],
            capture_output=True,
            text=True,
            cwd=folder,
        )
    if run.returncode:
        raise RuntimeError(f"The zoo's files could not be made:\n{run.stderr[-3000:]}")
