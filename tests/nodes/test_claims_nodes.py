"""Claims and ways of scoring, through their nodes."""

from __future__ import annotations

import pytest

from tests.support.graphs import PROMPT, demo_graph, error, pictures, shown, text
from xlard.comfy_server.errors import JobError
from xlard.critics.scoring import SCORINGS

NO_CLAIM = "and, or, with"
"""A prompt that names nothing, whatever the rules know."""
MANY = ", ".join(f"a {noun}" for noun in "cat dog cup car bus tie book boat cow bird chair clock laptop banana".split())
"""A prompt of fourteen claims."""


def claims_graph(prompt: str = PROMPT, edited: str = "", critic: bool = False, **settings) -> dict:
    """xLARD Claims alone."""
    graph = {"claims": {"class_type": "XLARDClaims", "inputs": {"prompt": prompt, "edited": edited, **settings}}}
    if critic:
        graph["world"] = {"class_type": "XLARDDemo", "inputs": {}}
        graph["claims"]["inputs"]["critic"] = ["world", 3]
    return graph


def judged_graph(edited: str = "", batch: int = 1, **scoring) -> dict:
    """The demo world's pictures judged by claims, with a way of scoring if one is given."""
    graph = {**demo_graph(batch, steps=12), **claims_graph(edited=edited)}
    graph["critique"] = {
        "class_type": "XLARDCritique",
        "inputs": {"images": ["decoded", 0], "critic": ["world", 3], "prompt": "", "claims": ["claims", 0]},
    }
    if scoring:
        graph["scoring"] = {
            "class_type": "XLARDScoring",
            "inputs": {
                "critic": ["world", 3],
                "scoring": "grounded",
                "judgements": 1,
                "temperature": 0.7,
                "regions": False,
                **scoring,
            },
        }
        graph["critique"]["inputs"]["critic"] = ["scoring", 0]
    return shown(graph, report=("critique", 6), score=("critique", 4))


def claims_of(comfy, graph: dict) -> list[str]:
    result = comfy.run(graph)
    assert result.status == "success", result.error
    return result.outputs["claims"]["claims"][0].split("\n")


def test_a_prompt_becomes_one_line_a_claim(comfy):
    assert claims_of(comfy, claims_graph()) == [
        "count: two circles",
        "count: one square",
        "color: two circles are red",
        "color: the square is blue",
    ]


def test_edited_lines_add_weigh_and_disable(comfy):
    edited = "...\ncustom: the hat casts a shadow (2)\n# count: five dogs\nno cats"
    lines = claims_of(comfy, claims_graph(edited=edited))
    assert lines[4:] == ["custom: the hat casts a shadow (2)", "custom: no cats"]


def test_edited_lines_stand_for_themselves_whatever_the_prompt(comfy):
    assert claims_of(comfy, claims_graph("three dogs", "count: two cats")) == ["count: two cats"]


@pytest.mark.parametrize(
    ("prompt", "edited", "cause"),
    [
        ("", "", "There is no claim"),
        ("two dogs", "# count: two dogs", "There is no claim"),
        ("two dogs", "...\nposition: cat dog", "Line 2 cannot be understood"),
        ("", "count: two dogs (0)", "write # before the line"),
    ],
)
def test_what_cannot_be_read_names_the_line_and_the_fix(comfy, prompt, edited, cause):
    assert cause in error(comfy, claims_graph(prompt, edited))


def test_a_critic_that_comes_first_reads_the_prompt_into_claims(comfy):
    lines = claims_of(comfy, claims_graph("three red squares", critic=True, split_by="critic first"))
    assert lines.pop().endswith("split the prompt into claims.")
    assert lines and all(line.split(":")[0] in ("count", "color", "position", "object") for line in lines)


