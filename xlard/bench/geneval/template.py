"""An artist's workflow as a job to fill in: where the prompt and the seeds go, and which two pictures are compared."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ...comfy_server.errors import BenchError
from ...comfy_server.job_files import links, needed, read_job
from ...prompts.claim_lines import wants_prompt

PLACEHOLDER = "{prompt}"

BASE, CORRECTED, REPORT = "geneval_base", "geneval_corrected", "geneval_report"
"""Ids of the nodes that a job ends in."""

_SHOWN = ("SaveImage", "PreviewImage")
_WORDS = {BASE: {"before", "base"}, CORRECTED: {"after", "corrected"}}
_LOOP_OUTPUTS = {BASE: "image_before", CORRECTED: "image"}
_SEEDS = ("seed", "noise_seed")
_MODEL_FILES = (".safetensors", ".sft", ".gguf", ".ckpt", ".pt", ".pth", ".bin")


@dataclass(frozen=True)
class Template:
    """A job in the API format with ``PLACEHOLDER`` in its texts; ``seeds`` are places with what each adds to the seed.

    The pictures come out of the nodes ``BASE`` and ``CORRECTED``, the loop's history out of ``REPORT`` where
    ``reports``."""

    job: dict
    seeds: dict[tuple[str, str], int]

    def fill(self, prompt: str, seed: int) -> dict:
        """The job for a prompt and a seed."""
        job = copy.deepcopy(self.job)
        for node, name, text in _texts(job):
            job[node]["inputs"][name] = text.replace(PLACEHOLDER, prompt)
        for (node, name), more in self.seeds.items():
            job[node]["inputs"][name] = (seed + more) % 2**64
        return job

    @property
    def reports(self) -> bool:
        """Whether the loop's history can be had."""
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
    """A saved workflow, or one in the API format, made ready by the rules in docs/geneval.md. Raises BenchError."""
    job = read_job(path, object_info)
    sources = _pictures(job, object_info)
    reports = [node["inputs"] for node in job.values() if node["class_type"] == "XLARDReport"]
    for id_, source in sources.items():
        job[id_] = {"class_type": "PreviewImage", "inputs": {"images": source}}
    if len(reports) == 1:
        job[REPORT] = {"class_type": "XLARDReport", "inputs": {**reports[0], "filename_prefix": "xLARD/geneval/report"}}
    job = needed(job, [id_ for id_ in (BASE, CORRECTED, REPORT) if id_ in job])
    if not any(PLACEHOLDER in text for _, _, text in _texts(job)):
        _put_placeholder(job, object_info)
    _check_judged(job, object_info)
    return Template(job, _seeds(job))


def _pictures(job: dict, object_info: dict) -> dict[str, list]:
    """What feeds the two pictures, by the id of the node that is to show each."""
    shown = {id_: node for id_, node in job.items() if node["class_type"] in _SHOWN}
    named = {kind: [id_ for id_, node in shown.items() if words & _words_of(node)] for kind, words in _WORDS.items()}
    if all(len(found) == 1 for found in named.values()) and named[BASE] != named[CORRECTED]:
        return {kind: shown[found[0]]["inputs"]["images"] for kind, found in named.items()}
    loops = [
        id_
        for id_, node in job.items()
        if set(_LOOP_OUTPUTS.values()) <= set(object_info[node["class_type"]]["output_name"])
    ]
    if not any(named.values()) and len(loops) == 1:
        names = object_info[job[loops[0]]["class_type"]]["output_name"]
        return {kind: [loops[0], names.index(name)] for kind, name in _LOOP_OUTPUTS.items()}
    seen = ", ".join(f"node {id_} '{_title(node)}'" for id_, node in shown.items()) or "none"
    raise BenchError(
        f"Which pictures are to be compared cannot be told. The workflow's Save Image and Preview Image nodes: {seen}."
        " Write Before into the title of the one with the plain picture, After into the title of the one with the"
        " corrected picture, and into no other; or have one xLARD Self-Correct and no such titles."
    )


def _title(node: dict) -> str:
    return f"{node.get('_meta', {}).get('title', '')} {node['inputs'].get('filename_prefix', '')}".strip()


def _words_of(node: dict) -> set[str]:
    return set(re.findall("[a-z]+", _title(node).lower()))


def _texts(job: dict) -> Iterator[tuple[str, str, str]]:
    """Node, input and text of every text in a job."""
    for id_, node in job.items():
        for name, value in list(node["inputs"].items()):
            if isinstance(value, str):
                yield id_, name, value


