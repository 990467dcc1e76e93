"""A chain of two models in the nodes that draw: each run is what ComfyUI's own chain of two samplers draws."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

from tests.support.chat_behaviours import OTHER_WORDS
from tests.support.collecting import collect_graph
from tests.support.custom_sampling import add_guider, add_sampling, latents, node, same
from tests.support.graphs import PROMPT, demo_graph, error, loop_graph, only, shown, text
from tests.support.loop_graphs import NEVER, history, rounds_of
from tests.support.servers import ServerWithNodes
from xlard.comfy_server.server import ComfyServer
from xlard.loop.engine import derived_seed
from xlard.training.dataset import Dataset

SEED, STEPS, SWITCH = 5, 6, 4
KSAMPLER = {"steps": STEPS, "cfg": 4.0, "sampler_name": "euler", "scheduler": "simple"}


@pytest.fixture(scope="module")
def foreign() -> Iterator[ComfyServer]:
    with ServerWithNodes("foreign_sampling.py") as server:
        yield server


def add_second(graph: dict, **second) -> dict:
    """A second model as nodes low and second: another schedule, another strength of guidance, words of its own."""
    graph["low"] = node("ModelSamplingSD3", model=["world", 0], shift=2.0)
    graph["of_low"] = node("CLIPTextEncode", clip=["world", 1], text=PROMPT + ", sharp")
    inputs = {"model": ["low", 0], "from_step": SWITCH, "cfg": 2.5, "positive": ["of_low", 0], **second}
    inputs = {name: value for name, value in inputs.items() if value is not None}
    graph["second"] = node("XLARDSecondModel", **inputs)
    return graph


def chained_loop(second: dict | None = None, batch: int = 1, **settings) -> dict:
    """xLARD Self-Correct with a second model as node loop, without head and corrector."""
    graph = loop_graph(batch, **{"rounds": 0, **KSAMPLER, "second_model": ["second", 0], **settings})
    del graph["loop"]["inputs"]["head"], graph["loop"]["inputs"]["corrector"]
    return add_second(graph, **(second or {}))


def drawn_by_core(graph: dict, seed: int = SEED, start: int = 0, of: str = "empty", name: str = "drawn", **others):
    """The same by two KSamplerAdvanced, the second one as a node of this name."""
    sampling = {key: value for key, value in graph["loop"]["inputs"].items() if key in KSAMPLER}
    second = graph["second"]["inputs"]
    switch, shared = second["from_step"], {**sampling, **others}
    first = {"model": ["world", 0], "positive": ["positive", 0], "negative": ["negative", 0]}
    own = {
        "model": second["model"],
        "positive": second.get("positive", ["positive", 0]),
        "negative": second.get("negative", ["negative", 0]),
    }
    if start < switch:
        graph[f"{name}_begun"] = node(
            "KSamplerAdvanced",
            **{**first, **shared, "noise_seed": seed, "add_noise": "enable", "latent_image": [of, 0]},
            **{"start_at_step": start, "end_at_step": switch, "return_with_leftover_noise": "enable"},
        )
        add_noise, of = "disable", f"{name}_begun"
    else:
        add_noise, switch, seed = "enable", start, seed - 1
    graph[name] = node(
        "KSamplerAdvanced",
        **{**own, **shared, "cfg": second.get("cfg") or shared["cfg"], "noise_seed": seed + 1, "add_noise": add_noise},
        **{"latent_image": [of, 0], "start_at_step": switch, "end_at_step": 10000},
        return_with_leftover_noise="disable",
    )
    return graph


@pytest.mark.parametrize("sampler", ["euler", "dpmpp_2m", "euler_ancestral", "uni_pc"])
def test_the_first_picture_is_that_of_two_ksampler_advanced(comfy, sampler):
    assert same(latents(comfy, drawn_by_core(chained_loop(sampler_name=sampler)), "loop", "drawn"))


@pytest.mark.parametrize(
    "second",
    [
        {"positive": None, "cfg": 0.0},
        {"negative": ["positive", 0], "positive": ["negative", 0]},
        {"from_step": 1},
        {"from_step": STEPS - 1},
    ],
)
def test_it_is_whatever_the_second_one_brings(comfy, second):
    assert same(latents(comfy, drawn_by_core(chained_loop(second)), "loop", "drawn"))


def test_the_second_model_counts(comfy):
    graph = chained_loop()
    graph["plain"] = node("KSampler", **{**demo_graph()["drawn"]["inputs"], **KSAMPLER})
    loop, plain = latents(comfy, graph, "loop", "plain")
    assert not torch.allclose(loop, plain, atol=1e-2)


def test_each_picture_of_a_batch_has_its_own_seed(comfy):
    graph = drawn_by_core(chained_loop(batch=2, seed=SEED - 1), of="one")
    graph["one"] = node("EmptyLatentImage", **{**graph["empty"]["inputs"], "batch_size": 1})
    both, second = latents(comfy, graph, "loop", "drawn")
    assert torch.allclose(both[1:], second, atol=1e-4) and not torch.allclose(both[:1], second, atol=1e-1)


@pytest.mark.parametrize("guider", [None, "basic", "cfg", "dual", "opaque"])
def test_it_is_that_of_two_custom_samplers_that_share_a_schedule(foreign, guider):
    graph = add_sampling(chained_loop({"cfg": 0.0, **({} if guider in (None, "cfg") else {"positive": None})}))
    graph["loop"]["inputs"] |= {"sampler": ["sampler", 0], "sigmas": ["sigmas", 0]}
    graph["parts"] = node("SplitSigmas", sigmas=["sigmas", 0], step=SWITCH)
    graph["no_noise"] = node("DisableNoise")
    add_guider(graph, guider or "cfg")
    if guider is None:
        graph["guider"]["inputs"]["cfg"] = KSAMPLER["cfg"]
    else:
        graph["loop"]["inputs"]["guider"] = ["guider", 0]
        del graph["loop"]["inputs"]["positive"], graph["loop"]["inputs"]["negative"]
    low = {**graph["guider"]["inputs"], "model": ["low", 0]}
    if guider in (None, "cfg"):
        low["positive"] = ["of_low", 0]
    graph["low_guider"] = node(graph["guider"]["class_type"], **low)
    shared = {"sampler": ["sampler", 0]}
    first = {"noise": ["noise", 0], "guider": ["guider", 0], "sigmas": ["parts", 0], "latent_image": ["empty", 0]}
    graph["begun"] = node("SamplerCustomAdvanced", **shared, **first)
    rest = {"noise": ["no_noise", 0], "guider": ["low_guider", 0], "sigmas": ["parts", 1], "latent_image": ["begun", 0]}
    graph["drawn"] = node("SamplerCustomAdvanced", **shared, **rest)
    assert same(latents(foreign, graph, "loop", "drawn"))


@pytest.mark.parametrize("level, start", [(1.0, 0), (0.5, 3), (0.2, 5)])
def test_a_round_goes_on_with_the_models_whose_steps_are_left(comfy, server, level, start):
    graph = chained_loop(rounds=1, sigma=level, critic=["judge", 0], **only("correct" if level < 1 else "resample"))
    graph["judge"] = node("XLARDCriticServer", url=server.url, model="rewords")
    drawn_by_core(graph)
    of = "drawn" if start else "empty"
    drawn_by_core(graph, derived_seed(SEED, 1, 0), start, of, "again")
    assert same(latents(comfy, graph, "loop", "again"))
    assert [entry["nfe"] for entry in history(comfy, graph)] == [STEPS, STEPS - start]


@pytest.mark.parametrize("sampler", ["euler", "euler_ancestral"])
def test_what_lies_outside_of_a_noise_mask_stays(comfy, sampler):
    graph = chained_loop(rounds=1, sampler_name=sampler, prompt=NEVER, **only("resample"))
    picture = demo_graph()["drawn"]
    graph["picture"] = picture
    graph["half"] = node("SolidMask", value=1.0, width=96, height=48)
    graph["none"] = node("SolidMask", value=0.0, width=96, height=96)
    graph["mask"] = node("MaskComposite", destination=["none", 0], source=["half", 0], x=0, y=0, operation="add")
    graph["masked"] = node("SetLatentNoiseMask", samples=["picture", 0], mask=["mask", 0])
    graph["loop"]["inputs"]["latent_image"] = ["masked", 0]
    drawn, before = latents(comfy, graph, "loop", "picture")
    assert (drawn - before)[..., :6, :].abs().max() > 0.1
    # ComfyUI's own samplers leave what adding and taking away of noise rounds to.
    assert (drawn - before)[..., 6:, :].abs().max() < 1e-4


def test_candidates_of_a_fresh_picture_are_drawn_by_both(comfy):
    graph = chained_loop({"from_step": 2}, rounds=1, prompt=NEVER, fresh_candidates=2, **only("resample"))
    graph["loop"]["inputs"]["head"] = ["world", 4]
    result = comfy.run(shown(graph, state=("loop", 3)))
    assert result.status == "success", result.error
    first, fresh = rounds_of(result)[0]
    assert first.nfe == STEPS and fresh.nfe > STEPS and fresh.strategy == "resample"


def reworded(url: str, second: dict | None = None, **settings) -> dict:
    """A loop whose critic finds another wording, with the clip of the first model."""
    graph = chained_loop(second, rounds=1, critic=["judge", 0], clip=["world", 1], **settings, **only("rewrite"))
    graph["judge"] = node("XLARDCriticServer", url=url, model="rewords")
    return graph


@pytest.mark.parametrize("own", [False, True])
def test_another_wording_is_drawn_by_both_models(comfy, server, own):
    second = {"positive": ["of_low", 0], "clip": ["world", 1]} if own else {"positive": None}
    graph = drawn_by_core(reworded(server.url, second))
    graph["of_low"]["inputs"]["text"] = PROMPT
    other = drawn_by_core(chained_loop(second), derived_seed(SEED, 1, 0))
    for name in ("positive", "of_low"):
        other[name]["inputs"]["text"] = OTHER_WORDS
    ((loop,), (drawn,)) = latents(comfy, graph, "loop"), latents(comfy, other, "drawn")
    assert same([loop, drawn])


def test_words_of_the_second_model_that_are_not_the_prompt_s_are_not_replaced_and_the_report_says_so(comfy, server):
    graph = shown(reworded(server.url), report=("loop", 6))
    result = comfy.run(graph)
    assert result.status == "success", result.error
    assert "no part of the second model's positive conditioning is what its CLIP makes" in text(result, "report")
    assert [entry["strategy"] for entry in history(comfy, graph)] == ["sample"]


def test_the_corrector_acts_on_what_the_second_model_predicts_too(comfy):
    graph = chained_loop({"from_step": 1}, first_picture="always")
    (before,) = latents(comfy, graph, "loop")
    graph["loop"]["inputs"] |= {"corrector": ["world", 5], "head": ["world", 4]}
    (after,) = latents(comfy, graph, "loop")
    assert after.isfinite().all() and not torch.allclose(before, after, atol=1e-2)


def test_a_corrected_latent_is_sampled_on_by_both(comfy):
    settings = {"strength": 1.0, "sigma": 0.0, "prompt": PROMPT, "seed": 7, "corrector": ["world", 5]}
    graph = add_second(demo_graph())
    drawn = {name: ["world", 0] if name == "model" else [name, 0] for name in ("model", "positive", "negative")}
    graph["plain"] = node("XLARDCorrectLatent", latent=["drawn", 0], **drawn, **settings, **KSAMPLER)
    chained = {**graph["plain"]["inputs"], "second_model": ["second", 0]}
    graph["corrected"] = node("XLARDCorrectLatent", **chained)
    # A second model that is the first one changes nothing, to the last bit.
    graph["itself"] = node("XLARDSecondModel", model=["world", 0], from_step=SWITCH, cfg=0.0)
    graph["alike"] = node("XLARDCorrectLatent", **{**chained, "second_model": ["itself", 0]})
    plain, corrected, alike = latents(comfy, graph, "plain", "corrected", "alike")
    assert torch.allclose(plain, alike, atol=1e-5) and not torch.allclose(plain, corrected, atol=1e-2)


def test_what_is_collected_is_what_two_ksampler_advanced_draw(comfy):
    once = {"prompts": ["a red circle"], "batch": 1, "pictures_per_prompt": 1, "views": 0}
    graph = collect_graph("chained", **once, second_model=["second", 0], **KSAMPLER)
    result = comfy.run(add_second(graph, clip=["world", 1]))
    assert result.status == "success", result.error
    dataset = Dataset.load(comfy.base / "output" / "xlard" / "datasets" / "chained")
    picture, latent = dataset.pictures()[0], dataset.finals(0)
    drawn = drawn_by_core(chained_loop(), picture.seed)
    for name in ("positive", "of_low"):
        drawn[name]["inputs"]["text"] = picture.prompt
    (samples,) = latents(comfy, drawn, "drawn")
    assert torch.equal(samples.half().float(), latent)


def with_guider(graph: dict) -> None:
    add_guider(add_sampling(graph), "basic")
    graph["loop"]["inputs"]["guider"] = ["guider", 0]
    del graph["loop"]["inputs"]["positive"], graph["loop"]["inputs"]["negative"]


def with_negative(graph: dict) -> None:
    with_guider(graph)
    graph["second"]["inputs"] |= {"cfg": 0.0, "negative": ["negative", 0]}


@pytest.mark.parametrize(
    "second, change, message",
    [
        ({"from_step": STEPS}, None, f"The second model takes over at step {STEPS} of {STEPS}. Set from_step"),
        ({"model": ["other", 0]}, None, "The second model draws other latents than the first"),
        ({"positive": ["wide", 0]}, None, "The second model reads prompts of the width"),
        ({}, with_guider, "draws with a copy of the guider, whose strength of guidance stays, and its cfg is 2.5"),
        ({}, with_negative, "which has no negative that the second model's could take the place of"),
    ],
)
def test_what_cannot_take_over_is_named_before_anything_is_drawn(foreign, second, change, message):
    graph = chained_loop(second)
    graph["other"] = node("OtherLatents", model=["world", 0])
    graph["wide"] = node("WideConditioning", conditioning=["positive", 0])
    if change is not None:
        change(graph)
    graph["picture"] = node("PreviewImage", images=["loop", 1])
    steps = []
    result = foreign.run(graph, on_progress=lambda name, now, most: steps.append((name, most)))
    assert result.status == "error" and message in result.error["exception_message"], result.error
    assert not [most for name, most in steps if name == "loop" and most > 1]
    assert error(foreign, graph) == result.error["exception_message"]


@pytest.mark.parametrize("strategy", ["rearrange", "region", "detail"])
def test_parts_of_a_picture_are_redrawn_by_both(comfy, strategy):
    told, asked = "a circle", "a blue circle"
    if strategy != "detail":
        told = asked = "a red circle left of a blue square"
    settings = {"rounds": 1, "steps": 8, "seed": 2, "prompt": told, "claims": ["claims", 0], "clip": ["world", 1]}
    graph = chained_loop({"positive": None, "from_step": 6}, **settings, **only(strategy))
    graph["loop"]["inputs"]["detail"] = strategy == "detail"
    graph["positive"]["inputs"]["text"] = told
    graph["claims"] = node("XLARDClaims", prompt=asked, edited="")
    (latent,) = latents(comfy, graph, "loop")
    first, redrawn = history(comfy, graph)
    assert latent.isfinite().all() and redrawn["strategy"] == strategy and 2 < redrawn["nfe"] <= first["nfe"]
