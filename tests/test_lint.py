"""The rules for code, Comfy's registry's among them, which refuses a pack that breaks them."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.support.paths import CHECKOUT


def ruff(*arguments: str, code: str = "") -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-m", "ruff", "check", "--no-cache", *arguments],
        cwd=CHECKOUT,
        input=code,
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_the_code_keeps_to_the_rules() -> None:
    done = ruff("__init__.py", "xlard", "nodes", "tests")
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    ("code", "rule"),
    [("exec('1')\n", "S102"), ("eval('1')\n", "S307"), ("print(1); print(2)\n", "E702"), ("print(unknown)\n", "F821")],
)
def test_the_rules_are_on(code, rule) -> None:
    done = ruff("--output-format", "concise", "--stdin-filename", str(CHECKOUT / "xlard" / "new.py"), "-", code=code)
    assert done.returncode == 1 and f" {rule} " in done.stdout, done.stdout
