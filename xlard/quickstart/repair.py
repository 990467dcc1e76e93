"""Finds packages that a killed installation left half-copied and removes their records: pip then reinstalls them.

Runs as a script inside the virtual environment: `python repair.py`; prints one package name a line.
"""

from __future__ import annotations

import shutil
import sys
from importlib.metadata import Distribution
from pathlib import Path


def is_whole(distribution: Distribution) -> bool:
    """Whether every file that the distribution's RECORD lists exists with the recorded size."""
    files = distribution.files
    if not files or not distribution.metadata["Name"]:
        return False
    for file in files:
        # pip lists byte-code without a size; Python rewrites it at will.
        if file.size is None:
            continue
        try:
            if Path(file.locate()).stat().st_size != file.size:
                return False
        except OSError:
            return False
    return True


def remove_broken(site_packages: Path) -> list[str]:
    """Delete the `.dist-info` of broken distributions and pip's leftovers; return their folder names."""
    removed = []
    for record in site_packages.glob("*.dist-info"):
        if not is_whole(Distribution.at(record)):
            shutil.rmtree(record)
            removed.append(record.name)
    # While it replaces a package, pip keeps the old one under a name that starts with a tilde.
    for leftover in site_packages.glob("~*"):
        shutil.rmtree(leftover) if leftover.is_dir() else leftover.unlink()
        removed.append(leftover.name)
    return removed


if __name__ == "__main__":
    import sysconfig

    if sys.prefix == sys.base_prefix:
        sys.exit("repair.py changes the environment that it runs in: run it inside a virtual environment.")
    print("\n".join(remove_broken(Path(sysconfig.get_path("purelib")))))
