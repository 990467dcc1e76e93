"""An artist's workflow as a job to fill in: the places of prompt and seeds, and the two pictures to compare."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ...comfy_server.api_job import links, needed, read_job, text_behind
from ...comfy_server.errors import WorkflowError
from ...prompts.claim_lines import wants_prompt

PLACEHOLDER = "{prompt}"

BASE, CORRECTED, REPORT = "geneval_base", "geneval_corrected", "geneval_report"
"""Ids of a job's output nodes."""

_PICTURE_CLASSES = ("SaveImage", "PreviewImage")
_TITLE_WORDS = {BASE: {"before", "base"}, CORRECTED: {"after", "corrected"}}
_LOOP_OUTPUTS = {BASE: "image_before", CORRECTED: "image"}
_SEED_INPUTS = ("seed", "noise_seed")
_MODEL_FILES = (".safetensors", ".sft", ".gguf", ".ckpt", ".pt", ".pth", ".bin")


@dataclass(frozen=True)
class Template:
    """A job in the API format with ``PLACEHOLDER`` in its texts.

    ``seeds`` are the places of seeds (node id, input name), each with what it adds to the seed. The nodes ``BASE`` and
    ``CORRECTED`` show the pictures; ``REPORT`` has the loop's history if ``reports``.
    """

    job: dict
    seeds: dict[tuple[str, str], int]

    def fill(self, prompt: str, seed: int) -> dict:
        """The job for a prompt and a seed."""
        job = copy.deepcopy(self.job)
        for node_id, name, text in _texts(job):
            job[node_id]["inputs"][name] = text.replace(PLACEHOLDER, prompt)
        for (node_id, name), offset in self.seeds.items():
            job[node_id]["inputs"][name] = (seed + offset) % 2**64
        return job

    @property
    def reports(self) -> bool:
        """Whether the job has the loop's history."""
        return REPORT in self.job

    @property
    def models(self) -> list[str]:
        """The model files that the workflow loads."""
        return sorted({value for _, _, value in _texts(self.job) if value.lower().endswith(_MODEL_FILES)})

    @property
    def steps(self) -> list[int]:
        """The numbers of sampling steps in the workflow."""
        return sorted(
            {node["inputs"]["steps"] for node in self.job.values() if isinstance(node["inputs"].get("steps"), int)}
        )


def read_template(path: Path, object_info: dict) -> Template:
    """A saved workflow, or one in the API format, prepared by the rules in docs/geneval.md. Raises WorkflowError."""
    job = read_job(path, object_info)
    sources = _picture_sources(job, object_info)
    reports = [node["inputs"] for node in job.values() if node["class_type"] == "XLARDReport"]
    for node_id, source in sources.items():
        job[node_id] = {"class_type": "PreviewImage", "inputs": {"images": source}}
    if len(reports) == 1:
        job[REPORT] = {"class_type": "XLARDReport", "inputs": {**reports[0], "filename_prefix": "xLARD/geneval/report"}}
    job = needed(job, [node_id for node_id in (BASE, CORRECTED, REPORT) if node_id in job])
    if not any(PLACEHOLDER in text for _, _, text in _texts(job)):
        _put_placeholder(job, object_info)
    _check_judged_prompts(job, object_info)
    return Template(job, _seeds(job))


def _picture_sources(job: dict, object_info: dict) -> dict[str, list]:
    """The sources [node, slot] of the two pictures, by the id of the node that will show each."""
    picture_nodes = {node_id: node for node_id, node in job.items() if node["class_type"] in _PICTURE_CLASSES}
    titled = {
        output_id: [node_id for node_id, node in picture_nodes.items() if words & _words_of_title(node)]
        for output_id, words in _TITLE_WORDS.items()
    }
    if all(len(node_ids) == 1 for node_ids in titled.values()) and titled[BASE] != titled[CORRECTED]:
        return {output_id: picture_nodes[node_ids[0]]["inputs"]["images"] for output_id, node_ids in titled.items()}
    loops = [
        node_id
        for node_id, node in job.items()
        if set(_LOOP_OUTPUTS.values()) <= set(object_info[node["class_type"]]["output_name"])
    ]
    if not any(titled.values()) and len(loops) == 1:
        names = object_info[job[loops[0]]["class_type"]]["output_name"]
        return {output_id: [loops[0], names.index(name)] for output_id, name in _LOOP_OUTPUTS.items()}
    listed = ", ".join(f"node {node_id} '{_title(node)}'" for node_id, node in picture_nodes.items()) or "none"
    raise WorkflowError(
        f"It is not clear which pictures to compare. The workflow's Save Image and Preview Image nodes: {listed}."
        " Write Before into the title of the one with the plain picture, After into the title of the one with the"
        " corrected picture, and into no other; or use one xLARD Self-Correct and no such titles."
    )


