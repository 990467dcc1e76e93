"""Drawing: one job of the server for each prompt and seed, two pictures of each, so that a stopped run can go on."""

from __future__ import annotations

import json
import re
import time
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ...comfy_server.client import RunningServer
from ...comfy_server.errors import BenchError
from ...comfy_server.job import JobResult
from ...files import append_lines, read_lines, write_whole
from .prompts import GenEvalPrompt
from .template import BASE, CORRECTED, REPORT, Template

KINDS = {"base": BASE, "corrected": CORRECTED}
"""The two pictures of a job, and the nodes that they come out of."""


@dataclass(frozen=True)
class Run:
    """A run's folder: ``run.json``, ``pictures.jsonl``, ``scores.jsonl`` and a folder of pictures of each kind."""

    folder: Path

    @property
    def drawn(self) -> Path:
        """A line for each job that was drawn."""
        return self.folder / "pictures.jsonl"

    @property
    def scored(self) -> Path:
        """A line for each picture that was scored."""
        return self.folder / "scores.jsonl"

    def picture(self, kind: str, prompt: str, seed: int) -> Path:
        """Where a picture lies."""
        words = "_".join(re.findall("[a-z0-9]+", prompt.lower()))[:80]
        return self.folder / kind / f"{words}-{_number(prompt):08x}_{seed}.png"

    def rows(self) -> dict[tuple[str, int], dict]:
        """What ``pictures.jsonl`` says of each prompt and seed whose pictures are there."""
        return {
            (row["prompt"], row["seed"]): row
            for row in read_lines(self.drawn)
            if all(self.picture(kind, row["prompt"], row["seed"]).is_file() for kind in KINDS)
        }


def _number(prompt: str) -> int:
    return zlib.crc32(prompt.encode())


def seed_of(prompt: str, seed: int) -> int:
    """The sampler's seed: another for each prompt, the same in every run, so that runs can be compared picture by
    picture."""
    return 1000 * _number(prompt) + seed


def missing(run: Run, prompts: Sequence[GenEvalPrompt], seeds: Sequence[int]) -> list[tuple[GenEvalPrompt, int]]:
    """What is not drawn yet: all prompts with the first seed, then with the next."""
    there = run.rows()
    return [(prompt, seed) for seed in seeds for prompt in prompts if (prompt.prompt, seed) not in there]


def draw(
    server: RunningServer, template: Template, jobs: Sequence[tuple[GenEvalPrompt, int]], run: Run, timeout: float
) -> None:
    """Draw all jobs one after the other. Raises BenchError for the first that fails; what was drawn before stays."""
    for kind in KINDS:
        (run.folder / kind).mkdir(parents=True, exist_ok=True)
    start = time.monotonic()
    for number, (prompt, seed) in enumerate(jobs, 1):
        result = server.run(template.fill(prompt.prompt, seed_of(prompt.prompt, seed)), timeout, repr(prompt.prompt))
        for kind, node in KINDS.items():
            write_whole(run.picture(kind, prompt.prompt, seed), server.view(_only_picture(result, node)))
        append_lines(
            run.drawn,
            [
                {
                    "prompt": prompt.prompt,
                    "tag": prompt.tag,
                    "seed": seed,
                    "sampler_seed": seed_of(prompt.prompt, seed),
                    "seconds": round(result.seconds, 3),
                    **_cost(server, result),
                }
            ],
        )
        left = (time.monotonic() - start) / number * (len(jobs) - number)
        print(
            f"{number}/{len(jobs)}  {result.seconds:.1f} s, about {left / 60:.0f} min left: {prompt.prompt}", flush=True
        )


def _only_picture(result: JobResult, node: str) -> dict:
    pictures = result.outputs.get(node, {}).get("images", [])
    if len(pictures) != 1:
        raise BenchError(
            f"The workflow makes {len(pictures)} pictures in a job; GenEval needs one. Set the batch size to 1."
        )
    return pictures[0]


def _cost(server: RunningServer, result: JobResult) -> dict:
    """Model calls and seconds of the plain and the corrected picture, by the loop's history; nothing without one."""
    pages = result.outputs.get(REPORT, {}).get("html", [])
    if not pages:
        return {}
    history = json.loads(server.view({**pages[0], "filename": Path(pages[0]["filename"]).with_suffix(".json").name}))[0]
    first = history["rounds"][0]
    return {
        "nfe": {"base": first["nfe"], "corrected": history["nfe"]},
        "loop_seconds": {"base": first["seconds"], "corrected": history["seconds"]},
    }
