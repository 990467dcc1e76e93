"""The loop in one node, and its report."""

from __future__ import annotations

import io
import json

import numpy as np
import pytest
import torch
from PIL import Image

from tests.support.graphs import BAD_LATENTS, SIDE, demo_graph, error, load_latent, loop_graph, pictures, shown, text
from tests.support.loop_graphs import rounds_of, saved_latents
from xlard.loop.registry import DEFAULT_STRATEGIES


@pytest.mark.parametrize("sampler", ["euler", "dpmpp_2m", "ddim"])
def test_it_starts_from_ksamplers_picture(comfy, sampler):
    plain = demo_graph()
    plain["drawn"]["inputs"]["sampler_name"] = sampler
    loop = loop_graph(sampler_name=sampler)
    assert (pictures(comfy, plain, "decoded") == pictures(comfy, loop, "loop", 2)).all()


def test_no_rounds_only_judge(comfy):
    graph = loop_graph(rounds=0)
    assert (pictures(comfy, graph, "loop", 1) == pictures(comfy, graph, "loop", 2)).all()


def test_a_batch_gives_as_many_pictures_and_a_report(comfy):
    graph = shown(loop_graph(batch=4), score=("loop", 4), report=("loop", 6))
    graph["again"] = {"class_type": "VAEDecode", "inputs": {"samples": ["loop", 0], "vae": ["world", 2]}}
    assert pictures(comfy, graph, "again").shape == (4, SIDE, SIDE, 3)
    result = comfy.run(graph)
    assert 0 <= float(text(result, "score")) <= 1 and text(result, "report").count("Picture") == 4
    again = comfy.run(graph)
    assert again.status == "success" and "loop" not in again.executed


def test_the_report_is_shown_saved_and_never_overwritten(comfy):
    graph = loop_graph(rounds=0)
    graph["files"] = {"class_type": "XLARDReport", "inputs": {"state": ["loop", 3], "filename_prefix": "twice/run"}}
    first = comfy.run(graph).outputs["files"]
    assert [comfy.view(first["images"][0])[:4], comfy.view(first["html"][0])[:9].lower()] == [b"\x89PNG", b"<!doctype"]
    graph["loop"]["inputs"]["seed"] = 6
    second = comfy.run(graph).outputs["files"]
    assert second["images"][0]["filename"] != first["images"][0]["filename"]
    assert len(list((comfy.base / "output" / "twice").iterdir())) == 6


def test_without_head_and_corrector_it_runs(comfy):
    graph = loop_graph()
    del graph["loop"]["inputs"]["head"], graph["loop"]["inputs"]["corrector"]
    assert pictures(comfy, graph, "loop", 1).shape == (1, SIDE, SIDE, 3)


def cancelled(comfy, graph: dict, maximum: int, value: int) -> tuple:
    """Run a graph and cancel it where the loop's bar of ``maximum`` first stands at ``value``; the result, and the
    bar's later places.
    """
    later, sent = [], []

    def cancel(node: str, now: int, most: int) -> None:
        if sent:
            later.append((now, most))
        elif (node, now, most) == ("loop", value, maximum):
            comfy.interrupt()
            sent.append(now)

    return comfy.run(graph, on_progress=cancel), later


def test_cancelling_before_the_first_picture_leaves_none(comfy):
    graph = loop_graph(steps=400, rounds=8, seed=9)
    graph["picture"] = {"class_type": "PreviewImage", "inputs": {"images": ["loop", 1]}}
    result, later = cancelled(comfy, graph, 9 * 100, 1)
    assert result.status == "interrupted" and result.outputs == {}
    # What was under way while the message travelled.
    assert all(now < 15 for now, _ in later)


@pytest.mark.parametrize("drawn", [1, 2])
def test_cancelling_leaves_the_best_picture_so_far_in_the_history_and_the_next_run_is_clean(comfy, drawn):
    graph = loop_graph(batch=2, steps=10, rounds=2, seed=9 + drawn, prompt="nine red circles left of nine blue squares")
    graph["picture"] = {"class_type": "PreviewImage", "inputs": {"images": ["loop", 1]}}
    result, later = cancelled(comfy, graph, 2 * 3 * 100, 2 * drawn * 100)
    assert result.status == "interrupted" and list(result.outputs) == ["loop"]
    assert all(now < 2 * (drawn + 1) * 100 for now, _ in later)
    left_behind = [np.asarray(Image.open(io.BytesIO(comfy.view(file)))) for file in result.outputs["loop"]["images"]]
    assert len(left_behind) == 2
    if drawn == 1:
        assert (
            np.stack(left_behind) == pictures(comfy, loop_graph(batch=2, steps=10, rounds=0, seed=9 + drawn), "loop", 2)
        ).all()
    again = comfy.run(graph)
    assert again.status == "success" and "loop" in again.executed and "images" not in again.outputs["loop"]


def test_an_empty_prompt_is_an_error(comfy):
    graph = loop_graph(prompt="")
    graph["picture"] = {"class_type": "PreviewImage", "inputs": {"images": ["loop", 1]}}
    assert "The prompt is empty" in error(comfy, graph)


