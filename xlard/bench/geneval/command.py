"""``python -m xlard.bench geneval``: draw what is missing, score what is drawn, write the tables."""

from __future__ import annotations

import argparse
import hashlib
import sys
from pathlib import Path

import torch

from ...comfy_server.client import RunningServer
from ...comfy_server.errors import BenchError
from ...files import read_json, write_json, write_whole
from .draw import Run, draw, missing
from .prompts import PER_TASK, GenEvalPrompt, first_of_each_task, made_up, read_prompts
from .score import check_classes, score
from .tables import comparison, shared
from .template import read_template


def arguments(words: list[str]) -> argparse.Namespace:
    """The parsed command line."""
    parser = argparse.ArgumentParser(
        prog="python -m xlard.bench geneval",
        description=(
            "GenEval through a running ComfyUI, by a workflow "
            "of yours: the plain picture against the corrected one. See docs/geneval.md."
        ),
    )
    parser.add_argument("--server", default="http://127.0.0.1:8188", help="address of the running ComfyUI")
    parser.add_argument("--workflow", type=Path, required=True, help="saved workflow, or one in the API format")
    parser.add_argument(
        "--prompts", type=Path, help="GenEval's evaluation_metadata.jsonl (default: made up after its tasks)"
    )
    parser.add_argument(
        "--number", type=int, help=f"prompts of each task (default: all of the file, or {PER_TASK} made up)"
    )
    parser.add_argument("--seeds", default="0,1,2,3", help="comma-separated, each prompt is drawn with each")
    parser.add_argument(
        "--out", type=Path, required=True, help="folder for pictures and figures; a stopped run goes on in it"
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
    return parser.parse_args(words)


def main(words: list[str]) -> None:
    """Run the benchmark; ends the process with a message where it cannot go on."""
    options = arguments(words)
    try:
        run_benchmark(options)
    except (BenchError, ValueError, OSError) as error:
        sys.exit(f"\n{error}")
    except KeyboardInterrupt:
        sys.exit("\nStopped. Run the same command again: it goes on from there.")


def run_benchmark(options: argparse.Namespace) -> None:
    """Draw, score and write. Raises BenchError, ValueError or OSError with the mend."""
    prompts, seeds = chosen_prompts(options), chosen_seeds(options.seeds)
    judges = load_judges(options, prompts)
    run = Run(options.out)
    run.folder.mkdir(parents=True, exist_ok=True)
    about = same_run(run, options.workflow)
    jobs = missing(run, prompts, seeds)
    if jobs:
        server = RunningServer(options.server)
        template = read_template(options.workflow, server.get_json("/object_info"))
        about |= of_server(server.get_json("/system_stats")) | {"models": template.models, "steps": template.steps}
        write_json(run.folder / "run.json", about)
        draw(server, template, jobs, run, options.timeout)
        # Detector and CLIP may need the GPU.
        server.free()
    print(f"{len(prompts)} prompts, {len(seeds)} seed(s): all pictures are in {run.folder}")
    if judges:
        for judge in filter(None, judges):
            judge.to(options.device)
        report(run, prompts, seeds, about, judges)


def chosen_prompts(options: argparse.Namespace) -> list[GenEvalPrompt]:
    """The prompts of the file, or made up ones."""
    if options.number is not None and options.number < 1:
        raise BenchError(f"--number is {options.number}; at least one prompt of each task is needed.")
    if options.prompts is None:
        return made_up(options.number or PER_TASK)
    prompts = read_prompts(options.prompts)
    return first_of_each_task(prompts, options.number) if options.number else prompts


def chosen_seeds(words: str) -> list[int]:
    """The seeds of a comma-separated list, each once. Raises BenchError for what is no whole number of at least 0."""
    seeds = [word.strip() for word in words.split(",")]
    if not all(seed.isdecimal() for seed in seeds):
        raise BenchError(
            f"--seeds is {words!r}; give whole numbers of at least 0 with commas between them, such as 0,1,2,3."
        )
    return list(dict.fromkeys(map(int, seeds)))


def load_judges(options: argparse.Namespace, prompts: list[GenEvalPrompt]) -> tuple | None:
    """Detector and CLIP, the second None without a folder; None without a detector. Read first, so that errors come
    before hours of drawing."""
    if options.detector is None:
        return None
    from .colors import ClipColors
    from .detector import TransformersDetector

    try:
        torch.empty(0, device=options.device)
    # Of several kinds, and an AssertionError where PyTorch was built without CUDA.
    except Exception as error:
        raise BenchError(
            f"--device {options.device} cannot be used ({str(error).splitlines()[0]}). Take cpu, or cuda where PyTorch"
            " finds a GPU."
        ) from error
    detector = TransformersDetector(options.detector)
    check_classes(detector, prompts)
    return detector, options.clip and ClipColors(options.clip)


def same_run(run: Run, workflow: Path) -> dict:
    """What ``run.json`` says, or its beginning. Raises BenchError if the folder holds pictures of another workflow."""
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


def of_server(stats: dict) -> dict:
    """Release and device of a server, out of its system statistics."""
    return {"comfyui": stats["system"]["comfyui_version"], "gpu": stats["devices"][0]["name"]}


def report(run: Run, prompts: list[GenEvalPrompt], seeds: list[int], about: dict, judges: tuple) -> None:
    """Score, print the tables, and write them to ``table.md`` and the figures to ``summary.json``."""
    from .figures import figures

    detector, name_colors = judges
    about = {**about, "judges": detector.name + (f" + {name_colors.name}" if name_colors else "")}
    print(f"Scoring with {about['judges']} ...", flush=True)
    rows = score(run, prompts, seeds, detector, name_colors, about["judges"])
    if not rows:
        raise BenchError("All prompts ask for colours, which only CLIP can tell. Give its folder with --clip.")
    found, asked = figures(rows), {prompt.prompt for prompt in prompts}
    costs = [row for (prompt, seed), row in run.rows().items() if prompt in asked and seed in seeds]
    text = f"{comparison(found)}\n\n{shared(found, about, seeds, costs)}\n"
    if name_colors is None and any(prompt.needs_colors for prompt in prompts):
        text += "\nTasks with colours were not scored: no CLIP was given. Overall is the mean of the others.\n"
    seconds = [row["seconds"] for row in costs]
    write_json(
        run.folder / "summary.json", {**about, "seeds": seeds, "seconds_per_job": sum(seconds) / len(seconds), **found}
    )
    write_whole(run.folder / "table.md", text.encode())
    print(text, end="")
