"""A loop that is cancelled when all its rounds are done, while card, report or last words are made: the picture is not
lost, nothing hangs, and what the cache holds is whole.
"""

from __future__ import annotations

import io
import itertools

import numpy as np
import pytest
from PIL import Image

from tests.support.broken_loops import best, broken_loop
from tests.support.faulty_server import FaultyServer
from tests.support.graphs import demo_graph, pictures
from tests.support.loop_graphs import looped, only, ran

pytestmark = pytest.mark.faults

SEEDS = itertools.count(3000)
LAST_WORDS = "nodes.comfy.loop_progress:LoopProgress.finish"
IN_ONE_NODE = [LAST_WORDS, "nodes.comfy.self_correct:states_card", "nodes.comfy.self_correct:states_text"]
AS_GRAPH = ["nodes.comfy.graph_loop.closing:show_round", "nodes.comfy.graph_loop.closing:states_card"]


def reported(graph: dict, node: str) -> dict:
    graph["files"] = {"class_type": "XLARDReport", "inputs": {"state": [node, 3], "filename_prefix": "late/run"}}
    return graph


def as_graph(seed: int) -> dict:
    graph = reported(looped(steps=2, rounds=1, seed=seed, **only("resample")), "end")
    graph["picture"] = {"class_type": "SaveImage", "inputs": {"images": ["end", 1], "filename_prefix": "best"}}
    return graph


def cancelled(faulty: FaultyServer, graph: dict, target: str, call: int = 1):
    """The end of a job that is cancelled in a call of a function; after it ComfyUI draws what it always draws."""
    plain, settled = pictures(faulty, demo_graph(), "decoded"), faulty.settled()
    with faulty.fault(target, "cancel", call):
        result = faulty.run(graph)
        assert faulty.left()["called"] >= call
    faulty.wait_until_idle()
    assert (pictures(faulty, demo_graph(), "decoded") == plain).all() and faulty.settled() == settled
    return result


@pytest.mark.parametrize("target", IN_ONE_NODE)
def test_in_one_node(faulty, target: str) -> None:
    seed = next(SEEDS)
    expected = best(faulty, faulty.run(broken_loop(seed=seed, steps=2)))
    graph = reported(broken_loop(seed=seed, steps=2), "loop")
    result = cancelled(faulty, graph, target)
    assert result.status == "interrupted", result.error
    if target == LAST_WORDS:
        (file,) = result.outputs["loop"]["images"]
        assert (np.asarray(Image.open(io.BytesIO(faulty.view(file)))) == expected).all()
    assert (best(faulty, faulty.run(graph)) == expected).all()


@pytest.mark.parametrize("target", AS_GRAPH)
def test_as_a_graph(faulty, target: str) -> None:
    seed = next(SEEDS)
    expected = best(faulty, faulty.run(as_graph(seed)))
    faulty.free()
    result = cancelled(faulty, as_graph(seed), target, 1 if target.endswith("card") else 2)
    assert result.status == "interrupted", result.error
    assert (best(faulty, faulty.run(as_graph(seed))) == expected).all()


def test_while_the_report_is_written(faulty) -> None:
    seed = next(SEEDS)
    expected = best(faulty, faulty.run(broken_loop(seed=seed, steps=2)))
    graph = reported(broken_loop(seed=seed, steps=2), "loop")
    # The report may be the job's last node.
    assert cancelled(faulty, graph, "nodes.report:write_report").status in ("interrupted", "success")
    pages = sorted((faulty.base / "output" / "late").glob("*.html"))
    assert pages and pages[-1].read_text("utf-8").rstrip().endswith("</html>")
    assert (best(faulty, faulty.run(graph)) == expected).all()


def test_in_the_last_item_of_a_list(faulty) -> None:
    """ComfyUI joins what a node shows for each item: a card of the first, pictures of the one that was cancelled."""
    graph = broken_loop(seed=next(SEEDS), steps=2)
    graph["two"] = {"class_type": "EmptyLatentImage", "inputs": {"width": 96, "height": 96, "batch_size": 2}}
    graph["decoded"] = {"class_type": "VAEDecode", "inputs": {"samples": ["two", 0], "vae": ["world", 2]}}
    graph["judged"] = {
        "class_type": "XLARDCritique",
        "inputs": {"images": ["decoded", 0], "critic": ["world", 3], "prompt": "a red circle and two blue squares"},
    }
    graph["loop"]["inputs"]["cfg"] = ["judged", 4]
    result = cancelled(faulty, graph, LAST_WORDS, call=2)
    assert result.status == "interrupted", result.error
    assert ran(faulty, graph).outputs["picture"]["images"]


def test_a_preview_that_cannot_be_written_for_one_item_of_a_list(faulty) -> None:
    graph = demo_graph(batch=2, steps=2)
    judged = {"images": ["decoded", 0], "critic": ["world", 3], "prompt": "a red circle"}
    graph["judged"] = {"class_type": "XLARDCritique", "inputs": judged}
    graph["number"] = {"class_type": "PrimitiveInt", "inputs": {"value": 1 + next(SEEDS) % 50}}
    graph["picked"] = {
        "class_type": "XLARDPickBest",
        "inputs": {
            "critique": ["judged", 0], "number": 2, "by": "claims", "seed": ["number", 0], "seeds": "counting up",
        },
    }  # fmt: skip
    graph["listed"] = {"class_type": "XLARDCritique", "inputs": {**judged, "most_claims": ["picked", 3]}}
    # The first two previews are those of the first critique and of the list's first item.
    with faulty.fault("comfy_api.latest._ui:ImageSaveHelper.save_images", "full disk", 3):
        result = ran(faulty, graph)
        assert faulty.left()["called"] == 3
    assert len(result.outputs["listed"]["images"]) == 2
