"""Changes to single claims by hand, through the nodes whose lists of claims write them."""

from __future__ import annotations

import json

import pytest

from tests.support.graphs import demo_graph, error, loop_graph, shown, text
from tests.support.loop_graphs import ALWAYS, NEVER, looped, ran, rounds_of

BOTH = f"{NEVER} and a red square"
ON_BOTH = "fine: nine triangles\nfine: nine triangles are purple\nfine: one square\nfine: the square is red"


def judging(claim_edits: str, prompt: str = BOTH) -> dict:
    """xLARD Critique of a picture of the demo world."""
    graph = demo_graph()
    graph["critique"] = {
        "class_type": "XLARDCritique",
        "inputs": {"images": ["decoded", 0], "critic": ["world", 3], "prompt": prompt, "claim_edits": claim_edits},
    }
    return shown(graph, report=("critique", 6), score=("critique", 4), passed=("critique", 5))


def correcting(claim_edits: str, rounds: int = 2) -> dict:
    """xLARD Self-Correct on a prompt that the demo world does not draw."""
    graph = loop_graph(prompt=BOTH, rounds=rounds, claim_edits=claim_edits)
    return shown(graph, state=("loop", 3), passed=("loop", 5), report=("loop", 6))


def card(result, node: str) -> dict:
    """What the node's list shows of its first picture."""
    return json.loads(result.outputs[node]["xlard_card"][0])[0]


def test_a_claim_that_is_off_is_not_judged(comfy):
    result = ran(comfy, judging("off: nine triangles\noff: nine triangles are purple"))
    assert [claim["text"] for claim in card(result, "critique")["claims"]] == ["one square", "the square is red"]
    assert "switched off: nine triangles are purple" in text(result, "report")


def test_a_claim_is_judged_by_its_new_words_and_the_changes_that_name_the_old_ones(comfy):
    result = ran(comfy, judging("reword: nine triangles -> no bananas\nweight 2: nine triangles"))
    claim = card(result, "critique")["claims"][0]
    assert (claim["text"], claim["original"], claim["weight"]) == ("no bananas", "nine triangles", 2)
    assert claim["passed"] is not None and "reworded: nine triangles -> no bananas" in text(result, "report")


def test_weights_move_the_score(comfy):
    def score(claim_edits: str) -> float:
        return float(text(ran(comfy, judging(claim_edits)), "score"))

    def scores(result) -> dict[str, float]:
        return {claim["text"]: claim["score"] for claim in card(result, "critique")["claims"]}

    plain = scores(ran(comfy, judging("")))
    expected = (4 * plain["nine triangles"] + sum(plain.values()) - plain["nine triangles"]) / 7
    assert score("weight 4: nine triangles") == pytest.approx(expected, abs=2e-3)
    assert score("") == pytest.approx(sum(plain.values()) / 4, abs=2e-3) != pytest.approx(expected, abs=2e-3)


def test_claims_that_are_fine_end_the_loop_and_hold(comfy):
    spent = ran(comfy, correcting(""))
    assert (text(spent, "passed"), len(rounds_of(spent)[0])) == ("False", 3)
    accepted = ran(comfy, correcting(ON_BOTH))
    assert (text(accepted, "passed"), len(rounds_of(accepted)[0])) == ("True", 1)
    assert text(accepted, "report").count("You marked it as fine as it is.") == 4


def test_the_loop_works_on_what_is_not_fine(comfy):
    result = ran(comfy, correcting("\n".join(ON_BOTH.splitlines()[2:]), rounds=1))
    assert len(rounds_of(result)[0]) == 2
    verdicts = {claim["text"]: claim["passed"] for claim in card(result, "loop")["claims"]}
    assert verdicts["one square"] and verdicts["the square is red"] and not verdicts["nine triangles"]
    assert text(result, "passed") == "False"


def test_with_all_claims_off_nothing_is_checked(comfy):
    result = ran(comfy, judging(ON_BOTH.replace("fine", "off")))
    assert "nothing to check" in text(result, "report") and text(result, "passed") == "False"


def test_a_loop_as_a_graph_obeys_its_starts_changes(comfy):
    prompt = f"{NEVER} and {ALWAYS.replace('purple', 'green')}"
    kept = ran(comfy, shown(looped(prompt=prompt, rounds=1), state=("end", 3)))
    claims = [claim["text"] for claim in card(kept, "critique")["claims"]]
    assert len(rounds_of(kept)[0]) == 2
    fine = "\n".join(f"fine: {claim}" for claim in claims)
    result = ran(comfy, shown(looped(prompt=prompt, rounds=1, claim_edits=fine), state=("end", 3)))
    assert text(result, "passed") == "True" and len(rounds_of(result)[0]) == 1


def test_boxes_of_other_nodes_are_judged_with_the_changes(comfy):
    graph = judging("")
    graph["seen"] = graph.pop("critique")
    graph["claims"] = {"class_type": "XLARDClaims", "inputs": {"prompt": "two cats", "edited": ""}}
    graph["critique"] = {
        "class_type": "XLARDCritiqueFromBoxes",
        "inputs": {
            "images": ["decoded", 0],
            "claims": ["claims", 0],
            "bboxes": ["seen", 2],
            "label": "cat",
            "claim_edits": "fine: two cats",
        },
    }
    for output in ("score", "report"):
        del graph[f"{output}_shown"]
    assert text(ran(comfy, graph), "passed") == "True"
    graph["critique"]["inputs"]["claim_edits"] = ""
    assert text(ran(comfy, graph), "passed") == "False"


def test_a_change_that_cannot_be_understood_is_an_error_that_shows_how(comfy):
    assert "A line is 'off: two red circles'" in error(comfy, judging("without the square"))
