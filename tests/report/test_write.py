"""A report's files: all there or none, and a history that any JSON reader can read."""

from __future__ import annotations

import errno
import json
import math
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from tests.support.paths import CHECKOUT
from tests.support.report_states import PROMPT, RIGHT, SIDE, WRONG, Page, attempt, judged, judged_state, state_of
from xlard.loop.state import LoopState
from xlard.report.write import history_json, write_report


@pytest.mark.parametrize("count", [1, 4])
def test_all_files_are_written_and_readable(tmp_path: Path, count: int) -> None:
    states = [judged_state(judged(WRONG), judged(RIGHT)) for _ in range(count)]
    files = write_report(states, tmp_path / "new", "report")
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == ["report.html", "report.json", "report.png"]
    page = Page(files.html.read_text("utf-8"))
    assert page.tags.count("article") == count
    with Image.open(files.picture) as picture:
        assert picture.format == "PNG"
        assert min(picture.size) > 2 * SIDE
    history = json.loads(files.history.read_text("utf-8"))
    assert len(history) == count
    assert [loop_round["critique"]["passed"] for loop_round in history[0]["rounds"]] == [False, True]


def test_the_picture_carries_what_it_is_given(tmp_path: Path) -> None:
    files = write_report([judged_state(judged(WRONG))], tmp_path, "report", {"workflow": '{"nodes": []}'})
    with Image.open(files.picture) as picture:
        assert picture.info == {"workflow": '{"nodes": []}'}


def test_the_picture_and_the_history_say_what_became_no_claim(tmp_path: Path) -> None:
    state = judged_state(judged(WRONG))
    plain = write_report([state], tmp_path, "plain")
    noted = write_report([replace(state, notes=("not checked: a mood",))], tmp_path, "noted")
    with Image.open(plain.picture) as before, Image.open(noted.picture) as after:
        assert after.height > before.height
    assert json.loads(noted.history.read_text("utf-8"))[0]["notes"] == ["not checked: a mood"]


def test_a_failed_write_leaves_the_earlier_report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = write_report([judged_state(judged(WRONG))], tmp_path, "report")
    before = [file.read_bytes() for file in (files.html, files.picture, files.history)]

    written = iter((True, False))

    def write_one_then_fill(descriptor: int) -> None:
        if not next(written):
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", write_one_then_fill)
    with pytest.raises(OSError, match="disk is full"):
        write_report([judged_state(judged(RIGHT))], tmp_path, "report")
    assert [file.read_bytes() for file in (files.html, files.picture, files.history)] == before
    assert sorted(os.listdir(tmp_path)) == ["report.html", "report.json", "report.png"]


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "../a", "a\\b", "/a"])
def test_a_name_with_a_folder_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="plain file name"):
        write_report([judged_state(judged(RIGHT))], tmp_path, name)


def test_nothing_to_report_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="empty"):
        write_report([], tmp_path, "report")
    with pytest.raises(ValueError, match="no accepted round"):
        write_report([LoopState(PROMPT, ())], tmp_path, "report")


def test_history_is_strict_json() -> None:
    state = state_of(attempt(0, judged(WRONG), predicted=math.nan))
    history = json.loads(history_json([state]), parse_constant=lambda word: pytest.fail(f"{word} is no JSON"))
    assert history[0]["prompt"] == PROMPT
    assert history[0]["rounds"][0]["predicted"] is None


def test_the_report_is_imported_without_a_template_engine() -> None:
    # torch alone may import Jinja: what the report adds counts.
    code = "import sys, torch; before = 'jinja2' in sys.modules; import xlard.report.write; "
    code += "sys.exit('jinja2' in sys.modules and not before)"
    assert subprocess.run([sys.executable, "-c", code], cwd=CHECKOUT).returncode == 0
