"""Other packs: fetched, their requirements installed apart, and a ComfyUI with them."""

from __future__ import annotations

import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Sequence
from pathlib import Path

from tests.support.paths import CHECKOUT
from xlard.comfy_server.server import ComfyServer, link_folder, unlink_folder
from xlard.quickstart.comfyui import find_comfyui

PACKS = {
    "rgthree-comfy": "https://github.com/rgthree/rgthree-comfy",
    "ComfyUI-Impact-Pack": "https://github.com/ltdrdata/ComfyUI-Impact-Pack",
    "ComfyUI-KJNodes": "https://github.com/kijai/ComfyUI-KJNodes",
    "ComfyUI-Easy-Use": "https://github.com/yolain/ComfyUI-Easy-Use",
    "ComfyUI-QwenVL": "https://github.com/1038lab/ComfyUI-QwenVL",
}
"""What is cloned where the folder lacks it."""

ENVIRONMENT = "environment"
"""The folder's environment: it adds what the packs need to that of this interpreter, which stays as it is."""


def packs_in(folder: Path) -> list[Path]:
    """The packs of a folder: its folders that ComfyUI would take for one."""
    return sorted(path.parent for path in folder.glob("*/__init__.py"))


def fetch(folder: Path) -> None:
    """Clone the packs that a folder lacks, and install what all packs in it need. Says what does not work."""
    for name, address in PACKS.items():
        if not (folder / name).exists():
            _tried(f"cloning {name}", ["git", "clone", "--depth", "1", address, str(folder / name)])
    python = folder_python(folder)
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", str(folder / ENVIRONMENT)], check=True)
        ours = sysconfig.get_paths()["purelib"]
        theirs = sysconfig.get_paths(vars={"base": str(folder / ENVIRONMENT)})["purelib"]
        # Not the path alone: what that folder's own .pth files do has to be done as well.
        line = f"import site; site.addsitedir({ours!r})\n"
        (Path(theirs) / "underneath.pth").write_text(line, encoding="utf-8")
    for pack in packs_in(folder):
        if (pack / "requirements.txt").is_file():
            _tried(
                f"installing what {pack.name} needs",
                [str(python), "-m", "pip", "install", "--quiet", "-r", str(pack / "requirements.txt")],
            )


def _tried(what: str, command: list[str]) -> None:
    if subprocess.run(command).returncode:
        print(f"{what} failed: {' '.join(command)}", flush=True)


def folder_python(folder: Path) -> Path:
    """The interpreter of a folder's environment."""
    scripts = folder / ENVIRONMENT / ("Scripts" if sys.platform == "win32" else "bin")
    return scripts / ("python.exe" if sys.platform == "win32" else "python")


class ServerWithPacks(ComfyServer):
    """ComfyUI with other packs, beside ours or alone, and with a narrow model of random weights."""

    def __init__(self, packs: Sequence[Path], ours: bool, python: Path | str = sys.executable):
        # Previews are drawn in colours of the latent: no file is needed for them.
        super().__init__(
            find_comfyui(),
            CHECKOUT if ours else None,
            python,
            arguments=("--preview-method", "latent2rgb"),
            variables={"OMP_NUM_THREADS": "1"},
            start_timeout=900.0,
        )
        self.packs = list(packs)

    def _fill_base(self) -> None:
        super()._fill_base()
        custom_nodes = self.base / "custom_nodes"
        for pack in self.packs:
            link_folder(pack.resolve(), custom_nodes / pack.name)
        shutil.copy(CHECKOUT / "tests" / "support" / "comfy" / "tiny_model.py", custom_nodes)

    def stop(self) -> None:
        """As any server; the links to packs go first."""
        if self._base is not None:
            for pack in self.packs:
                unlink_folder(self._base / "custom_nodes" / pack.name)
        super().stop()
