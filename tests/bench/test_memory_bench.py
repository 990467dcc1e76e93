"""The bench of seconds and memory, on the demo world in the real server.

A CPU has no memory of its own: the path to the table is tested, not the figures.
"""

from __future__ import annotations

import json
import re

import pytest

from tests.support.graphs import loop_graph
from xlard.bench.__main__ import main
from xlard.bench.cost.memory import _MEMORY_FLAGS, StageCost, stage_cost, stages, table
from xlard.comfy_server.errors import JobError, WorkflowError
from xlard.comfy_server.running import RunningServer


@pytest.fixture(scope="module")
def info(comfy) -> dict:
    return comfy.object_info()


def test_the_parts_of_a_loop(info) -> None:
    by_name = {stage.name: stage for stage in stages(loop_graph(), info)}
    assert list(by_name) == ["base", "+ critic", "+ correction", "full loop"]
    classes = {name: {node["class_type"] for node in stage.job.values()} for name, stage in by_name.items()}
    sampling = {"XLARDDemo", "CLIPTextEncode", "EmptyLatentImage", "KSampler", "VAEDecode"}
    assert classes["base"] == sampling | {"PreviewImage"}
    assert classes["+ critic"] == sampling | {"XLARDCritique", "PreviewAny"}
    assert classes["+ correction"] == sampling | {"XLARDCorrectLatent", "PreviewImage"}
    assert classes["full loop"] == sampling - {"KSampler", "VAEDecode"} | {"XLARDSelfCorrect", "PreviewImage"}
    for stage in by_name.values():
        first, second = (stage.with_seed(seed).values() for seed in (3, 4))
        assert sorted(node["inputs"]["seed"] for node in first if "seed" in node["inputs"]) == [3] and list(
            first
        ) != list(second)


def test_without_a_corrector_nothing_is_corrected(info) -> None:
    graph = loop_graph()
    del graph["loop"]["inputs"]["corrector"]
    assert [stage.name for stage in stages(graph, info)] == ["base", "+ critic", "full loop"]


def test_another_workflow_is_refused(info) -> None:
    with pytest.raises(WorkflowError, match="has 0 nodes xLARD Self-Correct"):
        stages({}, info)


def test_a_loop_that_does_not_draw_as_ksampler_is_refused(info):
    graph = loop_graph(guider=["guider", 0])
    with pytest.raises(WorkflowError, match="has guider connected"):
        stages(graph, info)


def test_every_part_runs_and_is_measured(comfy, tmp_path, capsys) -> None:
    (tmp_path / "w.json").write_text(json.dumps(loop_graph(steps=2)))
    main(["memory", "--server", comfy.url, "--workflow", str(tmp_path / "w.json"), "--repeats", "2"])
    printed = capsys.readouterr().out
    for name in ("base", "+ critic", "+ correction", "full loop"):
        (row,) = re.findall(rf"^\| {re.escape(name)} \| (.*) \|$", printed, re.MULTILINE)
        first, later, ratio, peak = map(float, row.split(" | "))
        assert first > 0 and later > 0 and ratio > 0 and peak >= 0
    assert (
        "says nothing about VRAM" in printed
        and re.search(r"^\S.*, ComfyUI \S+, --cpu$", printed, re.MULTILINE)
        and str(tmp_path) not in printed
    )


@pytest.mark.parametrize(
    ("argv", "flags"),
    [
        (["main.py", "--reserve-vram", "16", "--port", "8188"], ["--reserve-vram 16"]),
        (["main.py", "--lowvram", "--gpu-only"], ["--lowvram", "--gpu-only"]),
        (["main.py", "--cpu-vae", "--disable-cuda-malloc"], []),
        (["main.py", "--cpu"], ["--cpu"]),
    ],
)
def test_comfyuis_flags_about_memory(argv, flags) -> None:
    assert _MEMORY_FLAGS.findall(" ".join(argv)) == flags


def test_the_peak_while_a_part_runs_is_seen(comfy, info, monkeypatch) -> None:
    bytes_in_use = iter([100, 130, 180, 120])
    monkeypatch.setattr("xlard.bench.cost.memory.used_bytes", lambda server: next(bytes_in_use, 110))
    cost = stage_cost(RunningServer(comfy.url), stages(loop_graph(steps=2), info)[0], 2, 100)
    assert cost.peak_bytes == 80


def test_a_part_that_fails_is_named(comfy, info) -> None:
    graph = loop_graph()
    graph["empty"]["inputs"]["width"] = -8
    with pytest.raises(JobError, match="The job for base: ComfyUI refused the prompt"):
        stage_cost(RunningServer(comfy.url), stages(graph, info)[0], 2, 100)


def test_one_run_is_too_few(comfy, tmp_path) -> None:
    with pytest.raises(SystemExit, match="at least 2 are needed"):
        main(["memory", "--server", comfy.url, "--workflow", str(tmp_path / "w.json"), "--repeats", "1"])


def test_the_table_compares_with_base() -> None:
    lines = list(table({"base": StageCost(3.0, 2.0, 2**30), "full loop": StageCost(9.0, 5.0, 3 * 2**29)}))
    assert (
        lines[2] == "| base | 3.00 | 2.00 | 1.00 | 1.00 |" and lines[3] == "| full loop | 9.00 | 5.00 | 2.50 | 1.50 |"
    )
