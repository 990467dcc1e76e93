"""The loop as a graph: the artist's own nodes between xLARD Loop Start and xLARD Loop End."""

from __future__ import annotations

import io
import json

import numpy as np
import psutil
import pytest
import safetensors.torch
import torch
from PIL import Image

from tests.support.graphs import PROMPT, SIDE, demo_graph, error, load_latent, pictures, pixels, shown, text
from tests.support.loop_graphs import ALWAYS, by_round, looped, only, pictures_by_round, ran, recorded, rounds_of


def test_the_first_round_is_ksamplers_picture_and_what_passes_is_drawn_once(comfy):
    plain = pictures(comfy, demo_graph(), "decoded")
    graph = looped(prompt=ALWAYS)
    assert (pictures(comfy, graph, "end", 2) == plain).all() and (pictures(comfy, graph, "end", 1) == plain).all()
    graph["start"]["inputs"]["seed"] = 6
    result = ran(comfy, graph)
    assert text(result, "passed") == "True" and len(by_round(result, "critique")) == 1


def test_without_claims_the_body_runs_once_and_the_report_says_why(comfy):
    graph = shown(looped(prompt="and, or, with", rounds=3), report=("end", 6), state=("end", 3))
    assert (pictures(comfy, graph, "end", 1) == pictures(comfy, demo_graph(), "decoded")).all()
    result = ran(comfy, graph)
    assert text(result, "report").startswith("Picture 1: nothing to check") and text(result, "passed") == "False"
    assert [[round_.critic_calls for round_ in rounds] for rounds in rounds_of(result)] == [[0]]


def test_claims_beyond_the_most_are_named_at_the_end(comfy):
    graph = shown(looped(prompt="a cat, a dog, a purple triangle", most_claims=2, rounds=1), report=("end", 6))
    assert text(ran(comfy, graph), "report").splitlines()[-1].startswith("not checked: one triangle")


def test_what_fails_is_drawn_again_until_the_rounds_are_used_up(comfy):
    graph = shown(looped(rounds=3), seed=("start", 3), report=("start", 6), denoise=("start", 2), number=("start", 4))
    result = ran(comfy, graph)
    assert text(result, "passed") == "False"
    shown_texts = {
        name: [output["text"][0] for output in by_round(result, f"{name}_shown")]
        for name in ("seed", "report", "denoise", "number")
    }
    assert shown_texts["seed"][0] == "5" and len(set(shown_texts["seed"])) == 4
    assert shown_texts["number"] == ["0", "1", "2", "3"] and shown_texts["denoise"][0] == "1.0"
    assert shown_texts["report"][0] == "" and all("nine triangles" in report for report in shown_texts["report"][1:])
    assert len(by_round(result, "critique")) == 4


def test_the_state_records_every_round_with_its_true_cost(comfy):
    (rounds,) = recorded(comfy, looped(rounds=2, steps=5))
    assert [round_.nfe for round_ in rounds] == [5, 5, 5] and [round_.critic_calls for round_ in rounds] == [1, 1, 1]
    assert rounds[0].strategy == "sample" and rounds[0].seed == 5
    assert {round_.strategy for round_ in rounds[1:]} <= {"rearrange", "region", "correct", "resample"}
    assert all(round_.seconds > 0 for round_ in rounds[1:])


def test_a_sampler_that_calls_the_model_twice_a_step_is_counted_so(comfy):
    graph = looped(rounds=1, steps=4)
    graph["drawn"]["inputs"]["sampler_name"] = "heun"
    assert [round_.nfe for round_ in recorded(comfy, graph)[0]] == [7, 7]


def test_the_body_may_be_a_custom_sampler(comfy):
    graph = looped(rounds=1, seed=8, **only("correct"))
    plain = pictures(comfy, graph, "end", 2)
    drawn = graph["drawn"]["inputs"]
    graph["sampler"] = {"class_type": "KSamplerSelect", "inputs": {"sampler_name": "euler"}}
    graph["sigmas"] = {
        "class_type": "BasicScheduler",
        "inputs": {"model": ["start", 8], "scheduler": "simple", "steps": drawn["steps"], "denoise": ["start", 2]},
    }
    graph["drawn"] = {
        "class_type": "SamplerCustom",
        "inputs": {
            "model": ["start", 8],
            "add_noise": True,
            "noise_seed": ["start", 3],
            "cfg": drawn["cfg"],
            "positive": drawn["positive"],
            "negative": drawn["negative"],
            "sampler": ["sampler", 0],
            "sigmas": ["sigmas", 0],
            "latent_image": ["start", 1],
        },
    }
    assert (pictures(comfy, graph, "end", 2) == plain).all()
    assert [(round_.strategy, round_.nfe) for round_ in recorded(comfy, graph)[0]] == [("sample", 4), ("correct", 4)]


