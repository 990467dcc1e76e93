"""The names of the values in ``tests/support/comfy/odd_values.py``, read without ComfyUI."""

from __future__ import annotations

import ast

from tests.support.paths import CHECKOUT

_SOURCE = CHECKOUT / "tests" / "support" / "comfy" / "odd_values.py"


def _names() -> list[str]:
    for statement in ast.parse(_SOURCE.read_text(encoding="utf-8")).body:
        if isinstance(statement, ast.Assign) and isinstance(statement.value, ast.Dict):
            return [ast.literal_eval(key) for key in statement.value.keys if key is not None]
    raise AssertionError(f"{_SOURCE} has no table of values")


VALUE_NAMES = _names()
