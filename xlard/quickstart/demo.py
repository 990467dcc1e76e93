"""The demo job: the shipped self-correction workflow on a real ComfyUI server, its results in a folder.

Its command line is read before the virtual environment exists, so importing this module needs no packages.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

from ..comfy_server.api_job import text_behind
from ..comfy_server.errors import ComfyServerError
from ..comfy_server.job_result import JobResult
from ..comfy_server.server import ComfyServer
from ..comfy_server.workflow import workflow_to_api
from .steps import QuickstartError, step

CHECKOUT = Path(__file__).resolve().parents[2]
WORKFLOWS = {"things": "demo_things.json", "shapes": "demo_self_correct.json"}
"""The workflow that draws each demo world's pictures."""

LOOP_NODE, REPORT_NODE = "XLARDSelfCorrect", "XLARDReport"
# Outputs of the loop that native nodes show, added to the workflow: pictures with their file names, and texts.
PICTURES = {"image_before": "before.png", "image": "after.png"}
TEXTS = ("score", "passed", "report")
JOB_TIMEOUT = 1800.0


def arguments(argv: list[str]) -> argparse.Namespace:
    """The demo's options."""
    parser = argparse.ArgumentParser(
        prog="python3 -m xlard.quickstart demo",
        description=(
            "Draws a prompt of the demo world in a headless ComfyUI, lets the critic judge the picture and the loop "
            "correct it, and writes before.png, after.png and report.html into the output folder."
        ),
    )
    parser.add_argument(
        "--world", choices=WORKFLOWS, default=next(iter(WORKFLOWS)), help="which demo world (default: %(default)s)"
    )
    parser.add_argument("--prompt", help="what to draw, such as 'three red cars' (default: the workflow's)")
    parser.add_argument("--seed", type=int, help="seed of the first picture (default: the workflow's)")
    parser.add_argument("--output", type=Path, default=CHECKOUT / "output", help="folder for the results")
    return parser.parse_args(argv)


def find_node(job: dict, class_type: str) -> str:
    """The id of the only node of `class_type` in an API-format job; raises QuickstartError if there is none or more."""
    node_ids = [node_id for node_id, node in job.items() if node["class_type"] == class_type]
    if len(node_ids) != 1:
        raise QuickstartError(f"The workflow has {len(node_ids)} {class_type} nodes; the demo needs exactly one.")
    return node_ids[0]


def set_prompt(job: dict, prompt: str) -> None:
    """Replace the loop's prompt wherever `job` states it, in the text encoder too.

    Raises QuickstartError if the prompt in the workflow is not one plain text.
    """
    old = _loop_prompt(job)
    if old is None:
        raise QuickstartError("The workflow's prompt is not one plain text: --prompt cannot replace it.")
    for node in job.values():
        for name, value in node["inputs"].items():
            if value == old:
                node["inputs"][name] = prompt


def _loop_prompt(job: dict) -> str | None:
    return text_behind(job, job[find_node(job, LOOP_NODE)]["inputs"]["prompt"])


def add_outputs(job: dict, object_info: dict) -> dict[str, str]:
    """Add native output nodes for the loop's pictures and texts to `job`; return their ids by output name."""
    loop = find_node(job, LOOP_NODE)
    slots = object_info[LOOP_NODE]["output_name"]
    added = {}
    for name in (*PICTURES, *TEXTS):
        source = [loop, slots.index(name)]
        if name in PICTURES:
            node = {"class_type": "SaveImage", "inputs": {"images": source, "filename_prefix": name}}
        else:
            node = {"class_type": "PreviewAny", "inputs": {"source": source}}
        added[name] = f"quickstart_{name}"
        job[added[name]] = node
    return added


def prepare_job(workflow: Path, object_info: dict, prompt: str | None, seed: int | None) -> tuple[dict, dict[str, str]]:
    """Read the shipped workflow as an API-format job with the user's choices and the demo's own outputs.

    Raises QuickstartError if the file is missing or lacks the loop node, WorkflowError if it cannot be converted.
    """
    if not workflow.is_file():
        raise QuickstartError(f"{workflow} is missing: check out the repository again.")
    job = workflow_to_api(json.loads(workflow.read_text(encoding="utf-8")), object_info)
    if prompt is not None:
        set_prompt(job, prompt)
    if seed is not None:
        job[find_node(job, LOOP_NODE)]["inputs"]["seed"] = seed
    return job, add_outputs(job, object_info)


