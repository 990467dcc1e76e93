"""What a critic leaves behind: nothing that ComfyUI would not."""

from __future__ import annotations

import json
import subprocess
import sys

import psutil

from tests.conftest import CHECKOUT
from tests.graphs import demo_graph
from xlard.quickstart.comfyui import find_comfyui

TOLERANCE = 0.02


def test_the_sampler_gets_the_critics_memory_when_it_asks() -> None:
    script = CHECKOUT / "tests" / "comfy" / "critic_memory.py"
    ran = subprocess.run([sys.executable, str(script), str(find_comfyui()), str(CHECKOUT)], capture_output=True, text=True, timeout=300)
    assert ran.returncode == 0, ran.stderr[-3000:]
    free = json.loads(ran.stdout.splitlines()[-1])
    assert free["judged"] < free["before"] * 0.95, "the critic was never under the memory manager"
    assert free["asked_for"] >= free["before"] * (1 - TOLERANCE)
    assert free["judged_again"] == free["judged"] and free["gone"] == 0


def judged(seed: int) -> dict:
    """A graph that judges another picture for each seed, so that nothing of it is cached."""
    graph = demo_graph(steps=1)
    graph["drawn"]["inputs"]["seed"] = seed
    graph["critique"] = {"class_type": "XLARDCritique", "inputs": {
        "images": ["decoded", 0], "critic": ["world", 3], "prompt": "a red circle"}}
    return graph


def test_ten_critiques_in_a_row_do_not_grow_memory(comfy) -> None:
    process = psutil.Process(comfy.pid)
    # The first ones fill the allocators' pools.
    for seed in range(100, 105):
        assert comfy.run(judged(seed)).status == "success"
    before = process.memory_info().rss
    for seed in range(110, 120):
        assert comfy.run(judged(seed)).status == "success"
    assert process.memory_info().rss <= before * (1 + TOLERANCE)