def _title(node: dict) -> str:
    return f"{node.get('_meta', {}).get('title', '')} {node['inputs'].get('filename_prefix', '')}".strip()


def _words_of_title(node: dict) -> set[str]:
    return set(re.findall("[a-z]+", _title(node).lower()))


def _texts(job: dict) -> Iterator[tuple[str, str, str]]:
    """Node id, input name and text of every text in a job."""
    for node_id, node in job.items():
        for name, value in list(node["inputs"].items()):
            if isinstance(value, str):
                yield node_id, name, value


def _declared_inputs(object_info: dict, node: dict) -> dict[str, tuple]:
    """Type and options of a node's inputs."""
    groups = object_info[node["class_type"]]["input"]
    return {
        name: (declaration[0], (declaration[1:] or [{}])[0] or {})
        for group in groups.values()
        if isinstance(group, dict)
        for name, declaration in group.items()
        if isinstance(declaration, (list, tuple))
    }


def _put_placeholder(job: dict, object_info: dict) -> None:
    """Replace the only text that the sampler is conditioned on, in every node that has it."""
    texts = {text for text in _positive_texts(job, object_info) if text}
    if len(texts) != 1:
        listed = "is none" if not texts else "are several: " + ", ".join(repr(text) for text in sorted(texts))
        raise WorkflowError(
            f"It is not clear where the prompt goes: of texts behind the sampler's input positive, there {listed}."
            f" Write {PLACEHOLDER} into the workflow wherever GenEval's prompt belongs."
        )
    (prompt,) = texts
    for node_id, name, text in _texts(job):
        if text == prompt:
            job[node_id]["inputs"][name] = PLACEHOLDER


def _positive_texts(job: dict, object_info: dict) -> Iterator[str]:
    starts = [links(node)["positive"] for node in job.values() if "positive" in links(node)]
    # Guiders without a negative prompt.
    waiting = starts or [
        links(node)["conditioning"]
        for node in job.values()
        if "conditioning" in links(node) and "GUIDER" in object_info[node["class_type"]]["output"]
    ]
    visited = set()
    while waiting:
        node_id = waiting.pop()[0]
        if node_id in visited or node_id not in job:
            continue
        visited.add(node_id)
        node, linked = job[node_id], links(job[node_id])
        if "positive" in linked:
            waiting.append(linked["positive"])
            continue
        for name, (input_type, options) in _declared_inputs(object_info, node).items():
            if input_type == "CONDITIONING" and name in linked:
                waiting.append(linked[name])
            elif input_type == "STRING" and name in node["inputs"] and (options.get("multiline") or name in linked):
                yield text_behind(job, node["inputs"][name]) or ""


def _check_judged_prompts(job: dict, object_info: dict) -> None:
    """Raises WorkflowError if a critic would judge by another text than the prompt."""
    for node_id, node in job.items():
        inputs, title = node["inputs"], f"Node {node_id} ({node['class_type']})"
        prompt = text_behind(job, inputs.get("prompt"))
        required = object_info[node["class_type"]]["input"].get("required", {})
        judges_prompt = node["class_type"].startswith("XLARD") and "prompt" in required
        if judges_prompt and "claims" not in inputs and PLACEHOLDER not in (prompt or ""):
            raise WorkflowError(
                f"{title} would judge every picture by the prompt {prompt!r}. Connect the text of the positive prompt"
                f" to it, or write {PLACEHOLDER} into it."
            )
        edited = text_behind(job, inputs.get("edited"))
        if node["class_type"] == "XLARDClaims" and edited and not wants_prompt(edited):
            raise WorkflowError(
                f"{title} has claims of its own, by which every picture would be judged. Empty its field 'edited', or"
                " add a line '...' to it."
            )


def _seeds(job: dict) -> dict[tuple[str, str], int]:
    """Every seed's place (node id, input name) and how far the seed lies above the lowest: different seeds stay
    different.
    """
    places: dict[tuple[str, str], int] = {}
    for node_id, node in job.items():
        for name in _SEED_INPUTS:
            value = node["inputs"].get(name)
            if isinstance(value, list) and value[0] in job:
                source_inputs = job[value[0]]["inputs"]
                numbers = [key for key, number in source_inputs.items() if _is_whole_number(number)]
                # A source with an input `seed` has its turn in the outer loop.
                if len(numbers) == 1:
                    places[value[0], numbers[0]] = source_inputs[numbers[0]]
            elif _is_whole_number(value):
                places[node_id, name] = value
    if not places:
        raise WorkflowError(
            "The workflow has no seed, so every picture of a prompt would be the same. Use a sampler with an input"
            " 'seed' or 'noise_seed'."
        )
    lowest = min(places.values())
    return {place: value - lowest for place, value in places.items()}


def _is_whole_number(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