def test_a_prompt_without_claims_draws_its_picture_and_spends_no_round(comfy):
    graph = shown(
        loop_graph(prompt="and, or, with", rounds=3),
        score=("loop", 4),
        passed=("loop", 5),
        report=("loop", 6),
        state=("loop", 3),
    )
    assert (pictures(comfy, graph, "loop", 1) == pictures(comfy, demo_graph(), "decoded")).all()
    result = comfy.run(graph)
    assert text(result, "report").startswith("Picture 1: nothing to check")
    assert (text(result, "score"), text(result, "passed")) == ("None", "False")
    ((round_,),) = rounds_of(result)
    assert (round_.strategy, round_.nfe, round_.critic_calls) == ("sample", 4, 0)
    graph["files"] = {"class_type": "XLARDReport", "inputs": {"state": ["loop", 3], "filename_prefix": "none/run"}}
    page = comfy.view(comfy.run(graph).outputs["files"]["html"][0]).decode()
    assert "The picture is as it was drawn: nothing to check." in page


def test_claims_beyond_a_dozen_are_named_in_the_report_and_not_checked(comfy):
    nouns = "cat dog cup car bus tie book boat cow bird chair clock laptop banana".split()
    graph = shown(loop_graph(prompt=", ".join(f"a {noun}" for noun in nouns), rounds=0), report=("loop", 6))
    _, *lines = text(comfy.run(graph), "report").splitlines()
    assert lines.pop() == "not checked: one laptop; one banana" and len(lines) == 12
    graph["loop"]["inputs"]["most_claims"] = 14
    assert len(text(comfy.run(graph), "report").splitlines()) == 1 + 14


@pytest.mark.parametrize("name, samples, message", BAD_LATENTS)
def test_bad_latents_name_the_cause(comfy, name, samples, message):
    graph = loop_graph()
    load_latent(comfy, graph, name, samples)
    graph["loop"]["inputs"]["latent_image"] = [name, 0]
    graph["picture"] = {"class_type": "PreviewImage", "inputs": {"images": ["loop", 1]}}
    assert message in error(comfy, graph)


@pytest.mark.parametrize("only", ["rearrange", "region"])
def test_what_is_fixed_in_parts_keeps_the_rest_to_the_last_bit(comfy, only):
    strategies = {name: name == only for name in DEFAULT_STRATEGIES}
    first = saved_latents(comfy, loop_graph(batch=8, steps=10, rounds=0))
    after = saved_latents(comfy, loop_graph(batch=8, steps=10, rounds=2, **strategies))
    same = (first == after).all(dim=1)
    changed = [picture for picture in same if not picture.all()]
    assert changed and all(picture.any() for picture in changed)


def test_without_any_strategy_it_is_an_error(comfy):
    graph = loop_graph(**dict.fromkeys(DEFAULT_STRATEGIES, False))
    graph["picture"] = {"class_type": "PreviewImage", "inputs": {"images": ["loop", 1]}}
    assert "All strategies are switched off" in error(comfy, graph)


def test_a_noise_mask_is_kept_by_parts_too(comfy):
    graph = loop_graph(batch=8, steps=10, rounds=3, correct=False, resample=False)
    graph["left"] = {"class_type": "SolidMask", "inputs": {"value": 1.0, "width": SIDE // 2, "height": SIDE}}
    graph["none"] = {"class_type": "SolidMask", "inputs": {"value": 0.0, "width": SIDE, "height": SIDE}}
    graph["mask"] = {
        "class_type": "MaskComposite",
        "inputs": {"destination": ["none", 0], "source": ["left", 0], "x": 0, "y": 0, "operation": "add"},
    }
    graph["masked"] = {"class_type": "SetLatentNoiseMask", "inputs": {"samples": ["empty", 0], "mask": ["mask", 0]}}
    graph["loop"]["inputs"]["latent_image"] = ["masked", 0]
    latents = saved_latents(comfy, graph)
    assert (latents[..., SIDE // 16 :] == 0).all() and (latents[..., : SIDE // 16] != 0).any()


def test_reading_the_steps_changes_no_bit_and_tells_their_gains(comfy):
    plain = loop_graph(batch=2, steps=8, rounds=2, seed=31, first_picture="always")
    read = loop_graph(batch=2, steps=8, rounds=2, seed=31, first_picture="always", read_steps=True)
    read["files"] = {"class_type": "XLARDReport", "inputs": {"state": ["loop", 3], "filename_prefix": "steps/run"}}
    assert torch.equal(saved_latents(comfy, plain), saved_latents(comfy, read))
    read["loop"]["inputs"]["seed"] = 32
    page = comfy.view(comfy.run(read).outputs["files"]["html"][0]).decode()
    (history,) = (comfy.base / "output" / "steps").glob("*_00002*.json")
    for state in json.loads(history.read_text("utf-8")):
        for round_ in state["rounds"]:
            sigmas = [step["sigma"] for step in round_["steps"]]
            assert len(sigmas) >= 3 and sigmas == sorted(set(sigmas), reverse=True) and max(sigmas) <= 0.8
            assert round_["steps"][0]["gain"] is None and all(step["gain"] is not None for step in round_["steps"][1:])
    assert "Head by step" in page and 'class="curve"' in page
