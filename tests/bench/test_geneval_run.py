"""GenEval through the real server on the demo world.

Its shapes are no classes of COCO, and the detector calls everything a person: this tests the path from the workflow to
the table, not that the detector is right.
"""

from __future__ import annotations

import io
import json
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.support.geneval_models import box_detector, small_clip
from tests.support.graphs import demo_graph, loop_graph, pixels
from tests.support.paths import CHECKOUT
from xlard.bench.__main__ import main, parse
from xlard.bench.errors import BenchError
from xlard.bench.geneval.command import run_benchmark
from xlard.bench.geneval.draw import PICTURE_NODES, RunFolder, sampler_seed
from xlard.bench.geneval.template import BASE, CORRECTED, read_template
from xlard.comfy_server.errors import ComfyServerError, JobError, JobTimeout
from xlard.comfy_server.running import RunningServer

ONE = {"tag": "single_object", "prompt": "a red circle", "include": [{"class": "person", "count": 1}]}
OTHER = {"tag": "single_object", "prompt": "a blue square", "include": [{"class": "dog", "count": 1}]}
# The detector sees three persons in every picture.
THREE = {
    "tag": "counting",
    "prompt": "two green triangles",
    "include": [{"class": "person", "count": 3}],
    "exclude": [{"class": "person", "count": 4}],
}
COLORED = {
    "tag": "colors",
    "prompt": "a yellow circle",
    "include": [{"class": "person", "count": 1, "color": "yellow"}],
}


def workflow(**settings) -> dict:
    graph = loop_graph(steps=4, **settings)
    graph["report"] = {"class_type": "XLARDReport", "inputs": {"state": ["loop", 3], "filename_prefix": "mine"}}
    return graph


@pytest.fixture
def bench(comfy, tmp_path):
    """Runs the benchmark in a folder: ``bench(job, prompts, *options)``."""

    def run(job: dict, prompts: list[dict], *options: str) -> RunFolder:
        (tmp_path / "my_workflow.json").write_text(json.dumps(job))
        (tmp_path / "prompts.jsonl").write_text("\n".join(map(json.dumps, prompts)))
        run_benchmark(
            parse(
                [
                    "geneval",
                    "--server",
                    comfy.url,
                    "--workflow",
                    str(tmp_path / "my_workflow.json"),
                    "--prompts",
                    str(tmp_path / "prompts.jsonl"),
                    "--seeds",
                    "0,1",
                    "--out",
                    str(tmp_path / "out"),
                    *options,
                ]
            )
        )
        return RunFolder(tmp_path / "out")

    return run


def opened(path: Path) -> np.ndarray:
    return np.asarray(Image.open(path))


