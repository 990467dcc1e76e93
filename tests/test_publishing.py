"""What Comfy's registry is given: the check before publishing, and the pack's pictures."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from tests.support.paths import CHECKOUT

tomllib = pytest.importorskip("tomllib", reason="Python 3.10 has no reader for TOML.")

SCRIPT = CHECKOUT / ".github" / "publishable.py"
PYPROJECT = """
[project]
version = "1.2.3"
[project.urls]
Repository = "https://example.com/{owner}/xlard"
[tool.comfy]
PublisherId = "{publisher}"
Icon = "https://example.com/{owner}/xlard/icon.png"
Banner = "https://example.com/{owner}/xlard/banner.png"
"""


@pytest.mark.parametrize(
    ("owner", "publisher", "tag", "reason"),
    [
        ("someone", "someone", "v1.2.3", None),
        ("OWNER", "someone", "v1.2.3", "replace OWNER in pyproject.toml"),
        ("someone", "PUBLISHER", "v1.2.3", "write its id to PublisherId"),
        ("someone", "", "v1.2.3", "write its id to PublisherId"),
        ("someone", "someone", "v1.3.0", "the version in pyproject.toml is 1.2.3"),
    ],
)
def test_only_a_complete_pack_is_published(
    tmp_path: Path, owner: str, publisher: str, tag: str, reason: str | None
) -> None:
    (tmp_path / ".github").mkdir()
    script = tmp_path / ".github" / SCRIPT.name
    script.write_bytes(SCRIPT.read_bytes())
    (tmp_path / "pyproject.toml").write_text(PYPROJECT.format(owner=owner, publisher=publisher), encoding="utf-8")
    done = subprocess.run([sys.executable, str(script), tag], capture_output=True, text=True, timeout=60)
    if reason is None:
        assert done.returncode == 0 and not done.stderr
    else:
        assert done.returncode == 1 and reason in done.stderr


def test_the_pack_can_be_checked() -> None:
    """pyproject.toml has every entry that the check reads: it says yes, or why not."""
    done = subprocess.run([sys.executable, str(SCRIPT)], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 or done.stderr.startswith("Not published. ")


@pytest.mark.parametrize(("name", "size"), [("Icon", (400, 400)), ("Banner", (1260, 540))])
def test_pictures_for_the_registry_are_in_the_repository(name: str, size: tuple[int, int]) -> None:
    address = tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["comfy"][name]
    with Image.open(CHECKOUT / "docs" / address.rpartition("/")[2]) as picture:
        assert picture.size == size
