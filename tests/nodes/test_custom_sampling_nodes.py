"""Self-Correct with a SAMPLER, SIGMAS and a GUIDER: the first picture is ComfyUI's own, and later rounds draw alike."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
import torch

from tests.support.chat_behaviours import OTHER_WORDS
from tests.support.chat_server import ChatServer
from tests.support.custom_sampling import GUIDERS, custom_loop, drawn_by_core, latents, node, same
from tests.support.graphs import PROMPT, error, only, shown, text
from tests.support.loop_graphs import NEVER, rounds_of
from tests.support.servers import ServerWithNodes
from xlard.comfy_server.server import ComfyServer
from xlard.loop.engine import derived_seed
from xlard.loop.object_by_object import PROCESSES

SEED = 5
SAMPLERS = ("euler_ancestral", "dpm_2", "dpmpp_2m_sde", "uni_pc", "ddim", "lcm", "heun")


@pytest.fixture(scope="module")
def foreign() -> Iterator[ComfyServer]:
    with ServerWithNodes("foreign_sampling.py") as server:
        yield server


@pytest.mark.parametrize("guider", GUIDERS)
def test_the_first_picture_is_that_of_sampler_custom_advanced(foreign, guider):
    assert same(latents(foreign, drawn_by_core(custom_loop(guider)), "loop", "drawn"))


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_it_is_with_every_kind_of_sampler(foreign, sampler):
    assert same(latents(foreign, drawn_by_core(custom_loop("cfg", sampler)), "loop", "drawn"))


@pytest.mark.parametrize(
    "made",
    [
        node("TwoCallsSampler"),
        node("SamplerEulerAncestral", eta=0.7, s_noise=1.1),
        node("SamplerDPMPP_2M_SDE", solver_type="heun", eta=0.8, s_noise=1.0, noise_device="cpu"),
    ],
)
def test_it_is_with_a_sampler_that_no_name_stands_for(foreign, made):
    graph = drawn_by_core(custom_loop("basic"))
    graph["sampler"] = made
    assert same(latents(foreign, graph, "loop", "drawn"))


@pytest.mark.parametrize("sampler", ["euler", "dpmpp_2m_sde"])
def test_without_a_guider_it_is_that_of_sampler_custom(foreign, sampler):
    graph = custom_loop(None, sampler)
    conditioned = {name: graph["loop"]["inputs"][name] for name in ("model", "positive", "negative", "latent_image")}
    custom = {"sampler": ["sampler", 0], "sigmas": ["sigmas", 0], "cfg": 1.5, "add_noise": True, "noise_seed": SEED}
    graph["drawn"] = node("SamplerCustom", **conditioned, **custom)
    assert same(latents(foreign, graph, "loop", "drawn"))


def test_a_sampler_without_sigmas_runs_through_those_of_basic_scheduler(foreign):
    graph = drawn_by_core(custom_loop("cfg", "dpm_2", steps=7, scheduler="karras"))
    del graph["loop"]["inputs"]["sigmas"]
    graph["sigmas"]["inputs"].update(steps=7, scheduler="karras")
    assert same(latents(foreign, graph, "loop", "drawn"))


def test_each_picture_of_a_batch_has_its_own_seed(foreign):
    graph = drawn_by_core(custom_loop("dual", batch=2, seed=SEED - 1))
    graph["empty_one"] = node("EmptyLatentImage", **{**graph["empty"]["inputs"], "batch_size": 1})
    graph["drawn"]["inputs"]["latent_image"] = ["empty_one", 0]
    both, second = latents(foreign, graph, "loop", "drawn")
    assert torch.allclose(both[1:], second, atol=1e-4) and not torch.allclose(both[:1], second, atol=1e-1)


def test_the_report_says_which_settings_are_not_used(foreign):
    graph = shown(custom_loop("cfg"), report=("loop", 6))
    note = "not used, because guider, sampler and sigmas are connected: steps, cfg, sampler_name and scheduler"
    assert note in text(foreign.run(graph), "report").splitlines()
    del graph["loop"]["inputs"]["sampler"], graph["loop"]["inputs"]["sigmas"]
    assert "not used, because guider is connected: cfg" in text(foreign.run(graph), "report").splitlines()


@pytest.mark.parametrize("guider", ["basic", "dual", "opaque"])
@pytest.mark.parametrize("level, start", [(0.9, 0), (0.6, 2), (0.35, 3)])
def test_a_round_starts_from_the_nearest_of_the_given_sigmas(foreign, server, guider, level, start):
    graph = drawn_by_core(judged_by(server, custom_loop(guider, rounds=1, sigma=level, **only("correct"))))
    graph["sigmas"] = node("GivenSigmas", values="1.0 0.7 0.55 0.3 0.1 0.0")
    graph["tail"] = node("SplitSigmas", sigmas=["sigmas", 0], step=start)
    graph["other_noise"] = node("RandomNoise", noise_seed=derived_seed(SEED, 1, 0))
    again = {**graph["drawn"]["inputs"], "noise": ["other_noise", 0], "sigmas": ["tail", 1]}
    graph["again"] = node("SamplerCustomAdvanced", **{**again, "latent_image": ["drawn", 0]})
    assert same(latents(foreign, graph, "loop", "again"))


def judged_by(server: ChatServer, graph: dict, model: str = "rewords", **inputs: object) -> dict:
    """The loop with a critic that fails its first picture and takes the second."""
    graph["server"] = node("XLARDCriticServer", url=server.url, model=model)
    graph["loop"]["inputs"] |= {"critic": ["server", 0], **inputs}
    return graph


def test_a_sampler_that_changes_its_sigmas_spoils_no_later_round(foreign):
    best = []
    for sampler in (node("KSamplerSelect", sampler_name="euler"), node("SpoilingSampler")):
        with ChatServer() as critic:
            graph = judged_by(critic, custom_loop("cfg", rounds=1, **only("resample")))
            graph["sampler"] = sampler
            best += latents(foreign, graph, "loop")
    assert same(best)


@pytest.mark.parametrize("guider", [name for name in GUIDERS if name != "opaque"])
def test_another_wording_is_drawn_as_sampler_custom_advanced_draws_it(foreign, server, guider):
    graph = drawn_by_core(judged_by(server, custom_loop(guider, rounds=1, **only("rewrite")), clip=["world", 1]))
    other = drawn_by_core(custom_loop(guider))
    other["positive"]["inputs"]["text"] = OTHER_WORDS
    other["noise"]["inputs"]["noise_seed"] = derived_seed(SEED, 1, 0)
    ((loop,), (drawn,)) = latents(foreign, graph, "loop"), latents(foreign, other, "drawn")
    assert same([loop, drawn])


def test_a_prompt_is_replaced_wherever_the_guider_holds_it(foreign, server):
    graph = drawn_by_core(judged_by(server, custom_loop("dual", rounds=1, **only("rewrite")), clip=["world", 1]))
    other = drawn_by_core(custom_loop("dual"))
    for words, changed in ((PROMPT, graph), (OTHER_WORDS, other)):
        changed["positive"]["inputs"]["text"] = changed["middle"]["inputs"]["text"] = words
    other["noise"]["inputs"]["noise_seed"] = derived_seed(SEED, 1, 0)
    ((loop,), (drawn,)) = latents(foreign, graph, "loop"), latents(foreign, other, "drawn")
    assert same([loop, drawn])


def test_a_guider_that_shows_no_conditioning_loses_what_needs_other_prompts_and_says_so(foreign, server):
    graph = judged_by(server, custom_loop("opaque", rounds=2), clip=["world", 1], process=PROCESSES[1], rewrite=True)
    result = foreign.run(shown(graph, report=("loop", 6), state=("loop", 3)))
    assert result.status == "success", result.error
    assert "rewrite and object by object are left out: the guider is a Opaque" in text(result, "report")
    assert {round_.strategy for round_ in rounds_of(result)[0]}.isdisjoint({"rewrite", "introduce"})
    questions = [seen["body"]["messages"][-1]["content"] for seen in server.requests()]
    assert not any("Reword" in json.dumps(question) for question in questions)


@pytest.mark.parametrize("guider", ["basic", "nested"])
def test_objects_are_drawn_one_by_one_with_a_guider_too(foreign, server, guider):
    graph = judged_by(
        server, custom_loop(guider, rounds=2), "lacks", clip=["world", 1], process=PROCESSES[1], seed=SEED
    )
    result = foreign.run(shown(graph, state=("loop", 3)))
    assert result.status == "success", result.error
    assert [round_.strategy for round_ in rounds_of(result)[0]] == ["sample", "introduce", "compose"]


def test_calls_are_counted_whatever_the_sampler_does_within_a_step(foreign):
    graph = custom_loop("basic", rounds=1, prompt=NEVER, sigma=1.0, **only("resample"))
    graph["sampler"] = node("TwoCallsSampler")
    result = foreign.run(shown(graph, state=("loop", 3)))
    assert [round_.nfe for round_ in rounds_of(result)[0]] == [9, 9]


@pytest.mark.parametrize("guider", ["cfg", "dual", "opaque"])
def test_what_lies_outside_of_a_noise_mask_stays(foreign, guider):
    graph = custom_loop(guider, rounds=2, correct=False, resample=False)
    graph["half"] = node("SolidMask", value=1.0, width=96, height=48)
    graph["none"] = node("SolidMask", value=0.0, width=96, height=96)
    graph["mask"] = node("MaskComposite", destination=["none", 0], source=["half", 0], x=0, y=0, operation="add")
    graph["masked"] = node("SetLatentNoiseMask", samples=["empty", 0], mask=["mask", 0])
    graph["loop"]["inputs"]["latent_image"] = ["masked", 0]
    (drawn,) = latents(foreign, graph, "loop")
    # ComfyUI's own samplers leave what adding and taking away of noise rounds to.
    assert drawn[..., :6, :].abs().max() > 0.1 and drawn[..., 6:, :].abs().max() < 1e-6


@pytest.mark.parametrize("where", ["window", "once"])
@pytest.mark.parametrize("guider", ["cfg", "dual", "nested"])
def test_the_corrector_acts_on_what_the_guider_predicts(foreign, guider, where):
    graph = custom_loop(guider, first_picture="always", where=where)
    plain, corrected = (json.loads(json.dumps(graph)) for _ in range(2))
    corrected["loop"]["inputs"] |= {"corrector": ["world", 5], "head": ["world", 4]}
    (before,), (after,) = latents(foreign, plain, "loop"), latents(foreign, corrected, "loop")
    assert after.isfinite().all() and not torch.allclose(before, after, atol=1e-2)


def other_checkpoint(graph: dict) -> None:
    graph["other"] = node("OtherCheckpoint", model=["world", 0])
    graph["loop"]["inputs"]["model"] = ["other", 0]


def sigmas(values: str):
    def change(graph: dict) -> None:
        graph["sigmas"] = node("GivenSigmas", values=values)

    return change


def with_positive(graph: dict) -> None:
    graph["loop"]["inputs"]["positive"] = ["positive", 0]


def without_guider(graph: dict) -> None:
    del graph["loop"]["inputs"]["guider"]


def with_head(graph: dict) -> None:
    graph["loop"]["inputs"]["head"] = ["world", 4]


def broken_sampler(graph: dict) -> None:
    graph["sampler"] = node("BrokenSampler")


def forgetful(own: bool = False, gives: str = "nothing"):
    def change(graph: dict) -> None:
        graph["sampler"] = node("ForgetfulSampler", own=own, gives=gives)

    return change


def empty_handed(graph: dict) -> None:
    graph["guider"] = node("EmptyHandedGuider", model=["world", 0])


def without_a_model(graph: dict) -> None:
    graph["guider"] = node("EmptyHandedGuider")


@pytest.mark.parametrize(
    "guider, change, message",
    [
        ("cfg", broken_sampler, "The sampler input takes a SAMPLER, for example from KSamplerSelect; a KSAMPLER came"),
        ("cfg", forgetful(), "The sampler gave a NoneType in place of latents. Connect another SAMPLER"),
        ("cfg", forgetful(own=True), "The sampler gave a NoneType in place of latents. Connect another SAMPLER"),
        ("cfg", forgetful(gives="a sparse tensor"), "into a sparse tensor. Connect a SAMPLER and GUIDER"),
        ("cfg", forgetful(gives="a tensor without values"), "into a tensor without values, on the device meta"),
        ("cfg", empty_handed, "into a NoneType. Connect a SAMPLER and GUIDER that keep their shape"),
        ("cfg", without_a_model, "The guider input takes a GUIDER, for example from CFGGuider; a EmptyHanded came"),
        ("cfg", other_checkpoint, "The guider draws with another checkpoint than the one at model"),
        ("cfg", sigmas("0.0 0.5 1.0"), "The sigmas rise (0, 0.5, 1)"),
        ("cfg", sigmas("1.0 0.5 0.0 0.0"), "The sigmas hold 0 before their end (1, 0.5, 0, 0)"),
        ("cfg", sigmas("1.0"), "there must be two or more in a row"),
        ("cfg", sigmas(""), "The sigmas are none"),
        ("cfg", sigmas("1.0 nan 0.0"), "The sigmas are not all finite"),
        ("cfg", sigmas("1.0 0.8 0.5"), "The sigmas end at 0.5, where the picture is still 50% noise"),
        ("cfg", with_positive, "The guider brings its own conditioning, and positive would not be used"),
        ("cfg", without_guider, "Sampling needs positive and negative, as KSampler does, or a guider"),
        ("opaque", with_head, "The guider is a Opaque, which shows no positive conditioning"),
    ],
)
def test_what_cannot_be_drawn_with_is_named_before_anything_is_drawn(foreign, guider, change, message):
    graph = custom_loop(guider)
    change(graph)
    graph["picture"] = node("PreviewImage", images=["loop", 1])
    steps = []
    result = foreign.run(graph, on_progress=lambda name, now, most: steps.append((name, most)))
    assert result.status == "error" and message in result.error["exception_message"], result.error
    assert not [most for name, most in steps if name == "loop" and most > 1]
    assert error(foreign, graph) == result.error["exception_message"]
