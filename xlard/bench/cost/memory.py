"""``python -m xlard.bench memory``: seconds and peak memory of drawing, judging, correcting and the whole loop, in a
running ComfyUI."""

from __future__ import annotations

import argparse
import re
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from ...comfy_server.client import RunningServer
from ...comfy_server.errors import BenchError
from ...comfy_server.job_files import needed, read_job

_LOOP = "XLARDSelfCorrect"
_DRAW, _DECODE, _SHOW = "memory_draw", "memory_decode", "memory_show"
_OF_SAMPLER = ("model", "positive", "negative", "latent_image", "seed", "steps", "cfg", "sampler_name", "scheduler")
_LOOK_EVERY, _SETTLE = 0.05, 2.0
_PLANNING = re.compile(r"--(?:high|normal|low|no)vram\b|--reserve-vram \S+|--gpu-only\b|--cpu(?!\S)")
"""What ComfyUI is told about memory when it is started."""


@dataclass(frozen=True)
class Stage:
    """A part of the workflow as a job; ``sampler`` is the node whose seed makes it another job."""

    name: str
    job: dict
    sampler: str

    def seeded(self, seed: int) -> dict:
        """The job with a seed."""
        node = self.job[self.sampler]
        return {**self.job, self.sampler: {**node, "inputs": {**node["inputs"], "seed": seed}}}


@dataclass(frozen=True)
class Cost:
    """Seconds of the first run, in which all is loaded, and of a later one; peak bytes beyond what was in use
    before."""

    first: float
    later: float
    peak: int


def stages(job: dict, object_info: dict) -> list[Stage]:
    """The parts of a job that has one xLARD Self-Correct: as KSampler draws, + critic, + correction, the loop. Raises
    BenchError."""
    loops = [id_ for id_, node in job.items() if node["class_type"] == _LOOP]
    if len(loops) != 1:
        raise BenchError(f"The workflow has {len(loops)} nodes xLARD Self-Correct; this bench needs just one.")
    inputs = job[loops[0]]["inputs"]

    def slot(kind: str, name: str) -> int:
        return object_info[kind]["output_name"].index(name)

    drawing = {
        **job,
        _DRAW: {"class_type": "KSampler", "inputs": {name: inputs[name] for name in _OF_SAMPLER} | {"denoise": 1.0}},
        _DECODE: {"class_type": "VAEDecode", "inputs": {"samples": [_DRAW, 0], "vae": inputs["vae"]}},
        _SHOW: {"class_type": "PreviewImage", "inputs": {"images": [_DECODE, 0]}},
    }
    judged = {name: inputs[name] for name in ("critic", "prompt", "claims") if name in inputs}
    found = [Stage("base", drawing, _DRAW)]
    found.append(
        Stage(
            "+ critic",
            {
                **drawing,
                "memory_judge": {"class_type": "XLARDCritique", "inputs": {"images": [_DECODE, 0], **judged}},
                _SHOW: {
                    "class_type": "PreviewAny",
                    "inputs": {"source": ["memory_judge", slot("XLARDCritique", "report")]},
                },
            },
            _DRAW,
        )
    )
    if "corrector" in inputs:
        corrected = {name: inputs[name] for name in ("positive", "corrector", "head") if name in inputs}
        found.append(
            Stage(
                "+ correction",
                {
                    **drawing,
                    "memory_correct": {
                        "class_type": "XLARDCorrectLatent",
                        "inputs": {"latent": [_DRAW, 0], "strength": 1.0, "sigma": 0.0, **corrected},
                    },
                    _DECODE: {
                        "class_type": "VAEDecode",
                        "inputs": {"samples": ["memory_correct", 0], "vae": inputs["vae"]},
                    },
                },
                _DRAW,
            )
        )
    found.append(
        Stage(
            "full loop",
            {**job, _SHOW: {"class_type": "PreviewImage", "inputs": {"images": [loops[0], slot(_LOOP, "image")]}}},
            loops[0],
        )
    )
    return [Stage(stage.name, needed(stage.job, [_SHOW]), stage.sampler) for stage in found]


def cost(server: RunningServer, stage: Stage, repeats: int, timeout: float) -> Cost:
    """Run a stage ``repeats`` times from an empty device on, each time with another seed."""
    server.free()
    time.sleep(_SETTLE)
    before = used(server)
    seconds, peaks = zip(*(_watched(server, stage.seeded(seed), stage.name, timeout) for seed in range(repeats)))
    return Cost(seconds[0], sum(seconds[1:]) / (repeats - 1), max(0, max(peaks) - before))


def _watched(server: RunningServer, job: dict, name: str, timeout: float) -> tuple[float, int]:
    """Seconds of a job, and the most bytes that were in use when somebody looked."""
    peak = 0
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(server.run, job, timeout, name)
        while not running.done():
            peak = max(peak, used(server))
            time.sleep(_LOOK_EVERY)
    return running.result().seconds, peak


def used(server: RunningServer) -> int:
    """Bytes in use on the server's device, by all programs; of a CPU, in the machine's memory."""
    device = server.get_json("/system_stats")["devices"][0]
    return device["vram_total"] - device["vram_free"]


def table(costs: dict[str, Cost]) -> Iterator[str]:
    """The lines of a Markdown table."""
    yield "| part | first run, s | later runs, s | of base | peak beyond idle, GiB |"
    yield "| --- | ---: | ---: | ---: | ---: |"
    for name, each in costs.items():
        yield (
            f"| {name} | {each.first:.2f} | {each.later:.2f} | {each.later / costs['base'].later:.2f} |"
            f" {each.peak / 2**30:.2f} |"
        )


def main(words: list[str]) -> None:
    """Measure and print; ends the process with a message where it cannot go on."""
    parser = argparse.ArgumentParser(
        prog="python -m xlard.bench memory",
        description=(
            "Seconds and peak memory of a workflow with one "
            "xLARD Self-Correct, part by part, in a running ComfyUI. See docs/memory.md."
        ),
    )
    parser.add_argument("--server", default="http://127.0.0.1:8188", help="address of the running ComfyUI")
    parser.add_argument("--workflow", type=Path, required=True, help="saved workflow, or one in the API format")
    parser.add_argument("--repeats", type=int, default=3, help="runs of each part, the first of which loads the models")
    parser.add_argument("--timeout", type=float, default=3600.0, help="seconds that one run may take")
    options = parser.parse_args(words)
    try:
        run_bench(options)
    except (BenchError, ValueError, OSError) as error:
        sys.exit(f"\n{error}")


def run_bench(options: argparse.Namespace) -> None:
    """Measure every part and print the table. Raises BenchError, ValueError or OSError with the mend."""
    if options.repeats < 2:
        raise BenchError(f"--repeats is {options.repeats}; at least 2 are needed, for the first run loads the models.")
    server = RunningServer(options.server)
    info, stats = server.get_json("/object_info"), server.get_json("/system_stats")
    device, planning = stats["devices"][0], _PLANNING.findall(" ".join(stats["system"]["argv"]))
    print(
        ", ".join(
            [
                device["name"],
                f"{device['vram_total'] / 2**30:.1f} GiB",
                f"ComfyUI {stats['system']['comfyui_version']}",
                *planning,
            ]
        )
    )
    costs = {}
    for stage in stages(read_job(options.workflow, info), info):
        costs[stage.name] = cost(server, stage, options.repeats, options.timeout)
        print(f"{stage.name}: done", flush=True)
    print("\n".join(table(costs)))
    if device["type"] == "cpu":
        print(
            "\nA CPU has no memory of its own: the peak is the machine's, with all that ran on it meanwhile, and says"
            " nothing of VRAM."
        )
