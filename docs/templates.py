"""Writes docs/templates.md: which of ComfyUI's own image templates xLARD Self-Correct can draw, by what they connect.

    pip install --target FOLDER comfyui-workflow-templates-json
    python docs/templates.py FOLDER/comfyui_workflow_templates_json/templates

Nothing is run: the page says what would go where, read from the templates' files.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CATEGORY = "Image"
"""The title of the templates' list that is read."""

PAGE = Path(__file__).with_suffix(".md")
SAMPLERS = ("KSampler", "KSamplerAdvanced", "SamplerCustom", "SamplerCustomAdvanced")
SETTINGS, SECOND = "its settings", "second_model (of the second sampler)"
AS_IT_IS = f"{SETTINGS} as they are"
_ACTIVE = 0
_PASSED_ON = ("Reroute", "SetLatentNoiseMask", "LatentUpscale", "LatentUpscaleBy")
"""Nodes through which one sampler's latent goes to another one."""


@dataclass(frozen=True)
class Verdict:
    """Whether the loop takes a sampler's place, and how, or why not."""

    fits: bool
    how: str


class Graph:
    """A workflow or one of its subgraphs: its nodes by id, and what each input is connected to."""

    def __init__(self, saved: dict[str, Any]):
        self.nodes = {node["id"]: node for node in saved.get("nodes", [])}
        self._origins = {
            (link["id"] if isinstance(link, dict) else link[0]): (
                (link["origin_id"], link["origin_slot"]) if isinstance(link, dict) else (link[1], link[2])
            )
            for link in saved.get("links", [])
        }

    def samplers(self) -> list[dict]:
        """The nodes that sample and are not switched off."""
        return [
            node for node in self.nodes.values() if node["type"] in SAMPLERS and node.get("mode", _ACTIVE) == _ACTIVE
        ]

    def source(self, node: dict, name: str) -> tuple[dict, int] | None:
        """The node and its output that an input comes from; None for one of outside, and for none."""
        link = next((put["link"] for put in node.get("inputs", []) if put["name"] == name), None)
        origin = self.nodes.get(self._origins[link][0]) if link is not None else None
        if origin is None:
            return None
        if origin["type"] == "Reroute":
            return self.source(origin, origin["inputs"][0]["name"])
        return origin, self._origins[link][1]

    def kind(self, node: dict, name: str) -> str:
        """The type of the node that an input comes from; empty as in ``source``."""
        found = self.source(node, name)
        return found[0]["type"] if found else ""

    def earlier_sampler(self, node: dict) -> dict | None:
        """The sampler whose latent a sampler goes on from, if there is one."""
        found = self.source(node, "latent_image")
        while found is not None and found[0]["type"] in _PASSED_ON:
            found = self.source(found[0], "samples")
        return found[0] if found is not None and found[0]["type"] in SAMPLERS else None


def graphs_of(workflow: dict[str, Any]) -> list[Graph]:
    """A workflow and its subgraphs."""
    return [Graph(saved) for saved in (workflow, *workflow.get("definitions", {}).get("subgraphs", []))]


def verdict(graph: Graph, sampler: dict) -> Verdict:
    """What xLARD Self-Correct would need in the place of a sampler."""
    kind, values = sampler["type"], sampler.get("widgets_values") or []
    latent, sigmas = graph.source(sampler, "latent_image"), graph.source(sampler, "sigmas")
    wired = [name for name in ("sampler", "sigmas") if graph.kind(sampler, name)]
    earlier = graph.earlier_sampler(sampler)
    if earlier is not None and _draws_part(graph, sampler) and _draws_part(graph, earlier):
        return Verdict(True, ", ".join((*(wired or [SETTINGS]), SECOND)))
    if latent is not None and _frames(latent[0]) > 1:
        return Verdict(False, f"its latent is a video of {_frames(latent[0])} frames")
    if kind == "KSamplerAdvanced":
        return Verdict(False, "it draws a part of a run")
    if kind == "KSampler":
        denoise = values[-1] if values else 1
        if isinstance(denoise, (int, float)) and denoise < 1:
            return Verdict(True, f"its settings, and sigmas of Basic Scheduler with its denoise of {denoise:g}")
        return Verdict(True, AS_IT_IS)
    if sigmas is not None and sigmas[0]["type"] == "SplitSigmas":
        return Verdict(False, "it draws a part of a schedule")
    if graph.kind(sampler, "noise") == "DisableNoise" or (kind == "SamplerCustom" and values and values[0] is False):
        return Verdict(False, "it adds no noise: it reads a picture, and draws none")
    guider = graph.kind(sampler, "guider")
    return Verdict(True, ", ".join((*wired, *((f"guider ({guider})",) if guider else ()))))


