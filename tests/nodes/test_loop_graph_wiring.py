"""How loops may be wired: one in another, one beside or after another; and which connections are refused."""

from __future__ import annotations

import pytest
import torch

from tests.support.graphs import PROMPT, SIDE, demo_graph, error, load_latent, pictures, shown
from tests.support.loop_graphs import ALWAYS, add_loop, by_round, looped, only, ran, recorded


def test_a_loop_in_a_loop_runs_whole_in_every_round(comfy):
    graph = looped(rounds=1, seed=17)
    graph["drawn_in"] = {"class_type": "KSampler", "inputs": {**graph["drawn"]["inputs"], "latent_image": ["drawn", 0]}}
    graph["decoded_in"] = {"class_type": "VAEDecode", "inputs": {"samples": ["drawn_in", 0], "vae": ["world", 2]}}
    add_loop(graph, rounds=1, seed=3, mark="_in")
    graph["start_in"]["inputs"]["seed"] = ["start", 3]
    graph["seen_in"] = {"class_type": "PreviewImage", "inputs": {"images": ["decoded_in", 0]}}
    graph["decoded"]["inputs"]["samples"] = ["end_in", 0]
    graph["end"]["inputs"]["latent"] = ["end_in", 0]
    result = ran(comfy, graph)
    assert [len(by_round(result, node)) for node in ("critique", "critique_in", "seen_in", "passed_shown")] == [
        2,
        4,
        4,
        1,
    ]
    (rounds,) = recorded(comfy, graph)
    assert [round_.nfe for round_ in rounds] == [12, 12]


def test_two_loops_in_a_graph_do_not_mix(comfy):
    alone = pictures(comfy, looped(rounds=1, seed=18), "end", 1)
    graph = looped(rounds=1, seed=18)
    graph["drawn_two"] = {"class_type": "KSampler", "inputs": {**demo_graph()["drawn"]["inputs"]}}
    graph["decoded_two"] = {"class_type": "VAEDecode", "inputs": {"samples": ["drawn_two", 0], "vae": ["world", 2]}}
    add_loop(graph, rounds=2, seed=19, mark="_two")
    graph["other"] = {"class_type": "PreviewImage", "inputs": {"images": ["end_two", 1]}}
    assert (pictures(comfy, graph, "end", 1) == alone).all()
    graph["start"]["inputs"]["seed"] = graph["start_two"]["inputs"]["seed"] = 20
    result = ran(comfy, graph)
    assert [len(by_round(result, node)) for node in ("critique", "critique_two")] == [2, 3]
    assert [round_.nfe for round_ in recorded(comfy, graph)[0]] == [4, 4]
    assert [round_.nfe for round_ in recorded(comfy, graph, "end_two")[0]] == [4, 4, 4]


def test_a_second_loop_goes_on_from_the_first_ones_state(comfy):
    graph = looped(rounds=1, seed=21)
    graph["drawn_two"] = {"class_type": "KSampler", "inputs": {**demo_graph()["drawn"]["inputs"]}}
    graph["decoded_two"] = {"class_type": "VAEDecode", "inputs": {"samples": ["drawn_two", 0], "vae": ["world", 2]}}
    add_loop(graph, rounds=1, seed=22, mark="_two", state=["end", 3])
    first, both = recorded(comfy, graph)[0], recorded(comfy, graph, "end_two")[0]
    assert len(first) == 2 and len(both) == 4 and both[:2] == first


def test_a_second_loop_has_nothing_to_do_where_the_first_one_passed(comfy):
    graph = looped(prompt=ALWAYS, seed=23)
    graph["drawn_two"] = {"class_type": "KSampler", "inputs": {**demo_graph()["drawn"]["inputs"]}}
    graph["decoded_two"] = {"class_type": "VAEDecode", "inputs": {"samples": ["drawn_two", 0], "vae": ["world", 2]}}
    add_loop(graph, prompt=ALWAYS, mark="_two", state=["end", 3])
    assert (pictures(comfy, graph, "end_two", 1) == pictures(comfy, graph, "end", 1)).all()
    assert len(by_round(ran(comfy, shown(graph, all=("end_two", 5))), "critique_two")) == 1


