"""The tables of the families are those of the tests that exist."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.support.paths import CHECKOUT

pytestmark = pytest.mark.model


def test_the_tables_in_the_docs_are_those_of_the_tests():
    run = subprocess.run(
        [sys.executable, "-m", "tests.support.zoo.table"], cwd=CHECKOUT, capture_output=True, text=True, check=True
    )
    shown = (CHECKOUT / "docs" / "families.md").read_text(encoding="utf-8")
    tables = run.stdout.strip().split("\n\n")
    assert len(tables) == 2 and all(table in shown for table in tables)
