"""Collecting a dataset, and correcting while sampling, on a real server."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tests.support.collecting import PROMPTS, collect_graph
from tests.support.custom_sampling import add_guider, add_sampling
from tests.support.graphs import PROMPT, demo_graph, error, pictures, shown, text
from xlard.models.corrector import CorrectorConfig, LatentCorrector
from xlard.training.dataset import Dataset
from xlard.training.records import X0
from xlard.worlds.shapes.architecture import CONTEXT_WIDTH


def test_pictures_are_collected_and_a_second_run_goes_on(comfy):
    result = comfy.run(collect_graph("first"))
    assert result.status == "success", result.error
    assert "6 pictures drawn, 0 were there already" in text(result, "report") and text(result, "number") == "3"
    folder = comfy.base / "output" / "xlard" / "datasets" / "first"
    dataset = Dataset.load(folder)
    records = dataset.records()
    assert (dataset.source.base_model, dataset.source.context_width) == ("BaseModel/_DemoLatents", CONTEXT_WIDTH)
    assert (
        len(records) == 6 * 4
        and sorted(set(records.prompts)) == sorted(PROMPTS)
        and set(records.noise_level.tolist()) >= {0.0, 0.5, 0.75}
    )
    before = {path: path.read_bytes() for path in folder.rglob("*.*")}
    again = comfy.run(collect_graph("first", prompts=PROMPTS[::-1]))
    assert "0 pictures drawn, 6 were there already" in text(again, "report")
    assert {path: path.read_bytes() for path in folder.rglob("*.*")} == before


def test_what_is_collected_is_what_ksampler_draws(comfy):
    comfy.run(
        collect_graph(
            "same", batch=1, pictures_per_prompt=1, views=0, corrector=["world", 5], strength=0.0, base_model="demo"
        )
    )
    dataset = Dataset.load(comfy.base / "output" / "xlard" / "datasets" / "same")
    picture, latent = dataset.pictures()[0], dataset.finals(0)
    assert picture.origin == "sampled" and dataset.source.base_model == "demo"
    graph = demo_graph()
    graph["positive"]["inputs"]["text"], graph["drawn"]["inputs"]["seed"] = picture.prompt, picture.seed
    graph["saved"] = {"class_type": "SaveLatent", "inputs": {"samples": ["drawn", 0], "filename_prefix": "same"}}
    comfy.run(graph)
    from safetensors.torch import load_file

    drawn = load_file(max((comfy.base / "output").glob("same*.latent")))["latent_tensor"]
    assert torch.equal(drawn.half().float(), latent)


def test_a_cancelled_collection_keeps_what_it_has(comfy):
    def cancel(node: str, value: int, maximum: int) -> None:
        if node == "collect" and (value, maximum) == (2, 6):
            comfy.interrupt()

    graph = collect_graph("stopped", views=0)
    assert comfy.run(graph, on_progress=cancel).status == "interrupted"
    report = text(comfy.run(graph), "report")
    assert "6 pictures of 3 prompts" in report and "0 were there already" not in report


@pytest.mark.parametrize(
    "settings, message",
    [
        ({"name": "../outside"}, "does not name anything"),
        ({"levels": "0.5, high"}, "no list of noise levels"),
        ({"levels": "1.5"}, "is no noise level"),
        ({"prompts": ["# nothing"]}, "no prompt in the list"),
        ({"prompts": ["???"]}, "No claim could be"),
    ],
)
def test_wrong_settings_say_what_to_write(comfy, settings, message):
    assert message in error(comfy, collect_graph(**{"name": "wrong", **settings}))
    assert not (comfy.base / "output" / "xlard" / "datasets" / "wrong").exists()


def test_a_prompt_without_claims_is_named_and_skipped(comfy):
    graph = collect_graph("skips", prompts=(PROMPTS[0], "gloomy mood"), views=0)
    result = comfy.run(graph)
    assert "2 pictures drawn" in text(result, "report")
    assert "Skipped, nothing to check: the prompt 'gloomy mood'" in text(result, "report")


def test_another_model_s_dataset_is_not_added_to(comfy):
    comfy.run(collect_graph("taken", prompts=PROMPTS[:1], views=0))
    assert "base model BaseModel/_DemoLatents, not other" in error(comfy, collect_graph("taken", base_model="other"))


def test_prompts_from_a_file_and_made_up(comfy):
    (comfy.base / "input" / "mine.txt").write_text("# mine\na cat\n\na cat\ntwo dogs\n")
    graph = {
        "prompts": {
            "class_type": "XLARDPrompts",
            "inputs": {"source": "file", "text": "", "file": "mine.txt", "how_many": 5, "seed": 0},
        }
    }
    shown(graph, prompts=("prompts", 0), number=("prompts", 1))
    assert text(comfy.run(graph), "prompts") == "a cat\ntwo dogs"
    graph["prompts"]["inputs"]["source"] = "generated"
    assert text(comfy.run(graph), "number") == "5"
    graph["prompts"]["inputs"].update(source="file", file="none.txt")
    assert "no prompt file" in error(comfy, graph)


def guide_graph(comfy, sampler: str = "euler", file: str = "pushing", **settings) -> dict:
    torch.manual_seed(0)
    corrector = LatentCorrector(
        CorrectorConfig(
            4,
            CONTEXT_WIDTH,
            "a test",
            width=32,
            layers=1,
            heads=4,
            noise_level_range=(0.5, 0.9),
            family=settings.pop("family", ""),
            single_step_level=settings.pop("single_step_level", 0.0),
        )
    )
    torch.nn.init.normal_(corrector.out.weight)
    corrector.save(comfy.base / "models" / "xlard" / "correctors" / f"{file}.safetensors")
    graph = demo_graph(batch=2)
    graph["drawn"]["inputs"]["sampler_name"] = sampler
    graph["corrector"] = {"class_type": "XLARDLoadCorrector", "inputs": {"corrector_name": f"{file}.safetensors"}}
    graph["guided"] = {
        "class_type": "XLARDGuideModel",
        "inputs": {
            "model": ["world", 0],
            "corrector": ["corrector", 0],
            "positive": ["positive", 0],
            "strength": 1.0,
            "sigma_start": 0.0,
            "sigma_end": 0.0,
            **settings,
        },
    }
    return graph


@pytest.mark.parametrize("sampler", ["euler", "dpmpp_2m"])
def test_a_guided_model_draws_another_picture(comfy, sampler):
    graph = guide_graph(comfy, sampler)
    plain = pictures(comfy, graph, "decoded")
    graph["drawn"]["inputs"]["model"] = ["guided", 0]
    guided = pictures(comfy, graph, "decoded")
    graph["guided"]["inputs"]["strength"] = 0.0
    unguided = pictures(comfy, graph, "decoded")
    graph["guided"]["inputs"].update(strength=1.0, sigma_start=0.4, sigma_end=0.3)
    between = pictures(comfy, graph, "decoded")
    assert not np.array_equal(guided, plain) and np.array_equal(unguided, plain) and np.array_equal(between, plain)


def test_guiding_needs_the_corrector_of_the_model(comfy):
    graph = guide_graph(comfy, file="foreign", family="SDXL/SDXL")
    graph["drawn"]["inputs"]["model"] = ["guided", 0]
    graph["picture"] = {"class_type": "PreviewImage", "inputs": {"images": ["decoded", 0]}}
    assert "trained for SDXL/SDXL models (a test); this one is BaseModel/_DemoLatents" in error(comfy, graph)


def test_an_upside_down_window_says_so(comfy):
    graph = guide_graph(comfy, sigma_start=0.3, sigma_end=0.6)
    graph["drawn"]["inputs"]["model"] = ["guided", 0]
    graph["picture"] = {"class_type": "PreviewImage", "inputs": {"images": ["decoded", 0]}}
    assert "the start must be the higher one" in error(comfy, graph)


def test_collecting_with_a_corrector_records_what_it_did(comfy):
    graph = guide_graph(comfy)
    graph.update(
        {
            name: node
            for name, node in collect_graph("corrected", prompts=[PROMPT], views=0, corrector=["corrector", 0]).items()
            if name not in graph
        }
    )
    assert comfy.run(graph).status == "success"
    assert {
        picture.origin
        for picture in Dataset.load(comfy.base / "output" / "xlard" / "datasets" / "corrected").pictures()
    } == {"corrected"}


def test_with_a_corrector_that_acts_once_only_what_comes_after_it_is_kept(comfy):
    graph = guide_graph(comfy, file="once", single_step_level=0.5)
    graph.update(
        {
            name: node
            for name, node in collect_graph(
                "once", prompts=[PROMPT], views=0, levels="0.9, 0.5, 0.25", steps=8, corrector=["corrector", 0]
            ).items()
            if name not in graph
        }
    )
    assert comfy.run(graph).status == "success"
    dataset = Dataset.load(comfy.base / "output" / "xlard" / "datasets" / "once")
    assert {picture.origin for picture in dataset.pictures()} == {"corrected"}
    records = dataset.records()
    assert sorted(set(records.noise_level[records.kinds == X0].tolist()), reverse=True) == pytest.approx(
        [0.5, 0.25], abs=0.01
    )


def test_a_corrector_that_acts_once_moves_what_is_collected(comfy):
    finals = {}
    for name, extra in (("moved", {"corrector": ["corrector", 0]}), ("unmoved", {})):
        graph = guide_graph(comfy, file="once", single_step_level=0.5)
        graph.update(
            {
                key: node
                for key, node in collect_graph(name, prompts=[PROMPT], views=0, **extra).items()
                if key not in graph
            }
        )
        comfy.run(graph)
        finals[name] = Dataset.load(comfy.base / "output" / "xlard" / "datasets" / name).records().finals
    assert not torch.allclose(finals["moved"], finals["unmoved"], atol=1e-2)


def test_a_guider_draws_each_prompt_as_the_settings_do(comfy):
    names = {"settings": {"cfg": 3.5, "scheduler": "beta", "steps": 5}, "guider": {"cfg": 1.0, "steps": 2}}
    for name, settings in names.items():
        graph = collect_graph(f"by_{name}", batch=1, pictures_per_prompt=1, views=0, **settings)
        if name == "guider":
            graph["positive"] = {"class_type": "CLIPTextEncode", "inputs": {"clip": ["world", 1], "text": PROMPT}}
            add_guider(add_sampling(graph), "cfg")
            del graph["collect"]["inputs"]["negative"]
            graph["collect"]["inputs"] |= {"guider": ["guider", 0], "sigmas": ["sigmas", 0]}
        result = comfy.run(graph)
        assert result.status == "success", result.error
        assert ("not used, because guider and sigmas are connected" in text(result, "report")) == (name == "guider")
    by_settings, by_guider = (
        Dataset.load(comfy.base / "output" / "xlard" / "datasets" / f"by_{name}") for name in names
    )
    assert [picture.prompt for picture in by_settings.pictures()] == [*PROMPTS]
    assert all(torch.equal(by_settings.finals(place), by_guider.finals(place)) for place in range(len(PROMPTS)))