@pytest.mark.parametrize("strategy", ["correct", "resample"])
def test_the_body_may_enlarge_to_a_fixed_size(comfy, strategy):
    graph = looped(rounds=2, seed=9, batch=2, **only(strategy))
    graph["large"] = {
        "class_type": "LatentUpscale",
        "inputs": {
            "samples": ["drawn", 0],
            "upscale_method": "bilinear",
            "width": 2 * SIDE,
            "height": 2 * SIDE,
            "crop": "disabled",
        },
    }
    graph["decoded"]["inputs"]["samples"] = graph["end"]["inputs"]["latent"] = ["large", 0]
    assert pictures(comfy, graph, "end", 1).shape == (2, 2 * SIDE, 2 * SIDE, 3)
    assert [len(picture) for picture in recorded(comfy, graph)] == [3, 3]


def test_a_body_that_enlarges_by_a_factor_keeps_the_first_picture_and_says_why_there_is_no_other(comfy):
    graph = looped(rounds=2, seed=9, **only("correct"))
    graph["large"] = {
        "class_type": "LatentUpscaleBy",
        "inputs": {"samples": ["drawn", 0], "upscale_method": "bilinear", "scale_by": 2.0},
    }
    graph["decoded"]["inputs"]["samples"] = graph["end"]["inputs"]["latent"] = ["large", 0]
    result = ran(comfy, shown(graph, report=("end", 6)))
    report = text(result, "report")
    assert "could not be compared with the best so far" in report and "enlarge to a fixed size" in report
    assert "Its latents are saved as xLARD_unjudged_" in report
    assert pictures(comfy, graph, "end", 1).shape == (1, 2 * SIDE, 2 * SIDE, 3)


def test_latents_of_one_video_frame_keep_their_axis_through_the_rounds(comfy):
    graph = looped(rounds=2, batch=2, **only("correct"))
    load_latent(comfy, graph, "graph_frames", torch.ones(2, 4, 1, 12, 12))
    graph["start"]["inputs"]["latent_image"] = ["graph_frames", 0]
    graph["drawn"] = {"class_type": "LatentMultiply", "inputs": {"samples": ["start", 1], "multiplier": 0.5}}
    graph["decoded"] = {"class_type": "MaskToImage", "inputs": {"mask": ["start", 5]}}
    graph["saved"] = {"class_type": "SaveLatent", "inputs": {"samples": ["end", 0], "filename_prefix": "graph/frames"}}
    (file,) = ran(comfy, graph).outputs["saved"]["latents"]
    saved = safetensors.torch.load(comfy.view(file))["latent_tensor"]
    assert saved.shape == (2, 4, 1, 12, 12) and [len(picture) for picture in recorded(comfy, graph)] == [3, 3]


def test_without_a_model_no_calls_are_made_up(comfy):
    graph = looped(rounds=1)
    del graph["start"]["inputs"]["model"]
    graph["drawn"]["inputs"]["model"] = ["world", 0]
    (rounds,) = recorded(comfy, graph)
    assert [round_.nfe for round_ in rounds] == [0, 0]


def test_a_sampler_that_runs_again_with_other_steps_replaces_its_calls(comfy):
    graph = looped(rounds=0, steps=4)
    recorded(comfy, graph)
    graph["drawn"]["inputs"]["steps"] = 6
    result = ran(comfy, graph)
    assert "start" not in result.executed and "drawn" in result.executed
    (only_round,) = recorded(comfy, graph)[0]
    assert (only_round.nfe, only_round.seconds) == (6, 0.0)


def test_each_picture_of_a_batch_keeps_its_own_best(comfy):
    graph = shown(looped(batch=3, rounds=2), score=("end", 4))
    result = ran(comfy, graph)
    assert text(result, "passed").count("False") == 1 and len(by_round(result, "score_shown")) == 1
    graph["count"] = {"class_type": "PreviewImage", "inputs": {"images": ["end", 1]}}
    graph["again"] = {"class_type": "VAEDecode", "inputs": {"samples": ["end", 0], "vae": ["world", 2]}}
    assert pictures(comfy, graph, "again").shape == (3, SIDE, SIDE, 3)
    assert np.abs(pictures(comfy, graph, "again").astype(int) - pictures(comfy, graph, "end", 1)).max() <= 1
    assert [len(picture) for picture in recorded(comfy, graph)] == [3, 3, 3]


def test_running_again_runs_nothing_and_another_seed_or_prompt_runs_all(comfy):
    graph = looped(rounds=1, seed=11)
    ran(comfy, graph)
    assert not {"start", "drawn", "critique", "end"} & set(ran(comfy, graph).executed)
    for node, name, value in (
        ("start", "seed", 12),
        ("positive", "text", "a blue circle"),
        ("start", "prompt", "nine red circles"),
    ):
        graph[node]["inputs"][name] = value
        assert {"drawn", "critique", "end"} <= set(ran(comfy, graph).executed)
    plain = demo_graph()
    plain["drawn"]["inputs"]["seed"] = 12
    plain["positive"]["inputs"]["text"] = "a blue circle"
    assert (pictures(comfy, graph, "end", 2) == pictures(comfy, plain, "decoded")).all()


