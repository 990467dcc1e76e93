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
from collections.abc import Mapping, Sequence
from pathlib import Path

from ..files import write_whole
from .comfyui import comfyui_requirements, comfyui_version, get_comfyui
from .steps import run, step

TORCH = "torch==2.13.0"
# The torchvision release that belongs to TORCH.
TORCHVISION = "torchvision==0.28.0"
STAMP = "xlard-quickstart.json"
HOOK = "xlard_torchvision_ops"

NETWORK_ADVICE = "Check the network connection and free disk space, then run the command again; it continues from here."

BROKEN_ADVICE = "Delete the .venv folder and run the command again."

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
versions = {}
for name in sys.argv[1:]:
    try:
        versions[name] = version(name)
    except PackageNotFoundError:
        pass
json.dump(versions, sys.stdout)
"""


def venv_python(venv: Path) -> Path:
    """The interpreter of the virtual environment at `venv`."""
    return venv / "Scripts" / "python.exe" if os.name == "nt" else venv / "bin" / "python"


def requirements_stamp(requirements: Sequence[str]) -> str:
    """A hash of what has to be installed and of the Python that it is installed for."""
    stated = [*sorted(set(requirements)), TORCH, TORCHVISION, ".".join(map(str, sys.version_info[:2]))]
    return hashlib.sha256("\n".join(stated).encode()).hexdigest()


class Environment:
    """`.venv/` in a checkout, with torch, ComfyUI's and the pack's requirements."""

    def __init__(self, checkout: Path):
        self.checkout = checkout
        self.venv = checkout / ".venv"
        self.python = venv_python(self.venv)

    def prepare(self, extras: Sequence[str] = ()) -> Path:
        """Install what is missing and return ComfyUI's folder; quick if the stamp says that nothing is missing.

        `extras` names optional dependency groups of pyproject.toml. Raises QuickstartError.
        """
        self._ensure_venv()
        comfyui = get_comfyui(self.python)
        base = comfyui_requirements(comfyui) + self._pack_requirements([])
        requirements = base + self._pack_requirements(extras)
        stamp = requirements_stamp(requirements)
        if stamp in self._stamps() and self._pins_hold(requirements):
            print(f"Packages in {self.venv} are up to date")
            return comfyui
        self._write_stamps([])
        with step("Checking the packages that are already installed"):
            self._repair()
        self._install_torch()
        with step(f"Installing what ComfyUI {comfyui_version(comfyui)} and the pack need"):
            self._pip_install(requirements, pinned=self._versions())
        with step("Checking that torchvision can be imported"):
            self._ensure_torchvision()
        # What the tests need includes what the demo needs: changing between them installs nothing.
        self._write_stamps(sorted({stamp, requirements_stamp(base)}))
        return comfyui

    def _ensure_venv(self) -> None:
        if not self._answers("pass"):
            # An environment whose interpreter does not start is useless.
            with step(f"Creating {self.venv}"):
                command = [sys.executable, "-m", "venv", *(["--clear"] if self.venv.exists() else []), str(self.venv)]
                run(command, "On Debian and Ubuntu, `apt-get install python3-venv` brings the missing part of Python.")
        elif not self._answers("import pip"):
            with step(f"Adding pip to {self.venv}"):
                run([str(self.python), "-m", "ensurepip", "--upgrade"], BROKEN_ADVICE)

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
        write_whole(self.venv / STAMP, json.dumps(stamps).encode())

    def _repair(self) -> None:
        script = Path(__file__).with_name("repair.py")
        run([str(self.python), str(script)], BROKEN_ADVICE)

    def _versions(self, names: Sequence[str] = ("torch", "torchvision")) -> dict[str, str]:
        return json.loads(run([str(self.python), "-c", READ_VERSIONS, *names], BROKEN_ADVICE))

    def _pins_hold(self, requirements: Sequence[str]) -> bool:
        """Whether exactly pinned packages still have their version: a front end is easily replaced by hand."""
        pins = dict(line.split("==") for line in requirements if re.fullmatch(r"[\w.-]+==[\w.]+", line))
        return self._versions(list(pins)) == pins

    def _install_torch(self) -> None:
        versions = self._versions()
        if "torch" not in versions:
            # Alone and pinned: otherwise another requirement might choose a build of several gigabytes.
            with step(f"Installing {TORCH} (the largest part)"):
                self._pip_install([TORCH])
            versions = self._versions()
        if "torchvision" not in versions:
            is_pinned_torch = versions["torch"].split("+")[0] == TORCH.split("==")[1]
            with step("Installing torchvision"):
                # With its requirement on torch it would replace the installed build.
                self._pip_install([TORCHVISION if is_pinned_torch else "torchvision"], "--no-deps")

    def _pip_install(self, requirements: Sequence[str], *options: str, pinned: Mapping[str, str] | None = None) -> None:
        command = [str(self.python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input"]
        with tempfile.TemporaryDirectory(prefix="xlard-pip-") as scratch:
            constraints = Path(scratch) / "constraints.txt"
            constraints.write_text("".join(f"{name}=={version}\n" for name, version in (pinned or {}).items()))
            run([*command, "--constraint", str(constraints), *options, *requirements], NETWORK_ADVICE)

    def _ensure_torchvision(self) -> None:
        if self._answers("import torchvision"):
            return
        if not self._answers("import torch, sys; sys.exit(torch.version.cuda is not None)"):
            self._import_torchvision()
        self._install_hook()
        self._import_torchvision()

    def _import_torchvision(self) -> None:
        advice = "Install the torchvision release that belongs to this torch."
        run([str(self.python), "-c", "import torchvision"], advice)

    def _install_hook(self) -> None:
        print_folder = "import sysconfig; print(sysconfig.get_path('purelib'))"
        site_packages = Path(run([str(self.python), "-c", print_folder], BROKEN_ADVICE).strip())
        shutil.copyfile(Path(__file__).with_name("torchvision_ops.py"), site_packages / f"{HOOK}.py")
        (site_packages / f"{HOOK}.pth").write_text(f"import {HOOK}\n", encoding="utf-8")
