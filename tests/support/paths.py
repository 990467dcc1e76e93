"""Folders that tests use."""

from __future__ import annotations

from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
"""The checkout that is tested."""

ARTIFACTS = CHECKOUT / "tests" / "artifacts"
"""Where browser tests leave their screenshots."""