def _draws_part(graph: Graph, sampler: dict) -> bool:
    """Whether a sampler draws only a part of the steps of its schedule."""
    sigmas = graph.source(sampler, "sigmas")
    return sampler["type"] == "KSamplerAdvanced" or (sigmas is not None and sigmas[0]["type"] == "SplitSigmas")


def verdicts(workflow: dict[str, Any]) -> Iterator[Verdict]:
    """One for each active sampler of a workflow that no other one goes on from."""
    for graph in graphs_of(workflow):
        samplers = graph.samplers()
        gone_on_from = [earlier["id"] for node in samplers if (earlier := graph.earlier_sampler(node)) is not None]
        yield from (verdict(graph, sampler) for sampler in samplers if sampler["id"] not in gone_on_from)


def judged(workflow: dict[str, Any]) -> Verdict | None:
    """Whether a workflow takes the loop: in place of a sampler that draws; None where nothing samples."""
    found = list(verdicts(workflow))
    if not found:
        return None
    fitting = list(dict.fromkeys(one.how for one in found if one.fits))
    return Verdict(True, "; or ".join(fitting)) if fitting else found[0]


def rows_of(folder: Path) -> list[tuple[str, str, Verdict]]:
    """Title, kinds of samplers and verdict of each template that samples, in the templates' own order."""
    lists = json.loads((folder / "index.json").read_text(encoding="utf-8"))
    (templates,) = (entry["templates"] for entry in lists if entry["title"] == CATEGORY)
    rows = []
    for template in templates:
        file = folder / f"{template['name']}.json"
        # Templates of other packages are listed too.
        workflow = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
        found = judged(workflow)
        if found is not None:
            kinds = Counter(node["type"] for graph in graphs_of(workflow) for node in graph.samplers())
            rows.append((template.get("title") or template["name"], _counted(kinds), found))
    return rows


def page(rows: Sequence[tuple[str, str, Verdict]], version: str) -> str:
    """The page as Markdown."""
    fitting = sum(found.fits for _, _, found in rows)
    sockets = sum(found.fits and found.how != AS_IT_IS for _, _, found in rows)
    lines = [
        "# ComfyUI's own templates",
        "",
        f"Of the {len(rows)} image templates that sample (comfyui-workflow-templates-json {version}), {fitting} "
        "connect nothing that xLARD Self-Correct lacks: it can stand in the place of a sampler there.",
        f"{sockets} of them need its sockets `sampler`, `sigmas`, `guider` or `second_model`.",
        "",
        "`python docs/templates.py` wrote this page from the templates' files and ran none of them. In each of them",
        "`vae`, `critic` and `prompt` have to be connected as well. Where another encoder than CLIP Text Encode reads",
        "the prompt, the loop leaves `rewrite` out.",
        "",
        "| template | samples with | xLARD Self-Correct |",
        "| --- | --- | --- |",
        *(
            f"| {title.replace('|', '/')} | {kinds} | {'' if found.fits else '**not**: '}{found.how} |"
            for title, kinds, found in rows
        ),
    ]
    return "\n".join(lines) + "\n"


def _frames(node: dict) -> int:
    """How many frames the latent of a node has: width, height and length come first in those that make videos."""
    values = node.get("widgets_values") or []
    return int(values[2]) if "Video" in node["type"] and len(values) > 2 else 1


def _counted(kinds: Counter[str]) -> str:
    return ", ".join(f"{kind} x {number}" if number > 1 else kind for kind, number in sorted(kinds.items()))


def _version(folder: Path) -> str:
    found = sorted(folder.parent.parent.glob("comfyui_workflow_templates_json-*.dist-info"))
    return found[-1].name.partition("-")[2].removesuffix(".dist-info") if found else "of unknown version"


if __name__ == "__main__":
    templates_folder = Path(sys.argv[1])
    PAGE.write_text(page(rows_of(templates_folder), _version(templates_folder)), encoding="utf-8", newline="\n")
