"""How a workflow becomes a job for GenEval's prompts: scripted graphs, and the messages for unsuitable ones."""

from __future__ import annotations

import json

import pytest

from xlard.bench.geneval.template import BASE, CORRECTED, PLACEHOLDER, REPORT, read_template
from xlard.comfy_server.errors import WorkflowError


def declared(outputs: str = "", output_name: str = "", **inputs) -> dict:
    required = {name: [type_, {"multiline": True} if type_ == "STRING" else {}] for name, type_ in inputs.items()}
    return {
        "input": {"required": required},
        "input_order": {"required": list(required)},
        "output": outputs.split(),
        "output_name": (output_name or outputs).split(),
        "output_node": not outputs,
    }


SAMPLED = {"model": "MODEL", "positive": "CONDITIONING", "negative": "CONDITIONING", "seed": "INT", "steps": "INT"}
INFO = {
    "CheckpointLoaderSimple": declared("MODEL", ckpt_name="COMBO"),
    "CLIPTextEncode": declared("CONDITIONING", text="STRING"),
    "CLIPTextEncodeFlux": declared("CONDITIONING", clip_l="STRING", t5xxl="STRING"),
    "ControlNetApply": declared("CONDITIONING CONDITIONING", positive="CONDITIONING", negative="CONDITIONING"),
    "ConditioningCombine": declared("CONDITIONING", conditioning_1="CONDITIONING", conditioning_2="CONDITIONING"),
    "BasicGuider": declared("GUIDER", model="MODEL", conditioning="CONDITIONING"),
    "SamplerCustomAdvanced": declared("IMAGE", guider="GUIDER", noise_seed="INT"),
    "PrimitiveStringMultiline": declared("STRING", value="STRING"),
    "Joined": declared("STRING", one="STRING", other="STRING"),
    "PrimitiveInt": declared("INT", value="INT"),
    "KSampler": declared("IMAGE", **SAMPLED),
    "XLARDSelfCorrect": declared(
        "LATENT IMAGE IMAGE XLARD_STATE", "latent image image_before state", **SAMPLED, prompt="STRING"
    ),
    "XLARDCritique": declared("IMAGE", images="IMAGE", prompt="STRING"),
    "XLARDClaims": declared("XLARD_CLAIMS", prompt="STRING", edited="STRING"),
    "XLARDReport": declared(state="XLARD_STATE", filename_prefix="STRING"),
    "SaveImage": declared(images="IMAGE", filename_prefix="STRING"),
    "PreviewImage": declared(images="IMAGE"),
}


def node(class_type: str, title: str = "", **inputs) -> dict:
    return {"class_type": class_type, "inputs": inputs, "_meta": {"title": title or class_type}}


def graph(text="a cat", **more) -> dict:
    """A checkpoint that draws twice, with a preview of each picture."""
    return {
        "files": node("CheckpointLoaderSimple", ckpt_name="my.safetensors"),
        "good": node("CLIPTextEncode", text=text),
        "bad": node("CLIPTextEncode", text="ugly"),
        "first": node("KSampler", model=["files", 0], positive=["good", 0], negative=["bad", 0], seed=1, steps=20),
        "second": node("KSampler", model=["files", 0], positive=["good", 0], negative=["bad", 0], seed=6, steps=16),
        "one": node("PreviewImage", "Before", images=["first", 0]),
        "two": node("PreviewImage", "After", images=["second", 0]),
        **more,
    }


def loop(prompt="a cat", **more) -> dict:
    """One xLARD Self-Correct with a report and a result that says neither before nor after."""
    return {
        "good": node("CLIPTextEncode", text="a cat"),
        "bad": node("CLIPTextEncode", text="ugly"),
        "loop": node("XLARDSelfCorrect", positive=["good", 0], negative=["bad", 0], seed=1, steps=20, prompt=prompt),
        "saved": node("SaveImage", "Result", images=["loop", 1], filename_prefix="xLARD/result"),
        "report": node("XLARDReport", state=["loop", 3], filename_prefix="mine"),
        **more,
    }


@pytest.fixture
def read(tmp_path):
    def of(job: object):
        (tmp_path / "w.json").write_text(job if isinstance(job, str) else json.dumps(job))
        return read_template(tmp_path / "w.json", INFO)

    return of


def test_the_text_behind_positive_is_the_prompts_place(read) -> None:
    job = read(graph()).fill("two dogs", 0)
    assert job["good"]["inputs"]["text"] == "two dogs" and job["bad"]["inputs"]["text"] == "ugly"
    assert job[BASE]["inputs"]["images"] == ["first", 0] and job[CORRECTED]["inputs"]["images"] == ["second", 0]


def test_a_placeholder_says_where_and_what_stands_around_it(read) -> None:
    other = node("CLIPTextEncode", text="ignored, for it has no placeholder")
    job = graph(f"masterpiece, {PLACEHOLDER}", other=other)
    job["second"]["inputs"]["positive"] = ["other", 0]
    filled = read(job).fill("two dogs", 0)
    assert filled["good"]["inputs"]["text"] == "masterpiece, two dogs" and filled["other"]["inputs"]["text"].startswith(
        "ignored"
    )


