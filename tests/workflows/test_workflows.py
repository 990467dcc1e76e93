"""The shipped workflows on a real server, and what has to lie beside them."""

from __future__ import annotations

import shutil

import pytest
from PIL import Image

from tests.conftest import WORKFLOWS, skip_on_older
from tests.support.demo_jobs import shortened
from tests.support.graphs import SIDE
from tests.support.workflows import saved
from xlard.comfy_server.workflow import workflow_to_api
from xlard.worlds.shapes.architecture import CORRECTOR, CRITIC, HEAD

DEMOS = [path for path in WORKFLOWS if path.stem.startswith("demo_")]


def test_the_shipped_workflows_are_listed_under_templates(comfy):
    assert sorted(comfy.get_json("/workflow_templates").get("xlard", [])) == [path.stem for path in WORKFLOWS]


def test_a_shipped_workflow_has_a_picture(workflow):
    picture = workflow.with_suffix(".jpg")
    assert picture.is_file() and picture.stat().st_size < 80_000


NOT_RUN = ("demo_native_loop", "demo_train")
"""Needs a newer ComfyUI; takes ten minutes."""


@pytest.mark.parametrize("path", DEMOS, ids=[path.stem for path in DEMOS])
def test_a_demo_workflow_is_shown_by_what_it_makes(path):
    with Image.open(path.with_suffix(".jpg")) as picture:
        # Pictures and claims are on light paper, the graph on a dark canvas.
        assert (min(picture.getpixel((3, 3))) > 200) == (path.stem not in NOT_RUN)


def test_every_node_occurs_in_a_shipped_workflow(comfy):
    shipped = {node["type"] for path in WORKFLOWS for node in saved(path.stem)["nodes"]}
    assert {name for name in comfy.object_info() if name.startswith("XLARD")} - shipped == set()


def test_no_nodes_of_a_shipped_workflow_overlap(workflow):
    title = 30
    boxes = [(*node["pos"], *node["size"]) for node in saved(workflow.stem)["nodes"]]
    for index, (x, y, width, height) in enumerate(boxes):
        for left, top, right, bottom in ((a, b, a + c, b + d) for a, b, c, d in boxes[index + 1 :]):
            assert x >= right or left >= x + width or y - title >= bottom or top - title >= y + height


@pytest.mark.parametrize("path", DEMOS, ids=[path.stem for path in DEMOS])
def test_a_demo_workflow_runs_with_all_its_outputs(comfy, path):
    skip_on_older(comfy, path)
    result = comfy.run(shortened(workflow_to_api(saved(path.stem), comfy.object_info())))
    assert (result.status, result.node_errors) == ("success", {})


@pytest.mark.parametrize("mode", [4, 0], ids=["critic_only", "head_and_corrector"])
def test_the_workflow_for_own_files_runs_with_files_in_the_folders_that_it_names(comfy, mode):
    workflow = saved("load_your_own")
    models = comfy.base / "models" / "xlard"
    for node in workflow["nodes"]:
        if node["type"] in ("XLARDLoadHead", "XLARDLoadCorrector"):
            node["mode"] = mode
        elif node["type"] == "CheckpointLoaderSimple":
            # No checkpoint is at hand; the demo world has the same first three outputs.
            node.update(type="XLARDDemo", widgets_values=["shapes"])
        elif node["type"] == "EmptyLatentImage":
            node["widgets_values"] = [SIDE, SIDE, 1]
    shutil.copytree(CRITIC, models / "critics" / "my_critic", dirs_exist_ok=True)
    for folder, source, name in (("heads", HEAD, "my_head"), ("correctors", CORRECTOR, "my_corrector")):
        (models / folder).mkdir(exist_ok=True)
        shutil.copy(source, models / folder / f"{name}.safetensors")
    result = comfy.run(workflow_to_api(workflow, comfy.object_info()))
    assert (result.status, result.node_errors) == ("success", {})
