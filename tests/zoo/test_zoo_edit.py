"""Edit models of each kind in Self-Correct, with random weights: an edit is what ComfyUI's own nodes draw."""

from __future__ import annotations

import json

import pytest
import torch

from tests.support.graphs import error, pictures, shown, text
from tests.support.loop_graphs import history
from tests.support.zoo.families import HIDREAM, IP2P, SMALL, Family
from tests.support.zoo.graphs import MENDED, changed, latents, self_correct, vae_of, with_critic, zoo_graph
from tests.support.zoo.server import ZooServer, make_ready
from xlard.comfy_server.errors import JobError
from xlard.loop.engine import derived_seed
from xlard.loop.registry import DEFAULT_STRATEGIES

WIDTH, HEIGHT, SEED = 96, 64, 5
KINDS = {
    "flux": (SMALL["flux"], "reference latents", 0.0),
    "omnigen2": (SMALL["omnigen2"], "reference latents", 2.0),
    "qwen": (SMALL["qwen"], "Qwen-Image-Edit 2509 and later", 0.0),
    "qwen_first": (SMALL["qwen"], "Qwen-Image-Edit", 0.0),
    "ip2p": (IP2P, "concat", 0.0),
    "ip2p_dual": (IP2P, "concat", 1.5),
    "flux2": (SMALL["flux2"], "reference latents", 0.0),
    "hidream": (HIDREAM, "concat", 2.0),
}
"""Family, method, and guidance by the picture."""

SLOW = ("flux2",)
INSTRUCTION = "remove one of the two red circles; keep the blue square and everything else as they are"
ONLY = {name: name == "edit" for name in DEFAULT_STRATEGIES}


@pytest.fixture(scope="module")
def comfy(zoo) -> ZooServer:
    """The server with the zoo."""
    return zoo


@pytest.fixture(
    params=[
        pytest.param(kind, id=name, marks=[pytest.mark.big] if name in SLOW else []) for name, kind in KINDS.items()
    ]
)
def kind(request) -> tuple[Family, str, float]:
    make_ready([request.param[0], SMALL["sd15"]])
    return request.param


def node(kind: str, **inputs: object) -> dict:
    return {"class_type": kind, "inputs": inputs}


def edit_model(graph: dict, family: Family, **settings) -> dict:
    """xLARD Edit Model with the graph's model, which is watched."""
    graph["watched"] = node("ZooWatch", model=["model", 0])
    chosen = {
        **{"steps": 2, "cfg": 3.0, "sampler_name": "euler", "scheduler": "simple", "method": "auto"},
        **{"guidance": 2.5, "image_cfg": 0.0, "negative": "blurry", "size": 0, **settings},
    }
    clip, vae = graph["positive"]["inputs"].get("clip", ["clip", 0]), vae_of(family)
    return node("XLARDEditModel", edit_model=["watched", 0], edit_clip=clip, edit_vae=vae, **chosen)


def loop_with(family: Family, url: str, drawn: tuple[int, int] = (WIDTH, HEIGHT), batch: int = 1, **settings) -> dict:
    """A family that edits what SD 1.5 draws, or itself where that has its latents; nodes loop and editor."""
    graph = with_critic(zoo_graph(family, MENDED, batch, *drawn), url)
    graph["editor"] = edit_model(graph, family, **settings)
    drawing = family
    if family is IP2P:
        # It draws nothing of its own.
        drawing, other = SMALL["sd15"], zoo_graph(SMALL["sd15"], MENDED, batch, *drawn)
        graph |= {f"drawing_{name}": value for name, value in other.items() if name in ("model", "vae")}
        graph["drawn"]["inputs"]["model"] = ["drawing_model", 0]
    graph["picture"] = node("PreviewImage", images=["loop", 1])
    graph["loop"] = self_correct(graph, drawing, MENDED, edit_model=["editor", 0], seed=SEED, **ONLY)
    if family is IP2P:
        graph["loop"]["inputs"]["vae"] = vae_of(family)
    return graph


def drawn_by_core(graph: dict, family: Family, method: str, image_cfg: float) -> dict:
    """The same edit by ComfyUI's own nodes, as node edited, a LATENT; the instruction is written by our node."""
    vae, clip, before = vae_of(family), ["clip", 0], ["loop", 2]
    graph["judged"] = node("XLARDCritique", images=before, critic=["critic", 0], prompt=MENDED)
    graph["told"] = node("XLARDEditInstruction", critique=["judged", 0], image=before)
    graph["source"] = node("VAEEncode", pixels=before, vae=vae)
    graph["plain"] = node("CLIPTextEncode", clip=clip, text="blurry")
    if method.startswith("Qwen"):
        first = method == "Qwen-Image-Edit"
        encoder, image = ("TextEncodeQwenImageEdit", "image") if first else ("TextEncodeQwenImageEditPlus", "image1")
        graph["with_text"] = node(encoder, clip=clip, vae=vae, prompt=["told", 0], **{image: before})
        graph["without"] = node(encoder, clip=clip, vae=vae, prompt="blurry", **{image: before})
        positive, negative = ["with_text", 0], ["without", 0]
    else:
        graph["text"] = node("CLIPTextEncode", clip=clip, text=["told", 0])
        if method == "concat":
            graph["both"] = node(
                "InstructPixToPixConditioning", positive=["text", 0], negative=["plain", 0], vae=vae, pixels=before
            )
            positive, negative = ["both", 0], ["both", 1]
        else:
            graph["with_text"] = node("ReferenceLatent", conditioning=["text", 0], latent=["source", 0])
            graph["without"] = node("ReferenceLatent", conditioning=["plain", 0], latent=["source", 0])
            positive, negative = ["with_text", 0], ["without", 0]
    graph["guided"] = node("FluxGuidance", conditioning=positive, guidance=2.5)
    seed = derived_seed(SEED, 1, 0)
    if image_cfg:
        graph["guider"] = node(
            "DualCFGGuider",
            **{"model": ["model", 0], "cond1": ["guided", 0], "cond2": negative, "negative": ["plain", 0]},
            **{"cfg_conds": 3.0, "cfg_cond2_negative": image_cfg, "style": "regular"},
        )
        graph["noise"] = node("RandomNoise", noise_seed=seed)
        graph["euler"] = node("KSamplerSelect", sampler_name="euler")
        graph["sigmas"] = node("BasicScheduler", model=["model", 0], scheduler="simple", steps=2, denoise=1.0)
        graph["nothing"] = node("LatentMultiply", samples=["source", 0], multiplier=0.0)
        wired = {name: [name, 0] for name in ("noise", "guider", "sigmas")}
        graph["edited"] = node("SamplerCustomAdvanced", **wired, sampler=["euler", 0], latent_image=["nothing", 0])
    else:
        graph["nothing"] = node("LatentMultiply", samples=["source", 0], multiplier=0.0)
        graph["edited"] = changed(
            graph["drawn"],
            **{"model": ["model", 0], "positive": ["guided", 0], "negative": negative, "seed": seed},
            latent_image=["nothing", 0],
        )
    graph["as_picture"] = node("VAEDecode", samples=["edited", 0], vae=vae)
    graph["again"] = node("VAEEncode", pixels=["as_picture", 0], vae=vae)
    return graph


