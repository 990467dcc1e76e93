"""The rules for code, Comfy's registry's among them, which refuses a pack that breaks them."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.paths import CHECKOUT

CODE = ["__init__.py", "docs", "nodes", "tests", "xlard"]


def ruff(*arguments: str, code: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "ruff", *arguments],
        cwd=CHECKOUT,
        input=code,
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_the_code_keeps_to_the_rules() -> None:
    done = ruff("check", "--no-cache", *CODE)
    assert done.returncode == 0, done.stdout


def test_the_code_is_formatted() -> None:
    done = ruff("format", "--no-cache", "--check", *CODE)
    assert done.returncode == 0, f"Run `python -m ruff format`.\n{done.stdout}"


@pytest.mark.parametrize(
    ("code", "rule"),
    [("exec('1')\n", "S102"), ("eval('1')\n", "S307"), ("print(1); print(2)\n", "E702"), ("print(unknown)\n", "F821")],
)
def test_the_rules_are_on(code: str, rule: str) -> None:
    name = str(CHECKOUT / "xlard" / "new.py")
    done = ruff("check", "--no-cache", "--output-format", "concise", "--stdin-filename", name, "-", code=code)
    assert done.returncode == 1 and f" {rule} " in done.stdout, done.stdout


def test_the_types_hold(tmp_path: Path) -> None:
    """On a copy, because mypy cannot check a package whose folder is no Python name, and a clone may have any name."""
    pack = tmp_path / "xlard_pack"
    for name in ("nodes", "xlard"):
        shutil.copytree(CHECKOUT / name, pack / name, ignore=shutil.ignore_patterns("weights", "__pycache__"))
    for name in ("__init__.py", "pyproject.toml"):
        shutil.copy2(CHECKOUT / name, pack)
    command = [sys.executable, "-m", "mypy", "--cache-dir", str(CHECKOUT / ".mypy_cache" / "test")]
    done = subprocess.run(command, cwd=pack, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
