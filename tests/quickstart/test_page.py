"""The quickstart's ComfyUI for a browser: it says where it is, has the pack, and leaves nothing but what was saved."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from tests.support.paths import CHECKOUT
from xlard.quickstart import page
from xlard.quickstart.comfyui import find_comfyui

pytestmark = pytest.mark.comfy


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_the_page_is_there_until_it_is_told_to_end(tmp_path: Path, ending: signal.Signals) -> None:
    temporary, output = tmp_path / "temporary", tmp_path / "output"
    temporary.mkdir()
    variables = {"COMFYUI_PATH": str(find_comfyui()), "TMPDIR": str(temporary), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "xlard.quickstart.page", "--output", str(output)]
    running = subprocess.Popen(
        command, cwd=CHECKOUT, env={**os.environ, **variables}, stdout=subprocess.PIPE, text=True
    )
    try:
        assert running.stdout is not None
        said = running.stdout.readline()
        (address,) = re.findall(r"http://127\.0\.0\.1:\d+", said)
        assert "Ctrl+C" in said
        with urllib.request.urlopen(f"{address}/object_info/XLARDSelfCorrect", timeout=60) as answer:
            assert "XLARDSelfCorrect" in json.load(answer)
        running.send_signal(ending)
        assert running.wait(60) == 130
    finally:
        running.kill()
        running.wait()
    assert output.is_dir() and not list(temporary.glob("xlard-*"))


def test_its_options_are_checked_before_the_set_up(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        page.arguments(["--prompt", "x"])
    assert "--prompt" in capsys.readouterr().err