def test_an_edit_is_what_comfyui_s_own_nodes_draw_of_picture_and_instruction(comfy, kind, server):
    family, method, image_cfg = kind
    graph = loop_with(family, server.url, method="auto" if method != "Qwen-Image-Edit" else method, image_cfg=image_cfg)
    graph["rounds"] = node("ZooRounds", state=["loop", 3])
    samples = latents(comfy, drawn_by_core(graph, family, method, image_cfg), "rounds", "again")
    first, edited = samples["rounds"]
    # Convolutions round by how pixels lie in memory.
    assert torch.allclose(edited, samples["again"].reshape(edited.shape), atol=1e-5)
    assert not torch.allclose(first, edited, atol=0.1)


def test_picture_and_instruction_reach_the_model_and_what_is_no_better_is_dropped(comfy, kind, server):
    family, method, image_cfg = kind
    graph = loop_with(family, server.url, method="auto" if method != "Qwen-Image-Edit" else method, image_cfg=image_cfg)
    graph["seen"] = node("ZooSeen", state=["loop", 3])
    before = pictures(comfy, graph, "loop", 2)
    result = comfy.run(graph)
    assert result.status == "success", result.error
    assert (pictures(comfy, graph, "loop", 1) == before).all()
    seen = json.loads(result.outputs["seen"]["text"][0])
    height, width = HEIGHT // family.ratio, WIDTH // family.ratio
    of_cell = [call.get("ref_latents") or call.get("c_concat") or call.get("image_cond") for call in seen]
    assert seen and all(call["c_crossattn"][-1] == family.width for call in seen)
    if method == "concat":
        # InstructPix2Pix is shown an empty picture where there is none.
        shapes = {tuple(shape[1:]) for shape in of_cell if shape}
        assert shapes == {(family.channels, height, width)} and all(of_cell) == (family is IP2P)
    elif image_cfg:
        assert any(of_cell) and not all(of_cell)
    else:
        assert all(len(shape) == 1 for shape in of_cell)
    _, edit = history(comfy, graph)
    assert (edit["strategy"], edit["accepted"], edit["nfe"]) == ("edit", False, 2)
    assert edit["reason"] == INSTRUCTION.partition(";")[0]


def test_odd_sizes_and_batches_come_back_in_their_own_size(comfy, server):
    make_ready([SMALL["flux"]])
    graph = loop_with(SMALL["flux"], server.url, (72, 104), batch=2, size=64)
    graph["rounds"] = node("ZooRounds", state=["loop", 3])
    assert latents(comfy, graph, "rounds")["rounds"].shape == (2, 16, 13, 9)
    assert pictures(comfy, graph, "loop", 1).shape == (2, 104, 72, 3)


def test_what_cannot_edit_is_refused_before_anything_is_drawn(comfy, server):
    make_ready([SMALL["flux"], SMALL["sd15"], IP2P])
    graph = loop_with(SMALL["sd15"], server.url)
    assert "SD15/SD15, which does not read reference latents" in error(comfy, graph)
    graph = loop_with(SMALL["flux"], server.url, method="concat")
    assert "does not read a picture among its channels" in error(comfy, graph)
    graph = loop_with(IP2P, server.url)
    graph["other_vae"] = zoo_graph(SMALL["flux"])["vae"]
    graph["editor"]["inputs"]["edit_vae"] = ["other_vae", 0]
    assert "works on 4-channel latents, and the VAE makes 16-channel ones" in error(comfy, graph)
    for missing in ("edit_clip", "edit_vae"):
        graph = loop_with(SMALL["flux"], server.url)
        del graph["editor"]["inputs"][missing]
        with pytest.raises(JobError, match=f"Required input is missing.*{missing}"):
            comfy.run(graph)


def test_a_clip_of_another_model_leaves_the_picture_before_the_edit_and_says_so(comfy, server):
    make_ready([SMALL["flux"]])
    graph = loop_with(SMALL["flux"], server.url)
    graph["other"] = node("ZooClip", width=768, pooled=0, length=77, layers=0)
    graph["editor"]["inputs"]["edit_clip"] = ["other", 0]
    result = comfy.run(shown(graph, report=("loop", 6)))
    assert result.status == "success", result.error
    assert "reads prompts of the width 4096, and its CLIP makes 768" in text(result, "report")
