"""The checkout's virtual environment: made once, checked by a stamp, repaired after a killed run."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from .comfyui import comfyui_requirements, comfyui_version, get_comfyui
from .steps import run, step

TORCH = "torch==2.13.0"
# The torchvision release that belongs to TORCH.
TORCHVISION = "torchvision==0.28.0"
STAMP = "xlard-quickstart.json"
HOOK = "xlard_torchvision_ops"

NETWORK_MEND = "Check the network connection and free disk space, then run the command again; it goes on from here."

BROKEN_MEND = "Delete the .venv folder and run the command again."

READ_PYPROJECT = """
import json, sys
try:
    import tomllib
except ImportError:  # Python 3.10
    from pip._vendor import tomli as tomllib
with open(sys.argv[1], "rb") as file:
    json.dump(tomllib.load(file)["project"], sys.stdout)
"""
READ_VERSIONS = """
import json, sys
from importlib.metadata import PackageNotFoundError, version
found = {}
for name in sys.argv[1:]:
    try:
        found[name] = version(name)
    except PackageNotFoundError:
        pass
json.dump(found, sys.stdout)
"""


def venv_python(venv: Path) -> Path:
    """The interpreter of the virtual environment at `venv`."""
    return venv / "Scripts" / "python.exe" if os.name == "nt" else venv / "bin" / "python"


def requirements_stamp(requirements: Sequence[str]) -> str:
    """A hash that changes when what has to be installed, or the Python that it is installed for, changes."""
    stated = [*sorted(set(requirements)), TORCH, TORCHVISION, ".".join(map(str, sys.version_info[:2]))]
    return hashlib.sha256("\n".join(stated).encode()).hexdigest()


class Environment:
    """`.venv/` in a checkout, with torch, ComfyUI's and the pack's requirements."""

    def __init__(self, checkout: Path):
        self.checkout = checkout
        self.venv = checkout / ".venv"
        self.python = venv_python(self.venv)

    def prepare(self, extras: Sequence[str] = ()) -> Path:
        """Make everything ready and return ComfyUI's folder; quick if the stamp says that it is.

        `extras` names optional dependency groups of pyproject.toml. Raises QuickstartError.
        """
        self._ensure_venv()
        comfyui = get_comfyui(self.python)
        base = comfyui_requirements(comfyui) + self._pack_requirements([])
        requirements = base + self._pack_requirements(extras)
        wanted = requirements_stamp(requirements)
        if wanted in self._stamps() and self._pins_hold(requirements):
            print(f"Packages in {self.venv} are up to date")
            return comfyui
        self._write_stamps([])
        with step("Checking the packages that are already installed"):
            self._repair()
        self._install_torch()
        with step(f"Installing what ComfyUI {comfyui_version(comfyui)} and the pack need"):
            self._pip_install(requirements, held=self._versions())
        with step("Checking that torchvision can be imported"):
            self._ensure_torchvision()
        # What the tests need includes what the demo needs, so that changing between them installs nothing.
        self._write_stamps(sorted({wanted, requirements_stamp(base)}))
        return comfyui

    def _ensure_venv(self) -> None:
        if not self._answers("pass"):
            # Nothing in an environment whose interpreter does not start is of use.
            with step(f"Creating {self.venv}"):
                command = [sys.executable, "-m", "venv", *(["--clear"] if self.venv.exists() else []), str(self.venv)]
                run(command, "On Debian and Ubuntu, `apt-get install python3-venv` brings the missing part of Python.")
        elif not self._answers("import pip"):
            with step(f"Adding pip to {self.venv}"):
                run([str(self.python), "-m", "ensurepip", "--upgrade"], BROKEN_MEND)

    def _answers(self, code: str) -> bool:
        if not self.python.exists():
            return False
        return subprocess.run([str(self.python), "-c", code], capture_output=True).returncode == 0

    def _pack_requirements(self, extras: Sequence[str]) -> list[str]:
        source = self.checkout / "pyproject.toml"
        text = run([str(self.python), "-c", READ_PYPROJECT, str(source)], f"Is {source} as it was checked out?")
        project = json.loads(text)
        groups = [project["optional-dependencies"][extra] for extra in extras]
        return project["dependencies"] + [line for group in groups for line in group]

    def _stamps(self) -> list[str]:
        try:
            return json.loads((self.venv / STAMP).read_text(encoding="utf-8"))
        except (FileNotFoundError, json.JSONDecodeError):
            return []

    def _write_stamps(self, stamps: list[str]) -> None:
        scratch = self.venv / (STAMP + ".new")
        scratch.write_text(json.dumps(stamps), encoding="utf-8")
        scratch.replace(self.venv / STAMP)

    def _repair(self) -> None:
        script = Path(__file__).with_name("repair.py")
        run([str(self.python), str(script)], BROKEN_MEND)

    def _versions(self, names: Sequence[str] = ("torch", "torchvision")) -> dict[str, str]:
        return json.loads(run([str(self.python), "-c", READ_VERSIONS, *names], BROKEN_MEND))

    def _pins_hold(self, requirements: Sequence[str]) -> bool:
        """Whether exactly pinned packages still have their version: a front end is easily replaced by hand."""
        pins = dict(line.split("==") for line in requirements if re.fullmatch(r"[\w.-]+==[\w.]+", line))
        return self._versions(list(pins)) == pins

    def _install_torch(self) -> None:
        found = self._versions()
        if "torch" not in found:
            # Alone and pinned, so that no other requirement gets to choose a build of several gigabytes.
            with step(f"Installing {TORCH} (the largest part)"):
                self._pip_install([TORCH])
            found = self._versions()
        if "torchvision" not in found:
            ours = found["torch"].split("+")[0] == TORCH.split("==")[1]
            with step("Installing torchvision"):
                # Its own requirement on torch would replace the build that is there.
                self._pip_install([TORCHVISION if ours else "torchvision"], "--no-deps")

    def _pip_install(self, requirements: Sequence[str], *options: str, held: dict[str, str] | None = None) -> None:
        command = [str(self.python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input"]
        with tempfile.TemporaryDirectory(prefix="xlard-pip-") as scratch:
            constraints = Path(scratch) / "constraints.txt"
            constraints.write_text("".join(f"{name}=={version}\n" for name, version in (held or {}).items()))
            run([*command, "--constraint", str(constraints), *options, *requirements], NETWORK_MEND)

    def _ensure_torchvision(self) -> None:
        if self._answers("import torchvision"):
            return
        if not self._answers("import torch, sys; sys.exit(torch.version.cuda is not None)"):
            mend = "Install the torchvision release that belongs to this torch."
            run([str(self.python), "-c", "import torchvision"], mend)
        self._install_hook()
        run([str(self.python), "-c", "import torchvision"], "Install a torchvision that belongs to this torch.")

    def _install_hook(self) -> None:
        where = "import sysconfig; print(sysconfig.get_path('purelib'))"
        site_packages = Path(run([str(self.python), "-c", where], BROKEN_MEND).strip())
        shutil.copyfile(Path(__file__).with_name("torchvision_ops.py"), site_packages / f"{HOOK}.py")
        (site_packages / f"{HOOK}.pth").write_text(f"import {HOOK}\n", encoding="utf-8")