def test_prompts_are_drawn_and_scored_and_a_stopped_run_goes_on(comfy, bench, tmp_path, capsys) -> None:
    run = bench(workflow(), [ONE, OTHER, THREE, COLORED], "--detector", str(box_detector(tmp_path / "detector")))
    graph = demo_graph(steps=4)
    graph["positive"]["inputs"]["text"] = ONE["prompt"]
    graph["drawn"]["inputs"]["seed"] = sampler_seed(ONE["prompt"], 1)
    assert (opened(run.picture("base", ONE["prompt"], 1)) == pixels(comfy, graph, "decoded")).all(), (
        "KSampler's picture of prompt and seed"
    )

    lines = [json.loads(line) for line in run.drawn.read_text().splitlines()]
    assert len(lines) == 8 and len({line["sampler_seed"] for line in lines}) == 8
    assert [line["seed"] for line in lines] == [0] * 4 + [1] * 4, "all prompts before the next seed"
    assert all(line["nfe"]["base"] == 4 <= line["nfe"]["corrected"] for line in lines)

    summary = json.loads((run.folder / "summary.json").read_text())
    assert summary["tasks"]["single_object"]["base"][0] == 0.5 and summary["tasks"]["counting"]["corrected"][0] == 1
    assert summary["overall"]["base"][0] == 0.75 and summary["steps"] == [4] and summary["judges"] == "detector"
    table = (run.folder / "table.md").read_text()
    assert "| single object | 2 | 4 | 0.500 [" in table and "Tasks with colours were not scored" in table
    assert f"| my_workflow | base | {summary['comfyui']} |" in table and table in capsys.readouterr().out

    # A run that was killed while it wrote its last line, and another seed.
    whole = run.drawn.read_text().splitlines(keepends=True)
    run.drawn.write_text("".join(whole[:-1]) + whole[-1][:20])
    run.picture("corrected", ONE["prompt"], 0).unlink()
    before = opened(run.picture("base", COLORED["prompt"], 1))
    bench(
        workflow(),
        [ONE, OTHER, THREE, COLORED],
        "--detector",
        str(tmp_path / "detector"),
        "--clip",
        str(small_clip(tmp_path / "clip")),
    )
    printed = capsys.readouterr().out
    assert "2/2  " in printed and "| colors | 1 | 2 |" in printed and "were not scored" not in printed
    assert (opened(run.picture("base", COLORED["prompt"], 1)) == before).all()
    scores = [json.loads(line) for line in run.scored.read_text().splitlines()]
    assert {(row["judges"], sum(score["judges"] == row["judges"] for score in scores)) for row in scores} == {
        ("detector", 12),
        ("detector + clip", 16),
    }
    lines = {
        (line["prompt"], line["seed"]): line["seconds"] for line in map(json.loads, run.drawn.read_text().splitlines())
    }
    summary = json.loads((run.folder / "summary.json").read_text())
    assert len(lines) == 8 and summary["seconds_per_job"] == pytest.approx(sum(lines.values()) / 8), (
        "what was drawn twice counts once"
    )

    with pytest.raises(BenchError, match="holds pictures of the workflow my_workflow as it was before"):
        bench(workflow(rounds=2), [ONE])


@pytest.mark.parametrize(
    "name",
    [
        "demo_self_correct",
        "demo_loop_graph",
        "load_your_own",
        "sd15_lora_self_correct",
        "sdxl_self_correct",
        "sd35_self_correct",
        "flux_self_correct",
        "flux2_klein_self_correct",
        "qwen_image_self_reward",
        "z_image_self_correct",
    ],
)
def test_shipped_workflows_need_no_change(comfy, name) -> None:
    template = read_template(CHECKOUT / "workflows" / f"{name}.json", comfy.object_info())
    job = template.fill("a red circle", 11)
    prompts = [value for node in job.values() for value in node["inputs"].values() if value == "a red circle"]
    assert len(prompts) == 1 and 11 in [value for node in job.values() for value in node["inputs"].values()]
    assert {BASE, CORRECTED} <= job.keys()


def test_a_shipped_workflow_runs_from_the_command_line(comfy, tmp_path) -> None:
    (tmp_path / "prompts.jsonl").write_text(json.dumps(ONE))
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "xlard.bench",
            "geneval",
            "--server",
            comfy.url,
            "--prompts",
            str(tmp_path / "prompts.jsonl"),
            "--seeds",
            "3",
            "--workflow",
            str(CHECKOUT / "workflows" / "demo_self_correct.json"),
            "--out",
            str(tmp_path / "out"),
        ],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0 and "1 prompts, 1 seed(s): all pictures are in" in done.stdout, done.stderr
    run = RunFolder(tmp_path / "out")
    assert {opened(run.picture(version, ONE["prompt"], 3)).shape for version in PICTURE_NODES} == {(96, 96, 3)}


def test_a_server_that_is_down_is_named(tmp_path) -> None:
    (tmp_path / "w.json").write_text(json.dumps(workflow()))
    with pytest.raises(
        SystemExit, match="ComfyUI does not answer at http://127.0.0.1:9 .*Start it, or correct its address"
    ):
        main(
            [
                "geneval",
                "--server",
                "http://127.0.0.1:9",
                "--workflow",
                str(tmp_path / "w.json"),
                "--out",
                str(tmp_path / "out"),
            ]
        )
    with pytest.raises(ComfyServerError, match="is no server's address"):
        RunningServer("127.0.0.1:8188")


