"""What another pack puts on a socket: accepted if it does what is needed, else the message says what it lacks."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.graphs import PROMPT, demo_graph, error, loop_graph, shown, text
from tests.support.loop_graphs import looped
from tests.support.servers import ServerWithNodes
from xlard.comfy_server.server import ComfyServer

pytestmark = pytest.mark.comfy

CRITIC, CLAIMS, CRITIQUE, HEAD, CORRECTOR, STATE, DATASET, SECOND_MODEL = range(8)
"""The outputs of the odd node."""


@pytest.fixture(scope="module")
def odd() -> Iterator[ComfyServer]:
    with ServerWithNodes("odd_outputs.py") as server:
        yield server


def with_odd(value: str, graph: dict | None = None) -> dict:
    """A graph with the odd node in it."""
    return {**(graph or {}), "odd": {"class_type": "XLARDTestOddOutput", "inputs": {"value": value}}}


def judging(value: str, **inputs) -> dict:
    """xLARD Critique on a picture of the demo world, with some of its inputs from the odd node."""
    graph = with_odd(value, demo_graph(steps=1))
    graph["critique"] = {
        "class_type": "XLARDCritique",
        "inputs": {"images": ["decoded", 0], "critic": ["world", 3], "prompt": PROMPT, **inputs},
    }
    return shown(graph, report=("critique", 6))


def reading(value: str) -> dict:
    """xLARD Predict Reward with its head from the odd node."""
    graph = with_odd(value, demo_graph(steps=1))
    graph["read"] = {
        "class_type": "XLARDPredictReward",
        "inputs": {"latent": ["drawn", 0], "positive": ["positive", 0], "head": ["odd", HEAD], "sigma": 0.0},
    }
    return shown(graph, rewards=("read", 0))


def one_node(value: str, class_type: str, output: int = 0, **inputs) -> dict:
    """One node with inputs from the odd one."""
    graph = with_odd(value) | {"node": {"class_type": class_type, "inputs": inputs}}
    return shown(graph, output=("node", output))


TRAINING = {"steps": 1, "batch_size": 1, "learning_rate": 1e-3, "width": 32, "layers": 1, "seed": 0, "name": "odd"}
PICK = {"number": 1, "by": "claims"}


@pytest.mark.parametrize(
    ("graph", "message"),
    [
        pytest.param(judging("a text", critic=["odd", CRITIC]), "str is no critic: it has no judge()", id="critic"),
        pytest.param(
            judging("a list of texts", claims=["odd", CLAIMS]),
            "The claims input takes a list of claims, from xLARD Claims; a list came that holds a str.",
            id="claims",
        ),
        pytest.param(
            one_node("a text", "XLARDPickBest", 4, critique=["odd", CRITIQUE], **PICK),
            "The critique input takes a list of critiques, one for each picture, from xLARD Critique; a str came.",
            id="critique",
        ),
        pytest.param(
            reading("a layer of torch"), "The head input takes a reward head, from xLARD Load Reward Head", id="head"
        ),
        pytest.param(reading("a text"), "a str came, whose config lacks latent_channels, context_width", id="lacking"),
        pytest.param(
            one_node("a text", "XLARDSaveCorrector", corrector=["odd", CORRECTOR], file_name="odd", overwrite=False),
            "The corrector input takes a corrector, from xLARD Load Corrector",
            id="corrector",
        ),
        pytest.param(
            one_node("a text", "XLARDLoopResult", state=["odd", STATE]),
            "The state input takes the state of a loop, from xLARD Self-Correct or xLARD Loop End; a str came.",
            id="state",
        ),
        pytest.param(
            one_node("a text", "XLARDTrainHead", 3, dataset=["odd", DATASET], **TRAINING),
            "The dataset input takes a dataset, from xLARD Collect; a str came.",
            id="dataset",
        ),
        pytest.param(
            shown(with_odd("a text", loop_graph(steps=1, second_model=["odd", SECOND_MODEL])), report=("loop", 6)),
            "The second_model input takes a second model, from xLARD Second Model; a str came.",
            id="second_model",
        ),
        pytest.param(
            one_node("a judge", "XLARDClaims", 1, prompt=PROMPT, edited="", critic=["odd", CRITIC]),
            "The critic OnlyJudges can judge pictures, but not be asked in words",
            id="writer",
        ),
    ],
)
def test_what_does_not_fit_a_socket_is_named(odd, graph: dict, message: str) -> None:
    assert message in error(odd, graph)


def test_a_critic_that_only_judges_judges(odd) -> None:
    result = odd.run(judging("a judge", critic=["odd", CRITIC]))
    assert result.status == "success", result.error
    assert "0 of " in text(result, "report")


@pytest.mark.parametrize("in_one_node", [True, False], ids=["Self-Correct", "Loop Start"])
def test_a_critic_that_only_judges_does_not_reword(odd, in_one_node: bool) -> None:
    only_rewrite = dict.fromkeys(("rearrange", "region", "correct", "resample"), False)
    if in_one_node:
        settings = {"critic": ["odd", CRITIC], "clip": ["world", 1], "rounds": 1, **only_rewrite}
        graph = shown(with_odd("a judge", loop_graph(steps=1, **settings)), report=("loop", 6))
    else:
        graph = looped(steps=1, rounds=1, critic=["odd", CRITIC], **only_rewrite)
        graph["positive"]["inputs"]["text"] = ["start", 9]
        graph = shown(with_odd("a judge", graph), report=("end", 6))
    result = odd.run(graph)
    assert result.status == "success", result.error
    assert "The critic cannot reword the prompt: The critic OnlyJudges can judge pictures" in text(result, "report")
