"""``python -m xlard.bench geneval``: draw what is missing, score what is drawn, write the tables."""

from __future__ import annotations

import argparse
import hashlib
import sys
from dataclasses import dataclass
from pathlib import Path

import torch

from ...comfy_server.errors import ComfyServerError
from ...comfy_server.running import RunningServer
from ...files import read_json, write_json, write_whole
from ..errors import BenchError
from .colors import ClipColors
from .detector import Detector, TransformersDetector
from .draw import RunFolder, draw, missing
from .figures import figures
from .prompts import PER_TASK, GenEvalPrompt, first_of_each_task, made_up_prompts, read_prompts
from .score import check_classes, score
from .tables import comparison_table, table_to_share
from .template import read_template

SUMMARY = "GenEval with your workflow, the plain picture against the corrected one: docs/geneval.md"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Give the command its options."""
    parser.add_argument("--server", default="http://127.0.0.1:8188", help="address of the running ComfyUI")
    parser.add_argument("--workflow", type=Path, required=True, help="saved workflow, or one in the API format")
    parser.add_argument(
        "--prompts", type=Path, help="GenEval's evaluation_metadata.jsonl (default: made up after its tasks)"
    )
    parser.add_argument(
        "--number", type=int, help=f"prompts of each task (default: all of the file, or {PER_TASK} made up)"
    )
    parser.add_argument(
        "--seeds", default="0,1,2,3", help="comma-separated seeds; each prompt is drawn with each of them"
    )
    parser.add_argument(
        "--out", type=Path, required=True, help="folder for pictures and figures; a stopped run continues in it"
    )
    parser.add_argument(
        "--detector", type=Path, help="folder of a detector for COCO; without one pictures are only drawn"
    )
    parser.add_argument(
        "--clip", type=Path, help="folder of a CLIP for colours; without one tasks with colours are not scored"
    )
    parser.add_argument("--device", default="cpu", help="where detector and CLIP run, such as cpu or cuda")
    parser.add_argument(
        "--timeout", type=float, default=3600.0, help="seconds that one job may take, waiting in the queue included"
    )


def run(options: argparse.Namespace) -> None:
    """Run the benchmark; ends the process with a message if it cannot continue."""
    try:
        run_benchmark(options)
    except (BenchError, ComfyServerError, ValueError, OSError) as error:
        sys.exit(f"\n{error}")
    except KeyboardInterrupt:
        sys.exit("\nStopped. Run the same command again: it continues from there.")


def run_benchmark(options: argparse.Namespace) -> None:
    """Draw, score and write. Raises BenchError, ComfyServerError, ValueError or OSError."""
    prompts, seeds = chosen_prompts(options), chosen_seeds(options.seeds)
    judges = load_judges(options, prompts)
    run = RunFolder(options.out)
    run.folder.mkdir(parents=True, exist_ok=True)
    about = facts_of_run(run, options.workflow)
    jobs = missing(run, prompts, seeds)
    if jobs:
        server = RunningServer(options.server)
        template = read_template(options.workflow, server.object_info())
        about |= facts_of_server(server.get_json("/system_stats"))
        about |= {"models": template.models, "steps": template.steps}
        write_json(run.folder / "run.json", about)
        draw(server, template, jobs, run, options.timeout)
        # Detector and CLIP may need the GPU.
        server.free()
    print(f"{len(prompts)} prompts, {len(seeds)} seed(s): all pictures are in {run.folder}")
    if judges:
        judges.to(options.device)
        report(run, prompts, seeds, about, judges)


def chosen_prompts(options: argparse.Namespace) -> list[GenEvalPrompt]:
    """The prompts of the file, or made up ones."""
    if options.number is not None and options.number < 1:
        raise BenchError(f"--number is {options.number}; at least one prompt of each task is needed.")
    if options.prompts is None:
        return made_up_prompts(options.number or PER_TASK)
    prompts = read_prompts(options.prompts)
    return first_of_each_task(prompts, options.number) if options.number else prompts


def chosen_seeds(text: str) -> list[int]:
    """The seeds of a comma-separated list, each once. Raises BenchError for anything but whole numbers from 0."""
    seeds = [word.strip() for word in text.split(",")]
    if not all(seed.isdecimal() for seed in seeds):
        raise BenchError(
            f"--seeds is {text!r}; give whole numbers of at least 0 with commas between them, such as 0,1,2,3."
        )
    return list(dict.fromkeys(map(int, seeds)))


@dataclass(frozen=True)
class Judges:
    """A detector, and CLIP for colours if its folder is given."""

    detector: Detector
    name_colors: ClipColors | None

    @property
    def name(self) -> str:
        """Both names, as reports show them."""
        return self.detector.name + (f" + {self.name_colors.name}" if self.name_colors else "")

    def to(self, device: str) -> None:
        """Move the models to the device that pictures are judged on."""
        self.detector.to(device)
        if self.name_colors:
            self.name_colors.to(device)


def load_judges(options: argparse.Namespace, prompts: list[GenEvalPrompt]) -> Judges | None:
    """Detector and CLIP; None without a detector. They are read first: errors come before hours of drawing."""
    if options.detector is None:
        return None
    try:
        torch.empty(0, device=options.device)
    # It raises several types, and an AssertionError if PyTorch was built without CUDA.
    except Exception as error:
        raise BenchError(
            f"--device {options.device} cannot be used ({str(error).splitlines()[0]}). Use cpu, or cuda if PyTorch"
            " finds a GPU."
        ) from error
    detector = TransformersDetector(options.detector)
    check_classes(detector, prompts)
    return Judges(detector, ClipColors(options.clip) if options.clip else None)


def facts_of_run(run: RunFolder, workflow: Path) -> dict:
    """The content of ``run.json``, or the start of a new one. Raises BenchError if the folder holds pictures of another
    workflow.
    """
    path = run.folder / "run.json"
    try:
        digest = hashlib.sha256(workflow.read_bytes()).hexdigest()
    except OSError as error:
        raise BenchError(f"The workflow {workflow} cannot be read ({error}). Correct --workflow.") from error
    if not path.is_file():
        return {"workflow": workflow.stem, "workflow_sha256": digest}
    about = read_json(path, "Choose another folder with --out.")
    if about["workflow_sha256"] != digest:
        raise BenchError(
            f"{run.folder} holds pictures of the workflow {about['workflow']} as it was before; {workflow.name} is"
            " another, or has changed. Choose another folder with --out."
        )
    return about


def facts_of_server(stats: dict) -> dict:
    """Release and device of a server, from its system statistics."""
    return {"comfyui": stats["system"]["comfyui_version"], "gpu": stats["devices"][0]["name"]}


def report(run: RunFolder, prompts: list[GenEvalPrompt], seeds: list[int], about: dict, judges: Judges) -> None:
    """Score, print the tables, and write them to ``table.md`` and the figures to ``summary.json``."""
    about = {**about, "judges": judges.name}
    print(f"Scoring with {judges.name} ...", flush=True)
    scores = score(run, prompts, seeds, judges.detector, judges.name_colors, judges.name)
    if not scores:
        raise BenchError("All prompts ask for colours, which only CLIP can tell. Give its folder with --clip.")
    results, texts = figures(scores), {prompt.prompt for prompt in prompts}
    drawn = [row for (prompt, seed), row in run.rows().items() if prompt in texts and seed in seeds]
    tables = f"{comparison_table(results)}\n\n{table_to_share(results, about, seeds, drawn)}\n"
    if judges.name_colors is None and any(prompt.needs_colors for prompt in prompts):
        tables += "\nTasks with colours were not scored: no CLIP was given. Overall is the mean of the other tasks.\n"
    seconds_per_job = sum(row["seconds"] for row in drawn) / len(drawn)
    write_json(run.folder / "summary.json", {**about, "seeds": seeds, "seconds_per_job": seconds_per_job, **results})
    write_whole(run.folder / "table.md", tables.encode())
    print(tables, end="")
