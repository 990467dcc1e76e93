"""Says whether pyproject.toml may be published; `python .github/publishable.py [TAG]` exits with 1 and why if not."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import tomllib

PYPROJECT = Path(__file__).resolve().parents[1] / "pyproject.toml"


def obstacles(pyproject: dict[str, Any], tag: str | None = None) -> list[str]:
    """What stands against publishing; nothing if the list is empty."""
    project, comfy = pyproject["project"], pyproject["tool"]["comfy"]
    reasons = []
    if comfy.get("PublisherId", "PUBLISHER") in ("", "PUBLISHER"):
        reasons.append("The publisher is not set: write its id to PublisherId, in [tool.comfy] of pyproject.toml.")
    addresses = {**project["urls"], "Icon": comfy["Icon"], "Banner": comfy["Banner"]}
    unset = [name for name, address in addresses.items() if "OWNER" in address]
    if unset:
        reasons.append(
            "The repository's address is not set: replace OWNER in pyproject.toml by the owner of the repository "
            f"({', '.join(unset)})."
        )
    if tag is not None and tag != f"v{project['version']}":
        reasons.append(
            f"The tag is {tag}, the version in pyproject.toml is {project['version']}: tag v{project['version']}."
        )
    return reasons


def main(arguments: list[str]) -> int:
    """The exit code; what is missing goes to stderr."""
    reasons = obstacles(tomllib.loads(PYPROJECT.read_text(encoding="utf-8")), *arguments)
    for reason in reasons:
        print(f"Not published. {reason}", file=sys.stderr)
    return 1 if reasons else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
