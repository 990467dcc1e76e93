"""Sheets of pictures before and after a method."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

from xlard.bench.__main__ import main

SIDE = 32


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A run of two prompts: the loop mends one, with a green picture for a red one, and leaves the other."""
    first, tried, mended = ({"accepted": accepted} for accepted in (True, False, True))
    rows = []
    for method, color, rounds in (
        ("base", "red", [[first], [first]]),
        ("loop_8", "green", [[first, mended], [first, tried]]),
    ):
        (tmp_path / method).mkdir()
        for index in range(2):
            picture = f"{method}/{index}_0.png"
            Image.new("RGB", (SIDE, SIDE), color).save(tmp_path / picture)
            row = {"method": method, "prompt_index": index, "prompt": f"prompt {index}", "seed": 0, "picture": picture}
            rows.append({**row, "right": color == "green", "rounds": rounds[index]})
    (tmp_path / "results.json").write_text(json.dumps(rows))
    return tmp_path


def test_what_the_method_changed_stands_beside_what_it_was(folder: Path, capsys) -> None:
    out = folder / "sheets" / "loop.png"
    main(["sheet", str(folder), "loop_8", "--out", str(out)])
    assert ": 1 pair\n" in capsys.readouterr().out
    colors = dict((color, number) for number, color in Image.open(out).getcolors(1 << 16))
    assert colors[255, 0, 0] == colors[0, 128, 0] == SIDE**2


@pytest.mark.parametrize(("method", "message"), [("loop_9", "it has loop_8"), ("base", "no method 'base' beside")])
def test_a_method_that_the_run_has_not_is_an_error(folder: Path, method: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        main(["sheet", str(folder), method])
