"""``python -m xlard.bench memory``: seconds and peak memory of sampling, judging, correcting and the whole loop, in a
running ComfyUI.
"""

from __future__ import annotations

import argparse
import re
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from ...comfy_server.api_job import needed, read_job
from ...comfy_server.errors import ComfyServerError, WorkflowError
from ...comfy_server.running import RunningServer
from ..errors import BenchError

SUMMARY = "seconds and peak memory of a workflow with one xLARD Self-Correct, part by part: docs/memory.md"

_LOOP = "XLARDSelfCorrect"
_DRAW, _DECODE, _SHOW = "memory_draw", "memory_decode", "memory_show"
_SAMPLER_INPUTS = ("model", "positive", "negative", "latent_image", "seed", "steps", "cfg", "sampler_name", "scheduler")
_CUSTOM_INPUTS = ("sampler", "sigmas", "guider")
_CORRECTION_INPUTS = (
    *("model", "positive", "negative", "corrector", "head", "prompt"),
    *("steps", "cfg", "sampler_name", "scheduler"),
)
_POLL_SECONDS, _SETTLE_SECONDS = 0.05, 2.0
_MEMORY_FLAGS = re.compile(r"--(?:high|normal|low|no)vram\b|--reserve-vram \S+|--gpu-only\b|--cpu(?!\S)")
"""ComfyUI's flags about memory in its command line."""


@dataclass(frozen=True)
class Stage:
    """A part of the workflow as a job; ``sampler`` is the id of the node that has its seed."""

    name: str
    job: dict
    sampler: str

    def with_seed(self, seed: int) -> dict:
        """The job with another seed."""
        node = self.job[self.sampler]
        return {**self.job, self.sampler: {**node, "inputs": {**node["inputs"], "seed": seed}}}


@dataclass(frozen=True)
class StageCost:
    """Seconds of the first run, which loads the models, mean seconds of the later runs, and peak bytes beyond those in
    use before.
    """

    first_seconds: float
    later_seconds: float
    peak_bytes: int


def stages(job: dict, object_info: dict) -> list[Stage]:
    """The parts of a job with one xLARD Self-Correct: KSampler alone, + critic, + correction, the loop.

    Raises WorkflowError for another number of loops, and for one that does not draw as KSampler does.
    """
    loops = [node_id for node_id, node in job.items() if node["class_type"] == _LOOP]
    if len(loops) != 1:
        raise WorkflowError(f"The workflow has {len(loops)} nodes xLARD Self-Correct; this bench needs exactly one.")
    inputs = job[loops[0]]["inputs"]
    custom = [name for name in _CUSTOM_INPUTS if name in inputs]
    if custom:
        raise WorkflowError(
            f"This bench compares the loop with KSampler, and xLARD Self-Correct has {' and '.join(custom)} connected, "
            "which KSampler does not take. Disconnect them, and connect positive and negative."
        )

    def slot(class_type: str, output_name: str) -> int:
        return object_info[class_type]["output_name"].index(output_name)

    sampling = {
        **job,
        _DRAW: {
            "class_type": "KSampler",
            "inputs": {name: inputs[name] for name in _SAMPLER_INPUTS} | {"denoise": 1.0},
        },
        _DECODE: {"class_type": "VAEDecode", "inputs": {"samples": [_DRAW, 0], "vae": inputs["vae"]}},
        _SHOW: {"class_type": "PreviewImage", "inputs": {"images": [_DECODE, 0]}},
    }
    critique_inputs = {name: inputs[name] for name in ("critic", "prompt", "claims") if name in inputs}
    whole_jobs = [Stage("base", sampling, _DRAW)]
    whole_jobs.append(
        Stage(
            "+ critic",
            {
                **sampling,
                "memory_judge": {"class_type": "XLARDCritique", "inputs": {"images": [_DECODE, 0], **critique_inputs}},
                _SHOW: {
                    "class_type": "PreviewAny",
                    "inputs": {"source": ["memory_judge", slot("XLARDCritique", "report")]},
                },
            },
            _DRAW,
        )
    )
    if "corrector" in inputs:
        correction_inputs = {name: inputs[name] for name in _CORRECTION_INPUTS if name in inputs}
        whole_jobs.append(
            Stage(
                "+ correction",
                {
                    **sampling,
                    "memory_correct": {
                        "class_type": "XLARDCorrectLatent",
                        "inputs": {"latent": [_DRAW, 0], "strength": 1.0, "sigma": 0.0, **correction_inputs},
                    },
                    _DECODE: {
                        "class_type": "VAEDecode",
                        "inputs": {"samples": ["memory_correct", 0], "vae": inputs["vae"]},
                    },
                },
                _DRAW,
            )
        )
    whole_jobs.append(
        Stage(
            "full loop",
            {**job, _SHOW: {"class_type": "PreviewImage", "inputs": {"images": [loops[0], slot(_LOOP, "image")]}}},
            loops[0],
        )
    )
    return [Stage(stage.name, needed(stage.job, [_SHOW]), stage.sampler) for stage in whole_jobs]


