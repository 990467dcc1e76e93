"""Drawing: one job of the server for each prompt and seed, two pictures of each; a stopped run can continue."""

from __future__ import annotations

import json
import re
import time
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ...comfy_server.job_result import JobResult
from ...comfy_server.running import RunningServer
from ...files import append_lines, read_lines, write_whole
from ..errors import BenchError
from .prompts import GenEvalPrompt
from .template import BASE, CORRECTED, REPORT, Template

PICTURE_NODES = {"base": BASE, "corrected": CORRECTED}
"""The two versions of a job's picture, and the nodes that show them."""


@dataclass(frozen=True)
class RunFolder:
    """A run's folder: ``run.json``, ``pictures.jsonl``, ``scores.jsonl`` and a folder of pictures for each version."""

    folder: Path

    @property
    def drawn(self) -> Path:
        """The list with a line for each job that was drawn."""
        return self.folder / "pictures.jsonl"

    @property
    def scored(self) -> Path:
        """The list with a line for each picture that was scored."""
        return self.folder / "scores.jsonl"

    def picture(self, version: str, prompt: str, seed: int) -> Path:
        """The file of a picture."""
        words = "_".join(re.findall("[a-z0-9]+", prompt.lower()))[:80]
        return self.folder / version / f"{words}-{_number(prompt):08x}_{seed}.png"

    def rows(self) -> dict[tuple[str, int], dict]:
        """The row of ``pictures.jsonl`` for each prompt and seed whose pictures exist."""
        return {
            (row["prompt"], row["seed"]): row
            for row in read_lines(self.drawn)
            if all(self.picture(version, row["prompt"], row["seed"]).is_file() for version in PICTURE_NODES)
        }


def _number(prompt: str) -> int:
    return zlib.crc32(prompt.encode())


def sampler_seed(prompt: str, seed: int) -> int:
    """The sampler's seed: different for each prompt and the same in every run, which makes runs comparable picture by
    picture.
    """
    return 1000 * _number(prompt) + seed


def missing(run: RunFolder, prompts: Sequence[GenEvalPrompt], seeds: Sequence[int]) -> list[tuple[GenEvalPrompt, int]]:
    """What is not drawn yet: all prompts with the first seed, then with the next."""
    drawn = run.rows()
    return [(prompt, seed) for seed in seeds for prompt in prompts if (prompt.prompt, seed) not in drawn]


def draw(
    server: RunningServer, template: Template, jobs: Sequence[tuple[GenEvalPrompt, int]], run: RunFolder, timeout: float
) -> None:
    """Draw all jobs one after the other. Raises JobError for the first that fails; earlier pictures stay."""
    for version in PICTURE_NODES:
        (run.folder / version).mkdir(parents=True, exist_ok=True)
    start = time.monotonic()
    for number, (prompt, seed) in enumerate(jobs, 1):
        job = template.fill(prompt.prompt, sampler_seed(prompt.prompt, seed))
        result = server.complete(job, timeout, repr(prompt.prompt))
        for version, node_id in PICTURE_NODES.items():
            write_whole(run.picture(version, prompt.prompt, seed), server.view(_only_picture(result, node_id)))
        append_lines(
            run.drawn,
            [
                {
                    "prompt": prompt.prompt,
                    "tag": prompt.tag,
                    "seed": seed,
                    "sampler_seed": sampler_seed(prompt.prompt, seed),
                    "seconds": round(result.seconds, 3),
                    **_loop_figures(server, result),
                }
            ],
        )
        left = (time.monotonic() - start) / number * (len(jobs) - number)
        print(
            f"{number}/{len(jobs)}  {result.seconds:.1f} s, about {left / 60:.0f} min left: {prompt.prompt}", flush=True
        )


def _only_picture(result: JobResult, node_id: str) -> dict:
    pictures = result.outputs.get(node_id, {}).get("images", [])
    if len(pictures) != 1:
        raise BenchError(
            f"The workflow makes {len(pictures)} pictures in a job; GenEval needs one. Set the batch size to 1."
        )
    return pictures[0]


def _loop_figures(server: RunningServer, result: JobResult) -> dict:
    """NFE and seconds of the plain and the corrected picture, from the loop's history; empty without a history."""
    pages = result.outputs.get(REPORT, {}).get("html", [])
    if not pages:
        return {}
    history_name = Path(pages[0]["filename"]).with_suffix(".json").name
    history = json.loads(server.view({**pages[0], "filename": history_name}))[0]
    first = history["rounds"][0]
    return {
        "nfe": {"base": first["nfe"], "corrected": history["nfe"]},
        "loop_seconds": {"base": first["seconds"], "corrected": history["seconds"]},
    }
