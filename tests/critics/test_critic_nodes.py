"""Loading a critic and judging pictures."""

from __future__ import annotations

import json
import shutil

import pytest

from tests.support.graphs import PROMPT, SIDE, demo_graph, error, pictures, shown, text
from xlard.comfy_server.server import ComfyServer
from xlard.worlds.shapes.architecture import CRITIC


def critique_graph(prompt: str = PROMPT, batch: int = 1) -> dict:
    graph = demo_graph(batch)
    graph["critique"] = {
        "class_type": "XLARDCritique",
        "inputs": {"images": ["decoded", 0], "critic": ["world", 3], "prompt": prompt},
    }
    return graph


def test_each_picture_of_a_batch_gets_its_own_card(comfy):
    graph = shown(critique_graph(batch=4), report=("critique", 6))
    assert len(pictures(comfy, graph, "critique", 1)) == 4
    result = comfy.run(graph)
    report = text(result, "report")
    assert [f"Picture {number}:" in report for number in (1, 2, 3, 4, 5)] == [True] * 4 + [False]
    assert "two circles" in report and "red" in report


def test_the_node_shows_the_annotated_picture_without_further_nodes(comfy):
    result = comfy.run(critique_graph())
    assert len(result.outputs["critique"]["images"]) == 1


def test_the_mask_has_the_pictures_size(comfy):
    graph = critique_graph(batch=2)
    graph["mask"] = {"class_type": "MaskToImage", "inputs": {"mask": ["critique", 3]}}
    assert pictures(comfy, graph, "mask").shape == (2, SIDE, SIDE, 3)


@pytest.mark.parametrize("prompt", ["", "  "])
def test_an_empty_prompt_is_an_error_and_the_next_run_works(comfy, prompt):
    assert "The prompt is empty" in error(comfy, critique_graph(prompt))
    assert comfy.run(critique_graph()).status == "success"


def test_a_prompt_without_claims_has_nothing_to_check(comfy):
    graph = shown(
        critique_graph(" and , ", batch=2), boxes=("critique", 2), score=("critique", 4), report=("critique", 6)
    )
    graph["mask"] = {"class_type": "MaskToImage", "inputs": {"mask": ["critique", 3]}}
    assert pictures(comfy, graph, "mask").max() == 0
    result = comfy.run(graph)
    assert text(result, "report").count("nothing to check") == 2
    assert text(result, "score") == "None" and json.loads(text(result, "boxes")) == [[], []]
    assert len(result.outputs["critique"]["images"]) == 2


def test_a_folder_with_a_config_is_offered_and_judges(comfy):
    folder = comfy.base / "models" / "xlard" / "critics" / "shapes"
    shutil.copytree(CRITIC, folder, dirs_exist_ok=True)
    (comfy.base / "models" / "LLM" / "no_model").mkdir(parents=True, exist_ok=True)
    graph = critique_graph()
    graph["loaded"] = {
        "class_type": "XLARDLoadCritic",
        "inputs": {"critic_name": "shapes", "dtype": "fp32", "attention": "eager"},
    }
    graph["critique"]["inputs"]["critic"] = ["loaded", 0]
    assert comfy.run(graph).status == "success"
    offered = comfy.object_info()["XLARDLoadCritic"]["input"]["required"]["critic_name"]
    assert "shapes" in str(offered) and "no_model" not in str(offered)


def test_truncated_weights_name_the_critic(comfy):
    folder = comfy.base / "models" / "LLM" / "cut_short"
    shutil.copytree(CRITIC, folder, dirs_exist_ok=True)
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:100_000])
    graph = critique_graph()
    graph["loaded"] = {
        "class_type": "XLARDLoadCritic",
        "inputs": {"critic_name": "cut_short", "dtype": "auto", "attention": "sdpa"},
    }
    graph["critique"]["inputs"]["critic"] = ["loaded", 0]
    assert "The critic in cut_short cannot be loaded" in error(comfy, graph)
    assert comfy.run(critique_graph()).status == "success"


def reports(comfy: ComfyServer, scoring: str, **settings: bool) -> list[str]:
    """The report of each of a dozen unfinished pictures, judged by a scoring with settings."""
    graph = critique_graph(batch=12)
    graph["drawn"]["inputs"]["steps"] = 12
    graph["scored"] = {
        "class_type": "XLARDScoring",
        "inputs": {
            "critic": ["world", 3],
            "scoring": scoring,
            "judgements": 1,
            "temperature": 0.7,
            "regions": False,
            **settings,
        },
    }
    graph["critique"]["inputs"]["critic"] = ["scored", 0]
    return text(comfy.run(shown(graph, report=("critique", 6))), "report").split("Picture ")[1:]


LOOKS = ({"second_look": False, "further_looks": 3}, {"second_look": True}, {"second_look": True, "further_looks": 3})


def test_no_further_look_accepts_more(comfy):
    once, twice, thrice = (reports(comfy, "grounded", **looks) for looks in LOOKS)
    for fewer, more in ((once, twice), (twice, thrice)):
        passed = [
            ["\u2717" not in card and "?" not in card.splitlines()[0] for card in cards] for cards in (fewer, more)
        ]
        assert any(passed[0]) and all(before or not after for before, after in zip(*passed))
        assert all(a == b or ("\u2717" not in a and " look)" in b) for a, b in zip(fewer, more))


def test_only_what_was_looked_at_closer_changes(comfy):
    plain, zoomed = (reports(comfy, "P(yes)", zoom=zoom) for zoom in (False, True))
    lines = [pair for a, b in zip(plain, zoomed) for pair in zip(a.splitlines()[1:], b.splitlines()[1:])]
    changed = [(before, after) for before, after in lines if before != after]
    assert changed and all("closer: yes with" in after for _, after in changed)
