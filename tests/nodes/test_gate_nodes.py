"""The gate in graphs of the artist's own, on a real server."""

from __future__ import annotations

from tests.support.graphs import PROMPT, demo_graph, error, shown, text
from tests.support.loop_graphs import ALWAYS, NEVER

BATCH = 4
MIXED = "two red circles"
"""Of a batch of four, some pictures of the demo world show this and some do not."""


def gated(prompt: str, when_one_fails: str = "block", **gate) -> dict:
    """Four pictures of the demo world behind a gate, with previews of what passes and what fails."""
    graph = demo_graph(BATCH, steps=12)
    graph["positive"]["inputs"]["text"] = PROMPT
    graph["gate"] = {
        "class_type": "XLARDGate",
        "inputs": {
            "images": ["decoded", 0],
            "when_one_fails": when_one_fails,
            "critic": ["world", 3],
            "prompt": prompt,
            **gate,
        },
    }
    for name, slot in (("image", 0), ("failed", 1)):
        graph[name] = {"class_type": "PreviewImage", "inputs": {"images": ["gate", slot]}}
    return shown(graph, passed=("gate", 2), message=("gate", 3))


def count(result, name: str) -> int:
    """How many pictures came out of an output; 0 where it stopped what is behind it."""
    return len(result.outputs.get(name, {}).get("images", []))


def test_what_passes_goes_on_and_what_fails_does_not(comfy):
    result = comfy.run(gated(MIXED))
    passed = result.outputs["passed_shown"]["text"]
    assert len(passed) == BATCH and 0 < passed.count("True") < BATCH
    assert (count(result, "image"), count(result, "failed")) == (passed.count("True"), passed.count("False"))
    assert text(result, "message").startswith(f"{passed.count('True')} of 4 pictures pass.\nOnly what passes goes on.")


def test_where_none_passes_the_nodes_behind_do_not_run(comfy):
    result = comfy.run(gated(NEVER))
    assert (count(result, "image"), count(result, "failed")) == (0, BATCH)
    message = text(result, "message")
    assert message.startswith("0 of 4 pictures pass.\nThe nodes behind xLARD Gate do not run.\nPicture 1: ")
    assert "nine triangles" in message


def test_where_all_pass_what_waits_for_failures_rests(comfy):
    result = comfy.run(gated(ALWAYS))
    assert result.status == "success" and (count(result, "image"), count(result, "failed")) == (BATCH, 0)
    assert text(result, "message") == "4 of 4 pictures pass."


def test_with_a_warning_all_go_on(comfy):
    result = comfy.run(gated(NEVER, "pass with a warning"))
    assert result.status == "success" and (count(result, "image"), count(result, "failed")) == (BATCH, BATCH)
    assert "All go on with this warning." in text(result, "message")


def test_a_critique_is_taken_as_it_is(comfy):
    graph = gated("", critique=["critique", 0])
    del graph["gate"]["inputs"]["critic"]
    graph["critique"] = {
        "class_type": "XLARDCritique",
        "inputs": {"images": ["decoded", 0], "critic": ["world", 3], "prompt": ALWAYS},
    }
    assert count(comfy.run(graph), "image") == BATCH


def test_a_prompt_without_claims_stops_nothing(comfy):
    result = comfy.run(gated("moody, cinematic, 8k"))
    assert result.status == "success" and count(result, "image") == BATCH


def test_changes_of_claims_are_obeyed(comfy):
    fine = "fine: nine triangles\nfine: nine triangles are purple"
    assert count(comfy.run(gated(NEVER, claim_edits=fine)), "image") == BATCH


def test_without_anything_to_judge_by_it_says_what_to_connect(comfy):
    graph = gated(ALWAYS)
    del graph["gate"]["inputs"]["critic"]
    assert "nothing to judge by. Connect critique of xLARD Critique, or connect critic" in error(comfy, graph)
