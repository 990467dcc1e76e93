"""The loop in one node with a corrector that acts once: which fresh pictures it has part in, and what that costs."""

from __future__ import annotations

import pytest
import torch

from tests.support.graphs import loop_graph
from tests.support.guide_graphs import latents, single_step_graph
from tests.support.loop_graphs import history
from xlard.loop.registry import DEFAULT_STRATEGIES

IMPOSSIBLE = "nine red circles left of nine blue squares"
FRESH = {name: name in ("correct", "resample") for name in DEFAULT_STRATEGIES}


def looping(comfy, bias: float | None = None, **settings) -> dict:
    """The graph of ``single_step_graph`` with the loop beside its samplers; a ``bias`` adds a head that is sure of what
    it says.
    """
    graph = single_step_graph(comfy, threshold=0.6, bias=bias or 0.0)
    graph["loop"] = loop_graph(**{"rounds": 0, **settings})["loop"]
    graph["loop"]["inputs"]["corrector"] = ["corrector", 0]
    del graph["loop"]["inputs"]["head"]
    if bias is not None:
        graph["loop"]["inputs"]["head"] = ["head", 0]
    return graph


@pytest.mark.parametrize(
    "first, bias, like",
    [
        ("plain", None, "plain"),
        ("always", 3.0, "drawn"),
        ("doubted", None, "drawn"),
        ("doubted", 3.0, "plain"),
        ("doubted", -3.0, "drawn"),
    ],
)
def test_the_first_picture_is_ksamplers_or_that_of_a_guided_model(comfy, first, bias, like):
    samples = latents(comfy, looping(comfy, bias, first_picture=first), "loop", "plain", "drawn")
    assert torch.equal(samples["loop"], samples[like]) and not torch.equal(samples["plain"], samples["drawn"])


@pytest.mark.parametrize("sampler, calls, from_half", [("euler", 4, 2), ("heun", 7, 3)])
def test_later_fresh_pictures_are_corrected_for_one_call_more(comfy, sampler, calls, from_half):
    rounds = history(comfy, looping(comfy, rounds=2, prompt=IMPOSSIBLE, sampler_name=sampler, **FRESH))
    assert [round_["strategy"] for round_ in rounds] == ["sample", "correct", "resample"]
    assert [round_["nfe"] for round_ in rounds] == [calls, from_half + 1, calls + 1]
    assert (
        not rounds[0]["change"] and rounds[2]["change"] and rounds[2]["reason"] == "a fresh draw, corrected on its way"
    )


def test_a_first_picture_that_is_corrected_says_what_it_took(comfy):
    rounds = history(
        comfy, looping(comfy, rounds=1, prompt=IMPOSSIBLE, sampler_name="heun", first_picture="always", **FRESH)
    )
    assert rounds[0]["nfe"] == 8 and rounds[0]["change"]


def test_with_correct_switched_off_no_picture_is_corrected(comfy):
    rounds = history(
        comfy, looping(comfy, rounds=1, prompt=IMPOSSIBLE, first_picture="always", **{**FRESH, "correct": False})
    )
    assert [(round_["strategy"], round_["nfe"], round_["change"]) for round_ in rounds] == [
        ("sample", 4, 0),
        ("resample", 4, 0),
    ]
