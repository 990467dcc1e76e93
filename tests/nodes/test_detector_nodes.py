"""Detectors, critic pairs and boxes of other nodes, on the real server."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from functools import cache

import pytest

from tests.support.detectors import CLOSED, DETECTORS, save, sees_only
from tests.support.geneval_models import box_detector, small_clip
from tests.support.graphs import SIDE, demo_graph, error, pictures, shown, text
from tests.support.loop_graphs import looped, only
from tests.support.paths import CHECKOUT
from xlard.critics.detector.clip_colors import COLORS
from xlard.critics.detector.transformers import OVERLAP, THRESHOLD
from xlard.quickstart.comfyui import find_comfyui

CRITIQUE, BOXES, MASK, PASSED, REPORT, OBJECT_MASKS = 0, 2, 3, 5, 6, 7
"""The outputs of a node that judges."""


@pytest.fixture(scope="module")
def detector(comfy) -> Callable[[str], str]:
    """The name under which a tiny detector of an architecture lies in the server's folder, made at its first use; the
    closed ones call everything a triangle.
    """

    @cache
    def made(name: str) -> str:
        folder = comfy.base / "models" / "xlard" / "detectors" / name
        if name in CLOSED:
            sees_only(folder, name, 3)
        else:
            save(name, folder)
        return name

    return made


def judging(name: str, *claims: str, threshold: float = 0.5, batch: int = 1) -> dict:
    """The demo world's two red circles and a blue square before a detector, with report and boxes shown."""
    graph = demo_graph(batch, steps=12)
    lines = "\n".join(claims or ["object: at least one triangle"])
    graph["claims"] = {"class_type": "XLARDClaims", "inputs": {"prompt": "", "edited": lines}}
    graph["detector"] = {
        "class_type": "XLARDDetectorCritic",
        "inputs": {"detector_name": name, "threshold": threshold, "most_overlap": 0.7},
    }
    graph["critique"] = {
        "class_type": "XLARDCritique",
        "inputs": {"images": ["decoded", 0], "critic": ["detector", 0], "prompt": "", "claims": ["claims", 0]},
    }
    return shown(graph, report=("critique", REPORT), boxes=("critique", BOXES))


@pytest.mark.model
@pytest.mark.parametrize("name", DETECTORS)
def test_each_architecture_judges_is_freed_and_judges_again(comfy, detector, name: str) -> None:
    graph = judging(detector(name), threshold=0.5 if name in CLOSED else 0.0, batch=2)
    result = comfy.run(graph)
    assert result.status == "success", result.error
    boxes, report = json.loads(text(result, "boxes")), text(result, "report")
    assert len(boxes) == 2 and all(box["label"].endswith("triangle") for own in boxes for box in own) and any(boxes)
    comfy.post_json("/free", {"unload_models": True, "free_memory": True})
    again = comfy.run(graph)
    assert again.status == "success" and text(again, "report") == report


