"""Ctrl+C while the quick start's main command draws: it ends soon, quietly, and takes its ComfyUI along."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.paths import CHECKOUT

pytestmark = pytest.mark.comfy


def test_ctrl_c_ends_the_command_and_its_comfyui(tmp_path: Path) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    command = [sys.executable, "-m", "xlard.quickstart", "demo", "--output", str(tmp_path / "output")]
    # As in a terminal, it reaches all processes of the command.
    running = subprocess.Popen(
        command,
        cwd=CHECKOUT,
        env={**os.environ, "TMPDIR": str(temporary), "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        assert running.stdout is not None and running.stderr is not None
        assert any("Running the self-correction workflow" in line for line in running.stdout)
        os.killpg(running.pid, signal.SIGINT)
        assert running.wait(60) == 130
        assert running.stderr.read() == ""
        with pytest.raises(ProcessLookupError):
            os.killpg(running.pid, 0)
    finally:
        running.kill()
        running.wait()
    assert not list(temporary.glob("xlard-*"))
