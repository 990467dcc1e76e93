"""The files of xLARD Report on a real server."""

from __future__ import annotations

import io
import json
import time
from pathlib import Path

import pytest
from PIL import Image

from tests.support.graphs import PROMPT, loop_graph, shown, text


def report_graph(prefix: str) -> dict:
    graph = loop_graph(batch=2)
    graph["files"] = {"class_type": "XLARDReport", "inputs": {"state": ["loop", 3], "filename_prefix": prefix}}
    return shown(graph, html=("files", 0), history=("files", 1))


def test_the_history_lies_beside_the_page_and_tells_the_same_rounds(comfy):
    result = comfy.run(report_graph("told/run"))
    assert result.status == "success", result.error
    html, history = (Path(text(result, name)) for name in ("html", "history"))
    assert (history.parent, history.stem, history.suffix) == (html.parent, html.stem, ".json")
    assert html.parent == comfy.base / "output" / "told"
    histories = json.loads(history.read_text("utf-8"))
    assert [history["prompt"] for history in histories] == [PROMPT] * 2
    page = html.read_text("utf-8")
    for history in histories:
        assert 1 <= len(history["rounds"]) <= 2 and history["nfe"] == sum(round_["nfe"] for round_ in history["rounds"])
        assert f"{history['nfe']} NFE" in page
        assert {claim["text"] for claim in history["rounds"][0]["critique"]["claims"]} >= {"two circles are red"}


def test_a_history_of_that_name_is_not_replaced(comfy):
    folder = comfy.base / "output" / "taken"
    folder.mkdir()
    (folder / "run_00001.json").write_text("mine", encoding="utf-8")
    result = comfy.run(report_graph("taken/run"))
    assert Path(text(result, "history")).name == "run_00002.json"
    assert (folder / "run_00001.json").read_text("utf-8") == "mine"


BROUGHT = ["a text", {"\u5de5\u4f5c": 1}, {"k" * 80: 1}, {"": 1, "workflow": {"nodes": []}}]


@pytest.mark.parametrize("number", range(len(BROUGHT)))
def test_what_no_png_can_carry_costs_no_report(comfy, number):
    brought = BROUGHT[number]
    job = {"prompt": report_graph(f"brought/{number}"), "extra_data": {"extra_pnginfo": brought}}
    prompt_id = comfy.post_json("/prompt", job)["prompt_id"]
    while prompt_id not in (history := comfy.get_json(f"/history/{prompt_id}")):
        time.sleep(0.05)
    assert history[prompt_id]["status"]["status_str"] == "success", history[prompt_id]["status"]["messages"]
    (file,) = history[prompt_id]["outputs"]["files"]["images"]
    carried = Image.open(io.BytesIO(comfy.view(file))).info
    assert "prompt" in carried and ("workflow" in carried) == ("workflow" in brought)