def test_more_rounds_keep_the_first_and_count_it_once(comfy):
    graph = looped(rounds=1, seed=13)
    (before,) = recorded(comfy, graph)
    graph["end"]["inputs"]["rounds"] = 2
    result = ran(comfy, graph)
    assert "drawn" not in result.executed and len(by_round(result, "critique")) == 3
    (after,) = recorded(comfy, graph)
    assert len(after) == 3 and [round_[:4] for round_ in after[:2]] == [round_[:4] for round_ in before]


def test_previews_in_the_body_show_every_round_and_those_after_the_loop_the_end(comfy):
    graph = looped(rounds=2, seed=14)
    graph["seen"] = {"class_type": "PreviewImage", "inputs": {"images": ["decoded", 0]}}
    graph["both"] = {"class_type": "ImageBatch", "inputs": {"image1": ["decoded", 0], "image2": ["end", 1]}}
    graph["compared"] = {"class_type": "PreviewImage", "inputs": {"images": ["both", 0]}}
    result = ran(comfy, graph)
    seen = [comfy.view(output["images"][0]) for output in by_round(result, "seen")]
    assert len(seen) == 3 and len(set(seen)) == 3
    (compared,) = by_round(result, "compared")
    assert len(compared["images"]) == 2


def test_only_what_is_wrong_is_redrawn(comfy):
    graph = looped(rounds=1, seed=3, steps=12, prompt=PROMPT, **only("region"))
    graph["where"] = {"class_type": "MaskToImage", "inputs": {"mask": ["start", 5]}}
    graph["masked"] = {"class_type": "PreviewImage", "inputs": {"images": ["where", 0]}}
    graph["seen"] = {"class_type": "PreviewImage", "inputs": {"images": ["decoded", 0]}}
    result = ran(comfy, graph)
    (everything, mask), (before, after) = (pictures_by_round(comfy, result, name) for name in ("masked", "seen"))
    assert everything.min() == 255 and mask.min() == 0 and mask.max() == 255
    change = np.abs(after - before).max(axis=-1)
    unchanged = mask[..., 0] == 0
    assert change[~unchanged].mean() > 5 * change[unchanged].mean()


def test_in_a_batch_what_passes_stays_and_the_rest_goes_on(comfy):
    graph = looped(batch=4, rounds=1, seed=4, steps=12, prompt=PROMPT)
    graph["seen"] = {"class_type": "PreviewImage", "inputs": {"images": ["decoded", 0]}}
    result = ran(comfy, shown(graph, state=("end", 3)))
    lengths = [len(picture) for picture in rounds_of(result)]
    assert set(lengths) == {1, 2}
    for row, length in enumerate(lengths):
        before, after = pictures_by_round(comfy, result, "seen", row)
        assert (np.abs(before - after).max() <= 1) == (length == 1)


@pytest.mark.parametrize("shift, expected", [(1.0, "0.9"), (3.0, "0.75")])
def test_denoise_meets_the_noise_level_on_the_models_own_schedule(comfy, shift, expected):
    graph = shown(looped(rounds=1, seed=26, **only("correct")), denoise=("start", 2))
    graph["shifted"] = {"class_type": "ModelSamplingSD3", "inputs": {"model": ["world", 0], "shift": shift}}
    graph["start"]["inputs"]["model"] = ["shifted", 0]
    result = ran(comfy, graph)
    assert [output["text"][0] for output in by_round(result, "denoise_shown")] == ["1.0", expected]
    assert recorded(comfy, graph)[0][1].noise_level == 0.9