def _declared(object_info: dict, node: dict) -> dict[str, tuple]:
    """Type and options of a node's inputs."""
    groups = object_info[node["class_type"]]["input"]
    return {
        name: (kind[0], (kind[1:] or [{}])[0] or {})
        for group in groups.values()
        if isinstance(group, dict)
        for name, kind in group.items()
        if isinstance(kind, (list, tuple))
    }


def _put_placeholder(job: dict, object_info: dict) -> None:
    """Replace the one text that the sampler is conditioned on, wherever a node holds it."""
    found = {text for text in _positive_texts(job, object_info) if text}
    if len(found) != 1:
        seen = "is none" if not found else "are several: " + ", ".join(repr(text) for text in sorted(found))
        raise BenchError(
            f"Where the prompt goes cannot be told: of the texts behind the sampler's input positive, there {seen}."
            f" Write {PLACEHOLDER} into the workflow wherever GenEval's prompt is to stand."
        )
    text = found.pop()
    for node, name, value in _texts(job):
        if value == text:
            job[node]["inputs"][name] = PLACEHOLDER


def _positive_texts(job: dict, object_info: dict) -> Iterator[str]:
    starts = [links(node)["positive"] for node in job.values() if "positive" in links(node)]
    # Guiders without a negative prompt.
    waiting = starts or [
        links(node)["conditioning"]
        for node in job.values()
        if "conditioning" in links(node) and "GUIDER" in object_info[node["class_type"]]["output"]
    ]
    seen = set()
    while waiting:
        id_ = waiting.pop()[0]
        if id_ in seen or id_ not in job:
            continue
        seen.add(id_)
        node, linked = job[id_], links(job[id_])
        declared = _declared(object_info, node)
        if "positive" in linked:
            waiting.append(linked["positive"])
            continue
        for name, (kind, options) in declared.items():
            if kind == "CONDITIONING" and name in linked:
                waiting.append(linked[name])
            elif kind == "STRING" and name in node["inputs"] and (options.get("multiline") or name in linked):
                yield _literal(job, node["inputs"][name]) or ""


def _literal(job: dict, value: object) -> str | None:
    """The text behind an input: itself, or what the node that it is linked to holds; None where a node makes it of
    several."""
    while isinstance(value, list):
        texts = [each for each in job[value[0]]["inputs"].values() if isinstance(each, (str, list))]
        if len(texts) != 1:
            return None
        value = texts[0]
    return value if isinstance(value, str) else None


def _check_judged(job: dict, object_info: dict) -> None:
    """Raises BenchError if a critic would judge by another text than the prompt."""
    for id_, node in job.items():
        inputs, title = node["inputs"], f"Node {id_} ({node['class_type']})"
        prompt = _literal(job, inputs.get("prompt"))
        asks = node["class_type"].startswith("XLARD") and "prompt" in object_info[node["class_type"]]["input"].get(
            "required", {}
        )
        if asks and "claims" not in inputs and PLACEHOLDER not in (prompt or ""):
            raise BenchError(
                f"{title} would judge by the prompt {prompt!r}, whatever is drawn. Connect the text of the positive"
                f" prompt to it, or write {PLACEHOLDER} there."
            )
        edited = _literal(job, inputs.get("edited"))
        if node["class_type"] == "XLARDClaims" and edited and not wants_prompt(edited):
            raise BenchError(
                f"{title} has claims of its own, which are judged whatever is drawn. Empty its field 'edited', or add a"
                " line '...' to it."
            )


def _seeds(job: dict) -> dict[tuple[str, str], int]:
    """Every seed's place with how far it lies above the lowest, so that seeds that differ go on to differ."""
    places: dict[tuple[str, str], int] = {}
    for id_, node in job.items():
        for name in _SEEDS:
            value = node["inputs"].get(name)
            if isinstance(value, list) and value[0] in job:
                id_of, held = value[0], job[value[0]]["inputs"]
                numbers = [key for key, each in held.items() if _is_number(each)]
                # A node with a seed of its own is met by itself.
                if len(numbers) == 1:
                    places[id_of, numbers[0]] = held[numbers[0]]
            elif _is_number(value):
                places[id_, name] = value
    if not places:
        raise BenchError(
            "The workflow has no seed: no node has an input 'seed' or 'noise_seed'. Every picture of a prompt would be"
            " the same."
        )
    lowest = min(places.values())
    return {place: value - lowest for place, value in places.items()}


def _is_number(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