def test_a_critic_is_shown_examples_and_what_it_makes_up_is_dropped(comfy, server):
    graph = claims_graph("highres, 2cats, waist up, 8k", split_by="critic first")
    graph["server"] = {"class_type": "XLARDCriticServer", "inputs": {"url": server.url, "model": "splits"}}
    graph["claims"]["inputs"]["critic"] = ["server", 0]
    first, note = claims_of(comfy, graph)
    assert first == "count: two cats" and note.endswith("split the prompt into claims.")
    (request,) = [seen for seen in server.requests() if "body" in seen]
    asked = [message["content"] for message in request["body"]["messages"] if message["role"] == "user"]
    assert len(asked) == 4 and "1girl" in asked[1] and "2cats" in asked[3]


def test_the_rules_read_what_they_understand_with_a_critic_too(comfy):
    assert claims_of(comfy, claims_graph(critic=True)) == claims_of(comfy, claims_graph())


def test_a_prompt_without_claims_has_nothing_to_check_and_its_pictures_go_through(comfy):
    assert claims_of(comfy, claims_graph(NO_CLAIM))[0] == "# nothing to check"
    graph = judged_graph()
    graph["claims"]["inputs"]["prompt"] = NO_CLAIM
    graph = shown(graph, passed=("critique", 5))
    assert pictures(comfy, graph, "critique", 1).shape[0] == 1
    result = comfy.run(graph)
    assert "Picture 1: nothing to check" in text(result, "report")
    assert (text(result, "score"), text(result, "passed")) == ("None", "False")


def test_a_dozen_claims_are_checked_and_a_widget_raises_it(comfy):
    lines = claims_of(comfy, claims_graph(MANY))
    assert len(lines) == 13 and lines[-1].startswith("not checked: ") and lines[-1].count(";") == 1
    lines = claims_of(comfy, claims_graph(MANY, most_claims=20))
    assert len(lines) == 14 and not any(line.startswith("not checked") for line in lines)


def test_more_claims_than_a_picture_may_have_are_refused_by_name(comfy):
    assert len(claims_of(comfy, claims_graph(MANY, most_claims=64))) == 14
    with pytest.raises(JobError, match="bigger than max of 64: most_claims"):
        comfy.run(claims_graph(MANY, most_claims=65))


def test_what_became_no_claim_is_told_by_the_critique_of_connected_claims(comfy):
    graph = judged_graph()
    graph["claims"]["inputs"].update(prompt=MANY, most_claims=13)
    report = text(comfy.run(graph), "report")
    assert report.splitlines()[-1].startswith("not checked: one ")


@pytest.mark.parametrize("way", SCORINGS)
def test_every_scoring_judges(comfy, way):
    result = comfy.run(judged_graph(scoring=way))
    assert result.status == "success", result.error
    assert "Picture 1" in text(result, "report") and 0 <= float(text(result, "score")) <= 1


def test_each_picture_has_a_score_of_its_own(comfy):
    result = comfy.run(judged_graph(batch=3))
    assert len(result.outputs["score_shown"]["text"]) == 3


def test_repeated_judgements_show_how_many_agree(comfy):
    result = comfy.run(judged_graph(scoring="grounded", judgements=3, temperature=0.3))
    assert "of 3 judgements" in text(result, "report")


def test_regions_are_scored_on_their_own(comfy):
    result = comfy.run(judged_graph(scoring="grounded", regions=True))
    assert "yes with" in text(result, "report")


def test_a_scoring_that_never_varies_refuses_repetition_and_the_next_run_works(comfy):
    assert "judge once" in error(comfy, judged_graph(scoring="P(yes)", judgements=3))
    assert comfy.run(judged_graph(scoring="P(yes)")).status == "success"


def test_weights_count_in_the_score(comfy):
    """No elephants hold, one elephant scores 1/e."""
    plain, weighed = (
        float(text(comfy.run(judged_graph(edited=f"count: no elephants\ncount: one elephant{weight}")), "score"))
        for weight in ("", " (3)")
    )
    assert (plain, weighed) == (
        pytest.approx((1 + 0.3679) / 2, abs=1e-3),
        pytest.approx((1 + 3 * 0.3679) / 4, abs=1e-3),
    )