def save_results(server: ComfyServer, job: dict, result: JobResult, added: dict[str, str], output: Path) -> list[Path]:
    """Write the pictures and the report's files into `output` and return their paths.

    Raises QuickstartError if the job made no pictures or no page.
    """
    output.mkdir(parents=True, exist_ok=True)
    names = {added[name]: file_name for name, file_name in PICTURES.items()}
    report = find_node(job, REPORT_NODE)
    saved = []
    for file in result.files():
        if file["node"] == report:
            path = output / f"report{Path(file['filename']).suffix}"
        elif file["node"] in names:
            path = output / names[file["node"]]
        else:
            continue
        path.write_bytes(server.view(file))
        saved.append(path)
    missing = {*PICTURES.values(), "report.html"} - {path.name for path in saved}
    if missing:
        raise QuickstartError(f"The job ended without {', '.join(sorted(missing))}.\n{server.log_tail()}")
    return saved


def summary(job: dict, result: JobResult, added: dict[str, str], saved: list[Path]) -> Iterator[str]:
    """The lines of the table that is printed at the end."""
    loop = job[find_node(job, LOOP_NODE)]["inputs"]
    shown = {name: "".join(result.outputs[added[name]].get("text", ())) for name in TEXTS}
    rows = {
        "prompt": _loop_prompt(job),
        "seed": loop["seed"],
        "score": shown["score"],
        "passed": shown["passed"],
        "seconds": f"{result.seconds:.1f}",
        **{path.name: path for path in sorted(saved)},
    }
    width = max(map(len, rows))
    yield from (f"{name:<{width}}  {value}" for name, value in rows.items())
    yield ""
    (card,) = json.loads(result.outputs[find_node(job, LOOP_NODE)]["xlard_card"][0])
    yield from rounds(card["rounds"])
    yield ""
    yield shown["report"]


def rounds(card: list[dict]) -> Iterator[str]:
    """What was wrong in each round, out of the loop's card."""
    for made in card:
        wrong = [claim for claim in made["claims"] if not claim["passed"]]
        number = len(made["claims"])
        yield f"Round {made['number']}, {made['strategy']}: {number - len(wrong)} of {number} claims hold"
        marks = {False: "\u2717", None: "?"}
        yield from (f"  {marks[claim['passed']]} {claim['text']}: {claim['reason']}" for claim in wrong)


class ProgressLine:
    """Prints the job's progress in place on a terminal, and nothing elsewhere."""

    def __init__(self, job: dict):
        self.job = job
        self.last = 0.0

    def __call__(self, node_id: str, value: float, maximum: float) -> None:
        if not sys.stdout.isatty() or time.monotonic() - self.last < 0.1:
            return
        self.last = time.monotonic()
        name = self.job.get(node_id, {}).get("class_type", node_id)
        steps = f" {value:.0f}/{maximum:.0f}" if maximum else ""
        print(f"\r  {name}{steps}\033[K", end="", flush=True)

    def clear(self) -> None:
        """Remove the line."""
        if sys.stdout.isatty():
            print("\r\033[K", end="", flush=True)


def run_demo(options: argparse.Namespace) -> None:
    """Run the job and print its table. Raises QuickstartError if it fails; the server's log is then in the folder."""
    server = ComfyServer(Path(os.environ["COMFYUI_PATH"]), pack=CHECKOUT)
    with ExitStack() as stack:
        with step("Starting ComfyUI"):
            stack.enter_context(server)
        info = server.object_info()
        if LOOP_NODE not in info:
            raise QuickstartError(f"ComfyUI did not load the pack.\n{server.log_tail()}")
        workflow = CHECKOUT / "workflows" / WORKFLOWS[options.world]
        job, added = prepare_job(workflow, info, options.prompt, options.seed)
        print("Running the self-correction workflow ...", flush=True)
        progress = ProgressLine(job)
        result = server.run(job, timeout=JOB_TIMEOUT, on_progress=progress)
        progress.clear()
        if result.status != "success" or result.node_errors:
            options.output.mkdir(parents=True, exist_ok=True)
            log = shutil.copy(server.base / "comfyui.log", options.output / "comfyui.log")
            raise QuickstartError(f"{failure(result)}\nComfyUI's log is in {log}.")
        saved = save_results(server, job, result, added, options.output)
    print("\n".join(["", *summary(job, result, added, saved)]), flush=True)


def failure(result: JobResult) -> str:
    """One line that says why a job did not succeed."""
    if result.error is not None:
        return f"{result.error['node_type']} failed: {result.error['exception_message']}"
    if result.node_errors:
        return f"ComfyUI left out some outputs: {json.dumps(result.node_errors)}"
    return f"The job ended as {result.status}."


if __name__ == "__main__":
    try:
        run_demo(arguments(sys.argv[1:]))
    except (QuickstartError, ComfyServerError) as error:
        sys.exit(f"\n{error}")
    except KeyboardInterrupt:
        sys.exit(130)
