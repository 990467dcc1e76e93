"""The shipped workflows in ComfyUI's page, in a real browser."""

from __future__ import annotations

import json
import re

import pytest

from tests.conftest import skip_on_older
from tests.support.paths import ARTIFACTS, CHECKOUT
from tests.support.workflows import LOADERS
from xlard.comfy_server.workflow import workflow_to_api

NATIVE = {
    "last_node_id": 2,
    "last_link_id": 1,
    "nodes": [
        {
            "id": 1,
            "type": "EmptyImage",
            "pos": [0, 0],
            "size": [270, 130],
            "flags": {},
            "order": 0,
            "mode": 0,
            "inputs": [],
            "outputs": [{"name": "IMAGE", "type": "IMAGE", "links": [1], "slot_index": 0}],
            "properties": {},
            "widgets_values": [64, 32, 1, 255],
        },
        {
            "id": 2,
            "type": "PreviewImage",
            "pos": [330, 0],
            "size": [210, 250],
            "flags": {},
            "order": 1,
            "mode": 0,
            "inputs": [{"name": "images", "type": "IMAGE", "link": 1}],
            "outputs": [],
            "properties": {},
        },
    ],
    "links": [[1, 1, 0, 2, 0, "IMAGE"]],
    "groups": [],
    "config": {},
    "extra": {},
    "version": 0.4,
}


def test_a_native_workflow_runs_from_the_run_button(comfy_page):
    comfy_page.load(NATIVE)
    comfy_page.queue()
    assert comfy_page.wait_for_outputs()["2"]["images"]


def test_a_shipped_workflow_opens_without_errors_and_the_page_queues_what_our_conversion_makes(
    comfy, comfy_page, workflow
):
    skip_on_older(comfy, workflow)
    comfy_page.load(workflow)
    comfy_page.screenshot(workflow.stem)
    assert comfy_page.missing_nodes() == []
    # A loader is marked whose file is not there, as the artist's own are not here.
    assert set(comfy_page.failed_nodes()) <= {*LOADERS, "LoadImage", "XLARDLoadHead", "XLARDLoadCorrector"}
    assert comfy_page.our_errors() == []
    info = comfy.object_info()
    prompt = comfy_page.api_prompt()
    for node in prompt.values():
        declared = info[node["class_type"]]["input"]
        # The page gives some nodes widgets of its own, which the server ignores: PreviewAny has one for its text.
        # What a choice brings along is named after it, and a dot.
        node["inputs"] = {
            name: value
            for name, value in node["inputs"].items()
            if name.partition(".")[0] in {**declared.get("required", {}), **declared.get("optional", {})}
        }
    assert workflow_to_api(json.loads(workflow.read_text(encoding="utf-8")), info) == prompt


def test_the_self_correction_workflow_shows_its_outputs(comfy_page):
    comfy_page.load(CHECKOUT / "workflows" / "demo_self_correct.json")
    comfy_page.queue()
    outputs = comfy_page.wait_for_outputs()
    comfy_page.screenshot("demo_self_correct_finished")
    assert any(shown.get("images") for shown in outputs.values())
    assert comfy_page.failed_nodes() == []
    assert comfy_page.our_errors() == []


KEEP_PREVIEWS = """async () => {
    const listening = window.seenPreviews;
    window.seenPreviews = {};
    if (listening) return;
    window.app.api.addEventListener('b_preview_with_metadata', async ({ detail }) => {
        const bytes = new Uint8Array(await crypto.subtle.digest('SHA-1', await detail.blob.arrayBuffer()));
        (window.seenPreviews[detail.displayNodeId] ??= []).push(bytes.join());
    });
}"""


def previews_of(comfy_page, name: str, kind: str, asked: dict) -> list[str]:
    """What a node of a kind shows while a shipped workflow runs, in order: each picture as its digest. ``asked``
    replaces widgets.
    """
    workflow = json.loads((CHECKOUT / "workflows" / f"{name}.json").read_text(encoding="utf-8"))
    comfy_page.load(workflow)
    page = comfy_page.page
    page.evaluate(
        """asked => window.app.graph._nodes.forEach(node => (node.widgets ?? []).forEach(widget => {
        if (widget.name in (asked[node.type] ?? {})) widget.value = asked[node.type][widget.name];
    }))""",
        asked,
    )
    page.evaluate(KEEP_PREVIEWS)
    comfy_page.queue()
    comfy_page.wait_for_outputs()
    node = page.evaluate("kind => window.app.graph._nodes.find(node => node.type === kind).id", kind)
    return page.evaluate("id => window.seenPreviews[id] ?? []", str(node))


ROUNDS = 3
NEVER = "four purple triangles and a red square"
"""More than the demo world draws in so few rounds."""


def test_self_correct_shows_the_picture_of_every_round_while_it_runs_and_the_best_last(comfy_page):
    seen = previews_of(
        comfy_page,
        "demo_self_correct",
        "XLARDSelfCorrect",
        {"XLARDSelfCorrect": {"rounds": ROUNDS, "steps": 2}, "PrimitiveStringMultiline": {"value": NEVER}},
    )
    assert len(seen) == ROUNDS + 2 and len(set(seen)) > 1 and seen[-1] in seen[:-1]
    assert comfy_page.our_errors() == []