def test_an_end_without_a_start_is_refused(comfy):
    graph = looped()
    del graph["end"]["inputs"]["flow"]
    result = comfy.run(graph)
    (refused,) = result.node_errors["end"]["errors"]
    assert (refused["message"], refused["details"]) == (
        "Required input is missing",
        "flow",
    ) and "end" not in result.executed


def second_end(graph: dict) -> None:
    graph["end_two"] = {**graph["end"]}
    shown(graph, two=("end_two", 5))


def of_another_batch(name: str, node: str, taken: str):
    def change(graph: dict) -> None:
        graph["more"] = {"class_type": node, "inputs": {taken: graph["end"]["inputs"][name], "amount": 2}}
        graph["end"]["inputs"][name] = ["more", 0]

    return change


def critique_of_more(graph: dict) -> None:
    graph["more"] = {"class_type": "RepeatImageBatch", "inputs": {"image": ["decoded", 0], "amount": 2}}
    graph["critique"]["inputs"]["images"] = ["more", 0]


def other_claims(graph: dict) -> None:
    graph["critique"]["inputs"].update(prompt=PROMPT)
    del graph["critique"]["inputs"]["claims"]


def no_model(graph: dict) -> None:
    del graph["start"]["inputs"]["model"]


def not_from_the_start(graph: dict) -> None:
    graph["drawn"]["inputs"].update(demo_graph()["drawn"]["inputs"])


@pytest.mark.parametrize(
    "change, message",
    [
        (not_from_the_start, "The latent of xLARD Loop End does not come from its xLARD Loop Start"),
        (second_end, "2 xLARD Loop End nodes are connected to one xLARD Loop Start"),
        (of_another_batch("latent", "RepeatLatentBatch", "samples"), "a batch of 1, but 2 latents came back"),
        (of_another_batch("image", "RepeatImageBatch", "image"), "a batch of 1, but 2 images came back"),
        (critique_of_more, "a batch of 1, but 2 critiques came back"),
        (other_claims, "judged on 4 claims, the loop has 2"),
        (no_model, "only if one is connected"),
        (lambda graph: graph["start"]["inputs"].update(prompt=""), "The prompt is empty"),
        (lambda graph: graph["start"]["inputs"].update(only()), "All strategies are switched off"),
    ],
)
def test_wrong_connections_name_the_cause_and_the_next_run_works(comfy, change, message):
    graph = looped(rounds=1, seed=24)
    change(graph)
    assert message in error(comfy, graph)
    assert ran(comfy, looped(rounds=0, seed=24))


def test_a_latent_of_another_batch_than_the_state_is_an_error(comfy):
    graph = looped(rounds=0, seed=25)
    graph["two"] = {"class_type": "EmptyLatentImage", "inputs": {"width": SIDE, "height": SIDE, "batch_size": 2}}
    graph["drawn_two"] = {
        "class_type": "KSampler",
        "inputs": {**demo_graph()["drawn"]["inputs"], "latent_image": ["two", 0]},
    }
    graph["decoded_two"] = {"class_type": "VAEDecode", "inputs": {"samples": ["drawn_two", 0], "vae": ["world", 2]}}
    add_loop(graph, mark="_two", state=["end", 3])
    assert "The state holds 1 pictures, the latent 2" in error(comfy, shown(graph, two=("end_two", 5)))


def test_a_latent_that_is_not_finite_is_an_error(comfy):
    graph = looped(rounds=0)
    load_latent(comfy, graph, "graph_not_finite", torch.full((1, 4, 16, 16), torch.nan))
    graph["start"]["inputs"]["latent_image"] = ["graph_not_finite", 0]
    assert "NaN or infinite" in error(comfy, graph)