def test_the_artists_own_noise_mask_holds_in_every_round(comfy):
    graph = looped(rounds=2, seed=15, batch=1)
    graph["grey"] = {
        "class_type": "EmptyImage",
        "inputs": {"width": SIDE, "height": SIDE, "batch_size": 1, "color": 0x808080},
    }
    graph["encoded"] = {"class_type": "VAEEncode", "inputs": {"pixels": ["grey", 0], "vae": ["world", 2]}}
    graph["solid"] = {"class_type": "SolidMask", "inputs": {"value": 1.0, "width": SIDE, "height": SIDE}}
    graph["nothing"] = {"class_type": "SolidMask", "inputs": {"value": 0.0, "width": SIDE, "height": SIDE // 2}}
    graph["half"] = {
        "class_type": "MaskComposite",
        "inputs": {"destination": ["solid", 0], "source": ["nothing", 0], "x": 0, "y": 0, "operation": "multiply"},
    }
    graph["inpaint"] = {"class_type": "SetLatentNoiseMask", "inputs": {"samples": ["encoded", 0], "mask": ["half", 0]}}
    graph["start"]["inputs"]["latent_image"] = ["inpaint", 0]
    graph["undone"] = {"class_type": "VAEDecode", "inputs": {"samples": ["encoded", 0], "vae": ["world", 2]}}
    graph["seen"] = {"class_type": "PreviewImage", "inputs": {"images": ["decoded", 0]}}
    source = pixels(comfy, graph, "undone").astype(int)
    graph["start"]["inputs"]["seed"] = 115
    images = pictures_by_round(comfy, ran(comfy, graph), "seen")
    assert len(images) == 3
    for picture in images:
        assert np.abs(picture - source)[: SIDE // 4].max() <= 2 < np.abs(picture - source)[3 * SIDE // 4 :].max()


def test_cancelling_in_a_later_round_leaves_the_best_so_far_in_the_history_and_the_next_run_is_clean(comfy):
    graph = looped(rounds=2, steps=40, seed=16)
    started = []

    def cancel(node: str, value: int, maximum: int) -> None:
        # Newer releases do not tell of each step.
        if node.startswith("end.") and value >= 5 and not started:
            started.append(node)
            comfy.interrupt()

    result = comfy.run(graph, on_progress=cancel)
    assert result.status == "interrupted"
    (left_behind,) = by_round(result, "start")
    picture = np.asarray(Image.open(io.BytesIO(comfy.view(left_behind["images"][0]))))
    (rounds,) = recorded(comfy, graph)
    assert [round_.nfe for round_ in rounds] == [40] * 3
    graph["end"]["inputs"]["rounds"] = 0
    assert (picture == pictures(comfy, graph, "end", 1)[0]).all()


@pytest.mark.big
def test_fifty_rounds_in_a_row_do_not_grow_memory(comfy):
    """Each round is a copy of the body; what the copies held goes with the job."""
    process = psutil.Process(comfy.pid)

    def rounds(seed: int) -> int:
        assert len(by_round(ran(comfy, looped(rounds=50, steps=2, seed=seed)), "critique")) == 51
        return process.memory_info().rss

    # What allocators hold between two jobs comes and goes by a few per cent; what leaks stays.
    before = max(rounds(61), rounds(62))
    assert min(rounds(63), rounds(64)) <= before * 1.02


def custom_body(graph: dict) -> dict:
    """The loop with SamplerCustom in its body, and the sigmas of a whole run at its start."""
    drawn = graph["drawn"]["inputs"]
    graph["sampler"] = {"class_type": "KSamplerSelect", "inputs": {"sampler_name": "euler"}}
    graph["sigmas"] = {
        "class_type": "BasicScheduler",
        "inputs": {"model": ["world", 0], "scheduler": "simple", "steps": drawn["steps"], "denoise": 1.0},
    }
    graph["start"]["inputs"]["sigmas"] = ["sigmas", 0]
    graph["drawn"] = {
        "class_type": "SamplerCustom",
        "inputs": {
            **{name: drawn[name] for name in ("model", "cfg", "positive", "negative", "latent_image")},
            "add_noise": True,
            "noise_seed": ["start", 3],
            "sampler": ["sampler", 0],
            "sigmas": ["start", 10],
        },
    }
    return graph


def test_given_sigmas_go_on_from_the_one_nearest_to_the_rounds_noise_level(comfy):
    graph = custom_body(looped(rounds=1, steps=10, seed=8, **only("correct")))
    rounds = recorded(comfy, graph)[0]
    assert [(round_.strategy, round_.noise_level, round_.nfe) for round_ in rounds] == [
        ("sample", 1.0, 10),
        ("correct", 0.9, 9),
    ]
    first = pictures(comfy, custom_body(looped(rounds=0, steps=10, seed=8)), "end", 2)
    plain = demo_graph(steps=10)
    plain["drawn"]["inputs"]["seed"] = 8
    assert (first == pictures(comfy, plain, "decoded")).all()


@pytest.mark.parametrize(
    "change, message",
    [
        (lambda graph: graph["start"]["inputs"].pop("model"), "Connect the model to xLARD Loop Start, too"),
        (lambda graph: graph["sigmas"].update(class_type="FlipSigmas", inputs={"sigmas": ["up", 0]}), "sigmas rise"),
        (lambda graph: graph["start"]["inputs"].pop("sigmas"), "Connect your scheduler to its input sigmas"),
    ],
)
def test_sigmas_that_a_loop_cannot_use_are_named(comfy, change, message):
    graph = custom_body(looped(rounds=0))
    graph["up"] = json.loads(json.dumps(graph["sigmas"]))
    change(graph)
    graph["drawn"]["inputs"]["model"] = ["world", 0]
    assert message in error(comfy, graph)