def stage_cost(server: RunningServer, stage: Stage, repeats: int, timeout: float) -> StageCost:
    """Run a stage ``repeats`` times after freeing the device, each time with another seed. Raises JobError."""
    server.free()
    time.sleep(_SETTLE_SECONDS)
    idle_bytes = used_bytes(server)
    seconds, peaks = zip(*(_run_and_watch(server, stage, seed, timeout) for seed in range(repeats)))
    return StageCost(seconds[0], sum(seconds[1:]) / (repeats - 1), max(0, max(peaks) - idle_bytes))


def _run_and_watch(server: RunningServer, stage: Stage, seed: int, timeout: float) -> tuple[float, int]:
    """Seconds of a stage's job, and the most bytes that were in use at any look."""
    peak = 0
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(server.complete, stage.with_seed(seed), timeout, stage.name)
        while not running.done():
            peak = max(peak, used_bytes(server))
            time.sleep(_POLL_SECONDS)
    return running.result().seconds, peak


def used_bytes(server: RunningServer) -> int:
    """Bytes in use on the server's device by all programs; on a CPU, in the machine's memory."""
    device = server.get_json("/system_stats")["devices"][0]
    return device["vram_total"] - device["vram_free"]


def table(costs: dict[str, StageCost]) -> Iterator[str]:
    """The lines of a Markdown table."""
    yield "| part | first run, s | later runs, s | of base | peak beyond idle, GiB |"
    yield "| --- | ---: | ---: | ---: | ---: |"
    for name, cost in costs.items():
        yield (
            f"| {name} | {cost.first_seconds:.2f} | {cost.later_seconds:.2f} |"
            f" {cost.later_seconds / costs['base'].later_seconds:.2f} | {cost.peak_bytes / 2**30:.2f} |"
        )


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Give the command its options."""
    parser.add_argument("--server", default="http://127.0.0.1:8188", help="address of the running ComfyUI")
    parser.add_argument("--workflow", type=Path, required=True, help="saved workflow, or one in the API format")
    parser.add_argument("--repeats", type=int, default=3, help="runs of each part, the first of which loads the models")
    parser.add_argument("--timeout", type=float, default=3600.0, help="seconds that one run may take")


def run(options: argparse.Namespace) -> None:
    """Measure and print; ends the process with a message if it cannot continue."""
    try:
        run_bench(options)
    except (BenchError, ComfyServerError, ValueError, OSError) as error:
        sys.exit(f"\n{error}")


def run_bench(options: argparse.Namespace) -> None:
    """Measure every part and print the table. Raises BenchError, ComfyServerError, ValueError or OSError."""
    if options.repeats < 2:
        raise BenchError(
            f"--repeats is {options.repeats}; at least 2 are needed, because the first run loads the models."
        )
    server = RunningServer(options.server)
    info, stats = server.object_info(), server.get_json("/system_stats")
    device, memory_flags = stats["devices"][0], _MEMORY_FLAGS.findall(" ".join(stats["system"]["argv"]))
    print(
        ", ".join(
            [
                device["name"],
                f"{device['vram_total'] / 2**30:.1f} GiB",
                f"ComfyUI {stats['system']['comfyui_version']}",
                *memory_flags,
            ]
        )
    )
    costs = {}
    for stage in stages(read_job(options.workflow, info), info):
        costs[stage.name] = stage_cost(server, stage, options.repeats, options.timeout)
        print(f"{stage.name}: done", flush=True)
    print("\n".join(table(costs)))
    if device["type"] == "cpu":
        print(
            "\nA CPU has no memory of its own: the peak is the machine's, with all that ran on it meanwhile, and says"
            " nothing about VRAM."
        )