@pytest.mark.parametrize(
    ("status", "message"), [(404, "is answered with 404 .* Is that a ComfyUI"), (200, "no JSON. Is that a ComfyUI")]
)
def test_another_server_is_named(tmp_path, status, message) -> None:
    class Other(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(status)
            self.end_headers()
            self.wfile.write(b"<html>")

    with HTTPServer(("127.0.0.1", 0), Other) as other:
        threading.Thread(target=other.handle_request).start()
        with pytest.raises(ComfyServerError, match=message):
            RunningServer(f"http://127.0.0.1:{other.server_port}").get_json("/object_info")


def test_a_node_that_fails_is_named(bench) -> None:
    with pytest.raises(
        JobError,
        match=r"The job for ' ' failed in node loop \(XLARDSelfCorrect\): .*\nFix it in ComfyUI, and run again",
    ):
        bench(workflow(), [{**ONE, "prompt": " "}])


def test_a_job_that_the_server_refuses_is_explained(bench) -> None:
    job = workflow()
    job["loop"]["inputs"]["cfg"] = 1000
    with pytest.raises(JobError, match="ComfyUI refused the prompt.*\n.*node loop.*cfg"):
        bench(job, [ONE])


def test_several_pictures_a_job_are_refused(bench) -> None:
    job = workflow()
    job["empty"]["inputs"]["batch_size"] = 2
    with pytest.raises(BenchError, match="makes 2 pictures in a job.*Set the batch size to 1"):
        bench(job, [ONE])


def test_a_job_that_was_cancelled_can_be_drawn_later(comfy, bench) -> None:
    stop = threading.Timer(3.0, comfy.interrupt)
    stop.start()
    with pytest.raises(JobError, match="was cancelled in ComfyUI"):
        bench(
            workflow(rounds=0)
            | {"empty": {"class_type": "EmptyLatentImage", "inputs": {"width": 768, "height": 768, "batch_size": 1}}},
            [ONE],
        )


def test_too_slow_a_job_is_cancelled_and_no_other(comfy, bench) -> None:
    with pytest.raises(JobTimeout, match="The job for .* did not end within 1 s and was cancelled"):
        bench(
            workflow(rounds=0)
            | {"empty": {"class_type": "EmptyLatentImage", "inputs": {"width": 768, "height": 768, "batch_size": 1}}},
            [ONE],
            "--timeout",
            "1",
        )
    assert (
        comfy.run(
            demo_graph(steps=1) | {"shown": {"class_type": "PreviewImage", "inputs": {"images": ["decoded", 0]}}}
        ).status
        == "success"
    )


def test_errors_of_folders_come_before_anything_is_drawn(bench, tmp_path) -> None:
    with pytest.raises(BenchError, match="There is no detector"):
        bench(workflow(), [ONE], "--detector", str(tmp_path))
    with pytest.raises(BenchError, match="--device tpu7 cannot be used"):
        bench(workflow(), [ONE], "--detector", str(tmp_path), "--device", "tpu7")
    with pytest.raises(BenchError, match="--number is 0"):
        bench(workflow(), [ONE], "--number", "0")
    with pytest.raises(BenchError, match="--seeds is '0,a'; give whole numbers"):
        bench(workflow(), [ONE], "--seeds", "0,a")
    assert not (tmp_path / "out").exists()


def test_only_colors_and_no_clip_cannot_be_scored(bench, tmp_path) -> None:
    with pytest.raises(BenchError, match="only CLIP can tell"):
        bench(workflow(rounds=0), [COLORED], "--detector", str(box_detector(tmp_path / "detector")))


def test_pictures_come_as_the_server_saved_them(comfy, bench) -> None:
    run = bench(workflow(rounds=0), [ONE])
    saved = Image.open(io.BytesIO(run.picture("base", ONE["prompt"], 0).read_bytes()))
    assert saved.format == "PNG" and "prompt" in saved.info, "ComfyUI's own file, with the job in it"