@pytest.mark.model
def test_comfyuis_memory_manager_loads_and_frees_each_architecture(comfy, detector) -> None:
    folders = [comfy.base / "models" / "xlard" / "detectors" / detector(name) for name in DETECTORS]
    script = CHECKOUT / "tests" / "support" / "comfy" / "detector_memory.py"
    ran = subprocess.run(
        [sys.executable, str(script), str(find_comfyui()), str(CHECKOUT), *map(str, folders)],
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert ran.returncode == 0, ran.stderr[-3000:]
    figures = json.loads(ran.stdout.splitlines()[-1])
    assert list(figures) == list(DETECTORS)
    for name, (before, judged, asked_for) in figures.items():
        weights = (comfy.base / "models" / "xlard" / "detectors" / name / "model.safetensors").stat().st_size
        assert before == asked_for == 0 and judged > 0.5 * weights, name


@pytest.mark.model
def test_a_closed_detector_says_what_it_does_not_know(comfy, detector) -> None:
    claims = ("object: at least one triangle", "object: at least one unicorn", "custom: the triangle casts a shadow")
    result = comfy.run(judging(detector("rt_detr"), *claims))
    assert result.status == "success", result.error
    known, unknown, in_words = text(result, "report").splitlines()[1:4]
    assert known.startswith("  \u2713") and unknown.startswith("  ?") and in_words.startswith("  ?")
    assert "does not know the noun 'unicorn'" in unknown and "asked in words" in in_words


def test_folders_with_a_config_are_offered_with_the_librarys_defaults(comfy, detector) -> None:
    detector("rt_detr")
    inputs = comfy.object_info()["XLARDDetectorCritic"]["input"]["required"]
    assert "rt_detr" in str(inputs["detector_name"])
    assert (inputs["threshold"][1]["default"], inputs["most_overlap"][1]["default"]) == (THRESHOLD, OVERLAP)


def test_a_folder_that_holds_no_detector_is_named(comfy) -> None:
    small_clip(comfy.base / "models" / "xlard" / "detectors" / "no_detector")
    message = error(comfy, judging("no_detector"))
    assert "The detector in no_detector cannot be loaded: a model of type 'clip' is no detector" in message
    assert "Choose one such as Grounding DINO" in message


# Colours by CLIP


@pytest.mark.model
def test_a_clip_tells_colors_is_freed_and_tells_them_again(comfy, detector) -> None:
    small_clip(comfy.base / "models" / "xlard" / "clips" / "tiny")
    graph = judging(detector("rt_detr"), "count: one red triangle")
    by_pixels = comfy.run(graph)
    graph["detector"]["inputs"]["colors"] = "tiny"
    result = comfy.run(graph)
    assert (by_pixels.status, result.status) == ("success", "success"), result.error
    boxes = json.loads(text(result, "boxes"))
    colors = {box["label"].removesuffix("triangle").strip() for own in boxes for box in own}
    assert colors and colors <= set(COLORS)
    assert boxes != json.loads(text(by_pixels, "boxes"))
    comfy.post_json("/free", {"unload_models": True, "free_memory": True})
    again = comfy.run(graph)
    assert again.status == "success" and text(again, "report") == text(result, "report")


def test_a_folder_that_holds_no_clip_is_named(comfy, detector) -> None:
    graph = judging(detector("rt_detr"))
    box_detector(comfy.base / "models" / "xlard" / "clips" / "no_clip")
    graph["detector"]["inputs"]["colors"] = "no_clip"
    assert "The CLIP in no_clip cannot be loaded" in error(comfy, graph)


# Pairs


def paired(name: str, *claims: str) -> dict:
    """A detector and the demo world's critic together."""
    graph = judging(name, *claims)
    graph["pair"] = {"class_type": "XLARDCriticPair", "inputs": {"detector": ["detector", 0], "language": ["world", 3]}}
    graph["critique"]["inputs"]["critic"] = ["pair", 0]
    return graph


@pytest.mark.model
def test_a_pair_that_disagrees_is_unsure_and_tells_both(comfy, detector) -> None:
    # The detector sees triangles everywhere, the demo world's critic the circles and the square.
    result = comfy.run(paired(detector("rt_detr"), "object: at least one triangle"))
    assert result.status == "success", result.error
    summary, claim = text(result, "report").splitlines()[:2]
    assert "the two critics disagree" in summary and claim.startswith("  ?")
    assert "Detector: holds" in summary and "Language model: does not hold" in summary


@pytest.mark.model
def test_what_the_detector_does_not_know_is_the_language_models_and_scoring_keeps_the_detector(comfy, detector) -> None:
    graph = paired(detector("rt_detr"), "object: at least one circle", "object: at least one triangle")
    graph["scored"] = {
        "class_type": "XLARDScoring",
        "inputs": {"critic": ["pair", 0], "scoring": "P(yes)", "judgements": 1, "temperature": 0.7, "regions": False},
    }
    reasons = []
    for critic in ("pair", "scored"):
        graph["critique"]["inputs"]["critic"] = [critic, 0]
        result = comfy.run(graph)
        assert result.status == "success", result.error
        circle, triangle = text(result, "report").splitlines()[1:3]
        assert "6 found" in triangle, "the detector was left out"
        reasons.append(circle)
    assert "found, at least 1 asked for" in reasons[0] and "found" not in reasons[1]


# Boxes of other nodes


def from_boxes(prompt: str, label: str = "", **inputs) -> dict:
    """The boxes that the demo world's critic sees, judged by the node that takes boxes."""
    graph = demo_graph(batch=2, steps=12)
    graph["claims"] = {"class_type": "XLARDClaims", "inputs": {"prompt": prompt, "edited": ""}}
    graph["seen"] = {
        "class_type": "XLARDCritique",
        "inputs": {"images": ["decoded", 0], "critic": ["world", 3], "prompt": prompt},
    }
    graph["critique"] = {
        "class_type": "XLARDCritiqueFromBoxes",
        "inputs": {
            "images": ["decoded", 0],
            "claims": ["claims", 0],
            "bboxes": ["seen", BOXES],
            "label": label,
            **inputs,
        },
    }
    return graph


def test_boxes_of_a_node_give_the_critique_that_their_finder_gives(comfy) -> None:
    graph = from_boxes("two red circles and a blue square", "circle, square")
    result = comfy.run(shown(graph, report=("critique", REPORT), first=("seen", REPORT), unasked=("critique", PASSED)))
    assert result.status == "success", result.error
    assert text(result, "report") == text(result, "first")
    assert len(result.outputs["critique"]["images"]) == 2


def test_what_was_not_looked_for_has_no_verdict(comfy) -> None:
    result = comfy.run(shown(from_boxes("a dog"), report=("critique", REPORT)))
    assert result.status == "success", result.error
    assert text(result, "report").count("nobody has looked for 'dog'") == 2


def test_object_masks_are_as_many_as_boxes_and_of_the_pictures_size(comfy) -> None:
    graph = from_boxes("two red circles and a blue square", "circle, square")
    graph["as_image"] = {"class_type": "MaskToImage", "inputs": {"mask": ["critique", OBJECT_MASKS]}}
    masks = pictures(comfy, graph, "as_image")
    boxes = json.loads(text(comfy.run(shown(graph, boxes=("critique", BOXES))), "boxes"))
    assert masks.shape == (sum(map(len, boxes)), SIDE, SIDE, 3) and masks.max() == 255
    graph["as_image"]["inputs"]["mask"] = ["seen", OBJECT_MASKS]
    assert (pictures(comfy, graph, "as_image") == masks).all()


def test_masks_that_do_not_fit_the_pictures_are_named(comfy) -> None:
    graph = from_boxes("a red circle", "circle", masks=["solid", 0])
    graph["solid"] = {"class_type": "SolidMask", "inputs": {"value": 1.0, "width": 8, "height": 8}}
    assert f"The masks are 8 x 8 pixels, the pictures {SIDE} x {SIDE}" in error(comfy, graph)


def test_the_graph_loop_goes_by_boxes(comfy) -> None:
    graph = looped(prompt="two red circles and a blue square", rounds=1, **only("resample"))
    graph["seen"] = graph.pop("critique")
    graph["critique"] = {
        "class_type": "XLARDCritiqueFromBoxes",
        "inputs": {
            "images": ["decoded", 0],
            "claims": ["start", 7],
            "bboxes": ["seen", BOXES],
            "label": "circle, square",
        },
    }
    result = comfy.run(shown(graph, report=("end", 6)))
    assert result.status == "success", result.error
    assert "claims hold" in text(result, "report")