def test_loop_end_shows_the_best_so_far_after_every_round(comfy_page):
    seen = previews_of(
        comfy_page,
        "demo_loop_graph",
        "XLARDLoopEnd",
        {"XLARDLoopEnd": {"rounds": ROUNDS}, "KSampler": {"steps": 2}, "PrimitiveStringMultiline": {"value": NEVER}},
    )
    assert len(seen) == ROUNDS + 1
    assert comfy_page.our_errors() == []


def test_the_report_opens_and_closes_from_its_nodes_button(comfy_page):
    comfy_page.load(CHECKOUT / "workflows" / "demo_self_correct.json")
    comfy_page.queue()
    comfy_page.wait_for_outputs()
    comfy_page.page.get_by_role("button", name="Open report").click()
    report = comfy_page.page.get_by_role("dialog", name="xLARD report")
    shown = report.locator("iframe").content_frame.locator("body")
    shown.get_by_text("two red circles left of a blue square").first.wait_for(timeout=10_000)
    comfy_page.screenshot("report_open")
    assert shown.locator("img").count() >= 2
    for scheme, is_dark in (("dark", True), ("light", False)):
        comfy_page.page.emulate_media(color_scheme=scheme)
        colors = shown.evaluate("body => [getComputedStyle(body).backgroundColor, getComputedStyle(body).color]")
        paper, ink = (sum(int(part) for part in re.findall(r"\d+", color)[:3]) for color in colors)
        assert (paper < ink) == is_dark
        comfy_page.page.screenshot(path=str(ARTIFACTS / f"report_{scheme}.png"))
    report.get_by_role("button", name="Close").click()
    report.wait_for(state="detached", timeout=10_000)
    assert comfy_page.our_errors() == []


CLAIMS_NODE = "window.app.graph._nodes.find(node => node.type === 'XLARDClaims')"
SAVED_CLAIMS = "() => window.app.graph.serialize().nodes.find(node => node.type === 'XLARDClaims').widgets_values"


def test_claims_are_shown_can_be_edited_and_are_saved(comfy_page):
    comfy_page.load(CHECKOUT / "workflows" / "demo_critique.json")
    comfy_page.queue()
    comfy_page.wait_for_outputs()
    page = comfy_page.page
    page.get_by_text("two cups are red").first.wait_for(timeout=10_000)
    comfy_page.screenshot("demo_critique_finished")
    page.get_by_role("button", name="Edit these claims").click()
    saved = page.evaluate(SAVED_CLAIMS)
    assert any("count: two cups\n" in value for value in saved if isinstance(value, str))
    page.evaluate(
        f"() => {{ {CLAIMS_NODE}.widgets.find(widget => widget.name === 'edited').value = 'custom: it is a cup (2)' }}"
    )
    # Opened again, the workflow still has the edited claims and shows those that it found last.
    comfy_page.load(page.evaluate("() => window.app.graph.serialize()"))
    page.get_by_text("two cups are red").first.wait_for(timeout=10_000)
    assert "custom: it is a cup (2)" in page.evaluate(SAVED_CLAIMS)
    page.get_by_role("button", name="Use the prompt's claims").click()
    assert "custom: it is a cup (2)" not in page.evaluate(SAVED_CLAIMS)
    assert comfy_page.our_errors() == []


def test_a_workflow_saved_before_newer_widgets_keeps_its_values(comfy_page):
    workflow = json.loads((CHECKOUT / "workflows" / "demo_critique.json").read_text(encoding="utf-8"))
    for node in workflow["nodes"]:
        if node["type"] == "XLARDClaims":
            node["widgets_values"] = ["", "custom: it rains", "count: two owls\nnot checked: a mood"]
    comfy_page.load(workflow)
    comfy_page.page.get_by_text("two owls").first.wait_for(timeout=10_000)
    (inputs,) = (node["inputs"] for node in comfy_page.api_prompt().values() if node["class_type"] == "XLARDClaims")
    assert (inputs["edited"], inputs["split_by"], inputs["most_claims"]) == ("custom: it rains", "rules first", 12)
    # Notes are shown, and copied nowhere.
    comfy_page.page.get_by_text("a mood").first.wait_for(timeout=10_000)
    comfy_page.page.get_by_role("button", name="Edit these claims").click()
    saved = comfy_page.page.evaluate(SAVED_CLAIMS)
    assert saved[1:] == ["count: two owls", "rules first", 12, "count: two owls\nnot checked: a mood"]
    # Saved anew and opened again, all is as it was.
    comfy_page.load(comfy_page.page.evaluate("() => window.app.graph.serialize()"))
    assert comfy_page.page.evaluate(SAVED_CLAIMS) == saved
    assert comfy_page.our_errors() == []


ANNOUNCES_NAMES = "Front end {} announces files that widgets name, and frames the critic's name in red."


def test_a_missing_critic_is_announced_as_missing_models_are(comfy_page):
    page = comfy_page.page
    version = page.evaluate("() => window.__COMFYUI_FRONTEND_VERSION__")
    if tuple(int(part) for part in version.split(".")[:2]) >= (1, 58):
        pytest.skip(ANNOUNCES_NAMES.format(version))
    comfy_page.load(CHECKOUT / "workflows" / "sd15_lora_self_correct.json")
    announced = page.get_by_role("dialog").get_by_text("Qwen3-VL-4B-Instruct/model-00001-of-00002.safetensors")
    announced.wait_for(timeout=20_000)
    page.keyboard.press("Escape")
    announced.wait_for(state="detached", timeout=20_000)
