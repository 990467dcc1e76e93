"""A ComfyUI server that lists the zoo's files and knows its nodes."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable

import pytest

from tests.support.paths import CHECKOUT
from tests.support.zoo.families import Family
from tests.support.zoo.files import FOLDERS, make, zoo_folder
from xlard.comfy_server.job_result import JobResult
from xlard.comfy_server.server import ComfyServer
from xlard.quickstart.comfyui import find_comfyui

_NODES = CHECKOUT / "tests" / "support" / "comfy" / "zoo_nodes.py"


class ZooServer(ComfyServer):
    """ComfyUI with this checkout, the zoo's nodes, and the zoo's folder as a further place for models."""

    def _fill_base(self) -> None:
        super()._fill_base()
        shutil.copy(_NODES, self.base / "custom_nodes")
        for folder in FOLDERS.values():
            # ComfyUI sees what comes later only in folders that were there.
            (zoo_folder() / folder).mkdir(parents=True, exist_ok=True)
        folders = {
            "checkpoints": "model",
            "diffusion_models": "model",
            "vae": "vae",
            "loras": "lora",
            "controlnet": "controlnet",
            "text_encoders": "encoder",
        }
        lines = [f"  {name}: {FOLDERS[kind]}" for name, kind in folders.items()]
        paths = self.base / "zoo.yaml"
        paths.write_text(
            "\n".join(["zoo:", f"  base_path: {zoo_folder().as_posix()}", *lines]) + "\n", encoding="utf-8"
        )
        self.arguments = [*self.arguments, "--extra-model-paths-config", str(paths)]

    def run(self, prompt: dict, timeout: float = 3600.0, on_progress: Callable | None = None) -> JobResult:
        """As any server, with the patience that a model of the published width takes on a busy CPU."""
        return super().run(prompt, timeout, on_progress)


def make_ready(families: Iterable[Family]) -> None:
    """Write the files of families that are missing: model, LoRA, and the VAE where it is not in the checkpoint."""
    make(
        [
            (family, kind)
            for family in families
            for kind in ("model", "lora", "vae")
            if kind != "vae" or not family.checkpoint
        ]
    )


def zoo_server() -> ZooServer:
    """A server, not started yet, that lists the zoo's files, those too that are made later."""
    if find_comfyui() is None:
        pytest.fail("No ComfyUI: run `python3 -m xlard.quickstart test`, or set COMFYUI_PATH to a checkout of it.")
    return ZooServer(find_comfyui(), pack=CHECKOUT, variables={"OMP_NUM_THREADS": "1"})