def test_the_text_is_found_through_other_nodes(read) -> None:
    words = node("PrimitiveStringMultiline", value="a cat")
    job = graph(["words", 0], words=words, net=node("ControlNetApply", positive=["good", 0], negative=["bad", 0]))
    job["first"]["inputs"] |= {"positive": ["net", 0], "negative": ["net", 1]}
    assert read(job).fill("two dogs", 0)["words"]["inputs"]["value"] == "two dogs"


def test_guiders_without_a_negative_prompt_and_encoders_with_two_texts(read) -> None:
    job = {
        "good": node("CLIPTextEncodeFlux", clip_l="a cat", t5xxl="a cat"),
        "guide": node("BasicGuider", conditioning=["good", 0]),
        "draw": node("SamplerCustomAdvanced", guider=["guide", 0], noise_seed=5),
        "one": node("SaveImage", "base", images=["draw", 0], filename_prefix=""),
        "two": node("SaveImage", images=["draw", 0], filename_prefix="corrected"),
    }
    filled = read(job).fill("two dogs", 9)
    assert (
        filled["good"]["inputs"] == {"clip_l": "two dogs", "t5xxl": "two dogs"}
        and filled["draw"]["inputs"]["noise_seed"] == 9
    )


def test_seeds_that_differ_go_on_to_differ(read) -> None:
    template = read(graph())
    job = template.fill("x", 100)
    assert (job["first"]["inputs"]["seed"], job["second"]["inputs"]["seed"]) == (100, 105)
    assert template.fill("x", 7)["first"]["inputs"]["seed"] == 7, "a template can be filled again"
    assert template.steps == [16, 20] and template.models == ["my.safetensors"]


def test_a_linked_seed_is_set_where_it_is_held(read) -> None:
    job = graph(number=node("PrimitiveInt", value=3))
    job["first"]["inputs"]["seed"] = job["second"]["inputs"]["seed"] = ["number", 0]
    assert read(job).fill("x", 100)["number"]["inputs"]["value"] == 100


def test_one_loop_gives_both_pictures_and_its_history(read) -> None:
    template = read(loop())
    job = template.fill("two dogs", 0)
    assert job[BASE]["inputs"]["images"] == ["loop", 2] and job[CORRECTED]["inputs"]["images"] == ["loop", 1]
    assert job["loop"]["inputs"]["prompt"] == job["good"]["inputs"]["text"] == "two dogs"
    assert template.reports and job[REPORT]["inputs"]["state"] == ["loop", 3]
    assert "saved" not in job and "report" not in job, "nothing is written that nobody asked for"


def test_claims_that_follow_the_prompt_are_welcome(read) -> None:
    claims = node("XLARDClaims", prompt="a cat", edited="...\ncustom: it is night")
    job = loop() | {"claims": claims}
    job["loop"]["inputs"] |= {"claims": ["claims", 0], "prompt": ""}
    assert read(job).fill("two dogs", 0)["claims"]["inputs"]["prompt"] == "two dogs"


def with_other_claims() -> dict:
    job = loop("") | {"claims": node("XLARDClaims", prompt="a cat", edited="count: two cats")}
    job["loop"]["inputs"]["claims"] = ["claims", 0]
    return job


def without_seed() -> dict:
    job = graph()
    del job["first"]["inputs"]["seed"], job["second"]["inputs"]["seed"]
    return job


def with_two_texts() -> dict:
    job = graph(
        more=node("CLIPTextEncode", text="at night"),
        both=node("ConditioningCombine", conditioning_1=["good", 0], conditioning_2=["more", 0]),
    )
    job["first"]["inputs"]["positive"] = ["both", 0]
    return job


@pytest.mark.parametrize(
    ("job", "message"),
    [
        (with_two_texts(), "there are several: 'a cat', 'at night'. Write {prompt}"),
        (graph(""), "there is none. Write {prompt}"),
        (graph(["joined", 0], joined=node("Joined", one="a", other="b")), "there is none. Write {prompt}"),
        (graph(three=node("PreviewImage", "After again", images=["first", 0])), "node three 'After again'"),
        (
            {**graph(), "two": node("PreviewImage", "Result", images=["second", 0])},
            "It is not clear which pictures to compare",
        ),
        (loop("a dog"), "Node loop (XLARDSelfCorrect) would judge every picture by the prompt 'a dog'"),
        (with_other_claims(), "Node claims (XLARDClaims) has claims of its own"),
        (without_seed(), "The workflow has no seed"),
        (graph(new=node("Unheard")), "does not know these nodes of"),
        ("{", "cannot be read"),
        ([1], "is no workflow"),
        ({"a": 1}, "is no workflow"),
        ({"nodes": [{"id": 1, "type": "Unheard", "mode": 0}]}, "does not know these nodes: Unheard"),
    ],
)
def test_an_unsuitable_workflow_is_refused_with_the_fix(read, job, message) -> None:
    with pytest.raises(WorkflowError) as refusal:
        read(job)
    assert message in str(refusal.value)
