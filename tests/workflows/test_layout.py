"""How the shipped workflows lie on the canvas: as files, and as the page draws them in both of its ways."""

from __future__ import annotations

import copy
import json
from pathlib import Path

import pytest

from tests.conftest import skip_on_older
from tests.support.comfy.node_boxes import drawn_boxes, set_vue_nodes, too_close
from tests.support.workflow_layout import WIDEST, LayoutError, laid_out, lies_in, main


def read(path: Path) -> dict:
    """A workflow as the front end saved it."""
    return json.loads(path.read_text(encoding="utf-8"))


def test_the_shipped_workflows_are_laid_out(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--check"]) == 0, capsys.readouterr().out


def test_a_workflow_is_no_wider_than_a_screen_shows(workflow: Path) -> None:
    saved = read(workflow)
    edges = [group["bounding"] for group in saved["groups"]]
    edges += [[*node["pos"], *node["size"]] for node in saved["nodes"]]
    assert max(x + width for x, _, width, _ in edges) - min(x for x, *_ in edges) <= WIDEST


def test_one_note_says_what_to_press_then_what_to_change_and_which_files(workflow: Path) -> None:
    (note,) = (node for node in read(workflow)["nodes"] if node["type"] in ("MarkdownNote", "Note"))
    (text,) = note["widgets_values"]
    assert note["title"] == "Start here" and (note["pos"][0] < 100 and note["pos"][1] < 100)
    assert "**Run**" in text.splitlines()[0]
    headings = [line for line in text.splitlines() if line.startswith("#")]
    assert headings == ["### Then change", "### Files", "### What happens"]


def test_the_note_names_the_critic_that_the_workflow_names(workflow: Path) -> None:
    saved = read(workflow)
    (text,) = (node["widgets_values"][0] for node in saved["nodes"] if node["type"] == "MarkdownNote")
    critics = [node["widgets_values"][0] for node in saved["nodes"] if node["type"] == "XLARDLoadCritic"]
    for name in (name for name in critics if name.startswith("Qwen")):
        assert f"[{name}](https://huggingface.co/Qwen/{name}), about 9 GB" in text
        assert f"models/xlard/critics/{name}`" in text
        address = f"https://huggingface.co/Qwen/{name}/resolve/main"
        announced = {model["name"]: (model["url"], model["directory"]) for model in saved["models"]}
        assert announced == {
            f"{name}/{part}": (f"{address}/{part}", "xlard_critics")
            for part in ("model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors")
        }


def moved(workflow: dict, title: str, by: int) -> dict:
    """The workflow after a group was dragged to the right with its nodes."""
    workflow = copy.deepcopy(workflow)
    (group,) = (group for group in workflow["groups"] if group["title"] == title)
    for node in (node for node in workflow["nodes"] if lies_in(node, group)):
        node["pos"][0] += by
    group["bounding"][0] += by
    return workflow


EXAMPLE = {
    "nodes": [
        {"id": 1, "type": "A", "pos": [20, 80], "size": [200, 100]},
        {"id": 2, "type": "B", "pos": [20, 300], "size": [300, 50]},
        {"id": 3, "type": "C", "pos": [520, 80], "size": [100, 40]},
        {"id": 4, "type": "D", "pos": [20, 1080], "size": [100, 40]},
    ],
    "groups": [
        {"title": "one", "bounding": [0, 0, 400, 400]},
        {"title": "two", "bounding": [500, 0, 200, 200]},
        {"title": "three", "bounding": [0, 1000, 200, 200]},
    ],
}


def test_groups_of_a_row_are_equally_high_and_nodes_of_a_column_equally_wide() -> None:
    done = json.loads(laid_out(json.dumps(EXAMPLE)))
    assert [group["bounding"] for group in done["groups"]] == [[0, 0, 340, 310], [360, 0, 140, 310], [0, 330, 140, 140]]
    assert [(node["pos"], node["size"]) for node in done["nodes"]] == [
        ([20, 80], [300, 100]),
        ([20, 240], [300, 50]),
        ([380, 80], [100, 40]),
        ([20, 410], [100, 40]),
    ]


def test_what_is_laid_out_stays_and_what_was_dragged_comes_back() -> None:
    done = laid_out(json.dumps(EXAMPLE))
    assert laid_out(done) == done
    assert laid_out(json.dumps(moved(json.loads(done), "two", 77))) == done


def test_a_row_that_gets_too_wide_is_refused() -> None:
    with pytest.raises(LayoutError, match="one.*two.* over 2000"):
        laid_out(json.dumps({**EXAMPLE, "nodes": [{**EXAMPLE["nodes"][0], "size": [1900, 9]}, *EXAMPLE["nodes"][1:]]}))


def test_a_node_outside_of_all_groups_is_refused() -> None:
    with pytest.raises(LayoutError, match=r"A \(1\) lies in 0 groups"):
        laid_out(json.dumps({**EXAMPLE, "nodes": [{**EXAMPLE["nodes"][0], "pos": [0, 700]}, *EXAMPLE["nodes"][1:]]}))


def test_nodes_that_lie_on_each_other_are_refused() -> None:
    with pytest.raises(LayoutError, match=r"A \(1\).*B \(2\)"):
        laid_out(
            json.dumps(
                {
                    **EXAMPLE,
                    "nodes": [*EXAMPLE["nodes"][:1], {**EXAMPLE["nodes"][1], "pos": [25, 90]}] + EXAMPLE["nodes"][2:],
                }
            )
        )


@pytest.fixture(scope="module", params=[False, True], ids=["classic", "nodes_2"])
def canvas(request: pytest.FixtureRequest, comfy_page):
    """The page in each of its ways to draw nodes; the classic one again afterwards."""
    set_vue_nodes(comfy_page, request.param)
    yield comfy_page
    set_vue_nodes(comfy_page, False)


def test_nodes_keep_apart_and_stay_in_their_groups_on_the_page(comfy, canvas, workflow: Path) -> None:
    skip_on_older(comfy, workflow)
    canvas.load(workflow, fit=False)
    nodes, groups = drawn_boxes(canvas)
    more = "If a node has grown, write its least size into tests/support/node_sizes.json, and lay out again."
    assert too_close(nodes) == [], more
    assert [node.name for node in nodes if not any(group.encloses(node) for group in groups)] == [], more
