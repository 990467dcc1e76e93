"""Picking the best of a batch on a real server."""

from __future__ import annotations

import base64
import io
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest
from PIL import Image

from tests.support.graphs import (
    BAD_LATENTS,
    PROMPT,
    SIDE,
    demo_graph,
    error,
    load_latent,
    loop_graph,
    pictures,
    shown,
    text,
)

LATENT, IMAGE, MASK, SEED, INDEX, CRITIQUE, WIN_RATE, SCORE, REPORT = range(9)


def pick_graph(batch: int = 4, **settings) -> dict:
    """A batch of the demo world, judged as node critique and picked from as node best."""
    graph = demo_graph(batch)
    graph["critique"] = {
        "class_type": "XLARDCritique",
        "inputs": {"images": ["decoded", 0], "critic": ["world", 3], "prompt": PROMPT},
    }
    graph["seed"] = {"class_type": "PrimitiveInt", "inputs": {"value": graph["drawn"]["inputs"]["seed"]}}
    graph["best"] = {
        "class_type": "XLARDPickBest",
        "inputs": {
            "critique": ["critique", 0],
            "images": ["decoded", 0],
            "latents": ["drawn", 0],
            "masks": ["critique", 3],
            "seed": ["seed", 0],
            "number": 1,
            "by": "claims",
            **settings,
        },
    }
    return graph


def numbers(result, name: str) -> list[float]:
    """The numbers of a list output, which a text preview shows one by one."""
    return [float(value) for value in result.outputs[name + "_shown"]["text"]]


def chosen(comfy, graph: dict) -> list[int]:
    """The indices that the node best picks."""
    return [int(index) for index in numbers(comfy.run(shown(graph, index=("best", INDEX))), "index")]


def test_pictures_with_an_alpha_channel_are_picked_and_shown(comfy) -> None:
    graph = pick_graph(1)
    graph["alpha"] = {"class_type": "JoinImageWithAlpha", "inputs": {"image": ["decoded", 0], "alpha": ["clear", 0]}}
    graph["clear"] = {"class_type": "SolidMask", "inputs": {"value": 0.5, "width": 96, "height": 96}}
    graph["critique"]["inputs"]["images"] = graph["best"]["inputs"]["images"] = ["alpha", 0]
    graph["picture"] = {"class_type": "PreviewImage", "inputs": {"images": ["best", IMAGE]}}
    result = comfy.run(graph)
    assert result.status == "success", result.error
    assert result.outputs["picture"]["images"]


def test_the_best_comes_with_everything_that_belongs_to_it(comfy):
    graph = pick_graph(seeds="counting up")
    drawn, masks = pictures(comfy, graph, "decoded"), pictures(comfy, masked(graph, ["critique", 3]), "masked")
    result = comfy.run(
        shown(
            graph,
            index=("best", INDEX),
            seed=("best", SEED),
            score=("best", SCORE),
            scores=("critique", 4),
            win_rate=("best", WIN_RATE),
            report=("best", REPORT),
        )
    )
    scores, (index,) = numbers(result, "scores"), numbers(result, "index")
    assert len(set(scores)) > 1 and numbers(result, "score") == [max(scores)] and scores.index(max(scores)) == index
    assert numbers(result, "seed") == [5 + index] and 0.5 < numbers(result, "win_rate")[0] <= 1
    assert text(result, "report").startswith(f"1. picture {index + 1:.0f} (index {index:.0f}): won ")
    assert text(result, "report").endswith("Compared: 6 pairs by the verdicts on each claim")
    picked = pictures(comfy, graph, "best", IMAGE)
    assert (picked == drawn[[int(index)]]).all()
    graph["again"] = {"class_type": "VAEDecode", "inputs": {"samples": ["best", LATENT], "vae": ["world", 2]}}
    assert np.abs(pictures(comfy, graph, "again").astype(int) - picked).max() <= 1
    assert (pictures(comfy, masked(graph, ["best", MASK]), "masked") == masks[[int(index)]]).all()
    # The node shows what it picked.
    assert len(result.outputs["best"]["images"]) == 1


def masked(graph: dict, mask: list) -> dict:
    graph["masked"] = {"class_type": "MaskToImage", "inputs": {"mask": mask}}
    return graph


def test_several_are_picked_best_first(comfy):
    graph = pick_graph(number=3, by="pairwise")
    result = comfy.run(
        shown(graph, index=("best", INDEX), win_rate=("best", WIN_RATE), seed=("best", SEED), score=("best", SCORE))
    )
    rates, index = numbers(result, "win_rate"), [int(number) for number in numbers(result, "index")]
    assert (
        len(rates) == len(numbers(result, "score")) == 3
        and rates == sorted(rates, reverse=True)
        and len(set(index)) == 3
    )
    assert numbers(result, "seed") == [5, 5, 5]
    assert (pictures(comfy, graph, "best", IMAGE) == pictures(comfy, graph, "decoded")[index]).all()


def test_the_chosen_critique_is_that_of_the_chosen_picture(comfy):
    graph = pick_graph(number=2)
    graph["once_more"] = {
        "class_type": "XLARDPickBest",
        "inputs": {"critique": ["best", CRITIQUE], "images": ["best", IMAGE], "number": 1, "by": "claims"},
    }
    result = comfy.run(shown(graph, first=("best", SCORE), score=("once_more", SCORE), index=("once_more", INDEX)))
    assert numbers(result, "score") == numbers(result, "first")[:1] and numbers(result, "index") == [0]


def test_the_sampler_draws_the_chosen_latent_again_from_its_seed(comfy):
    graph = pick_graph(number=2)
    graph["again"] = {
        "class_type": "KSampler",
        "inputs": {**graph["drawn"]["inputs"], "latent_image": ["best", LATENT]},
    }
    graph["decoded_again"] = {"class_type": "VAEDecode", "inputs": {"samples": ["again", 0], "vae": ["world", 2]}}
    assert chosen(comfy, graph) != [0, 1]
    assert (
        np.abs(pictures(comfy, graph, "decoded_again").astype(int) - pictures(comfy, graph, "best", IMAGE)).max() <= 2
    )


def test_counted_up_seeds_are_self_corrects(comfy):
    graph = loop_graph(batch=4, rounds=0)
    graph["critique"] = {
        "class_type": "XLARDCritique",
        "inputs": {"images": ["loop", 1], "critic": ["world", 3], "prompt": PROMPT},
    }
    graph["seed"] = {"class_type": "PrimitiveInt", "inputs": {"value": 5}}
    graph["best"] = {
        "class_type": "XLARDPickBest",
        "inputs": {
            "critique": ["critique", 0],
            "images": ["loop", 1],
            "latents": ["loop", 0],
            "seed": ["seed", 0],
            "number": 1,
            "by": "claims",
            "seeds": "counting up",
        },
    }
    assert chosen(comfy, graph) != [0]
    graph["again"] = {
        "class_type": "KSampler",
        "inputs": {**demo_graph()["drawn"]["inputs"], "seed": ["best", SEED], "latent_image": ["best", LATENT]},
    }
    graph["decoded"] = {"class_type": "VAEDecode", "inputs": {"samples": ["again", 0], "vae": ["world", 2]}}
    assert np.abs(pictures(comfy, graph, "decoded").astype(int) - pictures(comfy, graph, "best", IMAGE)).max() <= 2


@pytest.mark.parametrize("ends", [2, 1], ids=["a_mask_each", "one_for_all"])
def test_noise_masks_go_with_their_latents(comfy, ends):
    graph = pick_graph(2, number=2)
    graph["black"] = {
        "class_type": "EmptyImage",
        "inputs": {"width": SIDE, "height": SIDE, "batch_size": 1, "color": 0},
    }
    graph["white"] = {
        "class_type": "EmptyImage",
        "inputs": {"width": SIDE, "height": SIDE, "batch_size": 1, "color": 0xFFFFFF},
    }
    graph["both"] = {"class_type": "ImageBatch", "inputs": {"image1": ["black", 0], "image2": ["white", 0]}}
    graph["as_masks"] = {
        "class_type": "ImageToMask",
        "inputs": {"image": ["both" if ends == 2 else "black", 0], "channel": "red"},
    }
    graph["held"] = {"class_type": "SetLatentNoiseMask", "inputs": {"samples": ["drawn", 0], "mask": ["as_masks", 0]}}
    graph["best"]["inputs"]["latents"] = ["held", 0]
    # Where the mask is black a sampler changes nothing.
    graph["redrawn"] = {
        "class_type": "KSampler",
        "inputs": {**graph["drawn"]["inputs"], "seed": 77, "latent_image": ["best", LATENT]},
    }
    graph["result"] = {"class_type": "VAEDecode", "inputs": {"samples": ["redrawn", 0], "vae": ["world", 2]}}
    order = chosen(comfy, graph)
    change = np.abs(pictures(comfy, graph, "result").astype(int) - pictures(comfy, graph, "best", IMAGE)).max(
        axis=(1, 2, 3)
    )
    assert [bool(mean > 20) for mean in change] == ([index == 1 for index in order] if ends == 2 else [False, False])


def test_the_demo_critic_tells_apart_by_probability_what_it_cannot_compare(comfy):
    graph = pick_graph(3, by="pairwise", critic=["world", 3])
    result = comfy.run(shown(graph, report=("best", REPORT), win_rate=("best", WIN_RATE)))
    assert text(result, "report").endswith("Compared: 3 pairs by P(yes) of each claim")
    assert 0.5 < numbers(result, "win_rate")[0] <= 1


@pytest.mark.parametrize(
    "settings, cause",
    [
        ({"images": ["one", 0]}, "The critique is of 4 pictures, and images has 1."),
        ({"latents": ["other", 0]}, "The critique is of 4 pictures, and latents has 3."),
        ({"masks": ["masks", 0]}, "The critique is of 4 pictures, and masks has 2."),
        ({"number": 5}, "5 pictures cannot be picked out of 4. Set number to at most 4"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_batches_that_do_not_fit_are_named(comfy, settings, cause):
    graph = pick_graph(**settings)
    graph["one"] = {"class_type": "ImageFromBatch", "inputs": {"image": ["decoded", 0], "batch_index": 0, "length": 1}}
    graph["other"] = {"class_type": "EmptyLatentImage", "inputs": {"width": SIDE, "height": SIDE, "batch_size": 3}}
    graph["two"] = {"class_type": "EmptyImage", "inputs": {"width": SIDE, "height": SIDE, "batch_size": 2, "color": 0}}
    graph["masks"] = {"class_type": "ImageToMask", "inputs": {"image": ["two", 0], "channel": "red"}}
    assert cause in error(comfy, shown(graph, index=("best", INDEX)))


@pytest.mark.parametrize("name, samples, message", BAD_LATENTS)
def test_bad_latents_name_the_cause(comfy, name, samples, message):
    graph = pick_graph(1)
    load_latent(comfy, graph, name, samples)
    graph["best"]["inputs"]["latents"] = [name, 0]
    assert message in error(comfy, shown(graph, index=("best", INDEX)))


def test_a_critic_without_pictures_is_an_error(comfy):
    graph = pick_graph(2, by="pairwise", critic=["world", 3])
    del graph["best"]["inputs"]["images"]
    assert "Connect images, or disconnect critic" in error(comfy, shown(graph, index=("best", INDEX)))


@pytest.mark.parametrize(
    "name, node",
    [
        ("images", {"class_type": "PreviewImage", "inputs": {"images": ["best", IMAGE]}}),
        ("latents", {"class_type": "SaveLatent", "inputs": {"samples": ["best", LATENT], "filename_prefix": "never"}}),
        ("masks", {"class_type": "MaskPreview", "inputs": {"mask": ["best", MASK]}}),
        ("seed", {"class_type": "PreviewAny", "inputs": {"source": ["best", SEED]}}),
    ],
    ids=["images", "latents", "masks", "seed"],
)
def test_an_output_without_its_input_stops_what_needs_it_and_nothing_else(comfy, name, node):
    graph = shown(pick_graph(2), index=("best", INDEX))
    del graph["best"]["inputs"][name]
    assert len(numbers(comfy.run(graph), "index")) == 1
    result = comfy.run({**graph, "wants": node})
    assert result.status == "error" and f"connect {name} to it" in result.error["exception_message"]


class Eyes(BaseHTTPRequestHandler):
    """A server of a model that sees no objects, and finds the half of a picture better that is lighter."""

    def do_GET(self):
        self.reply({"object": "list", "data": [{"id": "eyes"}]})

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        picture, question = body["messages"][-1]["content"]
        if not question["text"].startswith("Two pictures"):
            return self.answer("[]")
        data = base64.b64decode(picture["image_url"]["url"].partition(",")[2])
        pixels = np.asarray(Image.open(io.BytesIO(data)).convert("L"), dtype=float)
        half = pixels.shape[1] // 2
        better = "left" if pixels[:, :half].mean() > pixels[:, -half:].mean() else "right"
        self.server.pairs.append(pixels.shape)
        return self.answer(json.dumps({"reason": f"The {better} one is lighter.", "better": better}))

    def answer(self, words: str):
        self.reply(
            {"choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": words}}]}
        )

    def reply(self, value: dict):
        data = json.dumps(value).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *arguments):
        pass


@pytest.fixture
def eyes() -> Iterator[ThreadingHTTPServer]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Eyes)
    server.pairs = []
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_critic_on_a_server_compares_pictures_side_by_side(comfy, eyes):
    graph = {
        f"grey_{level:x}": {
            "class_type": "EmptyImage",
            "inputs": {"width": 64, "height": 48, "batch_size": 1, "color": level * 0x010101},
        }
        for level in (0x20, 0xE0, 0x80)
    }
    graph["two"] = {"class_type": "ImageBatch", "inputs": {"image1": ["grey_20", 0], "image2": ["grey_e0", 0]}}
    graph["three"] = {"class_type": "ImageBatch", "inputs": {"image1": ["two", 0], "image2": ["grey_80", 0]}}
    graph["server"] = {
        "class_type": "XLARDCriticServer",
        "inputs": {"url": f"http://127.0.0.1:{eyes.server_port}/v1", "model": "eyes"},
    }
    graph["critique"] = {
        "class_type": "XLARDCritique",
        "inputs": {"images": ["three", 0], "critic": ["server", 0], "prompt": PROMPT},
    }
    graph["best"] = {
        "class_type": "XLARDPickBest",
        "inputs": {
            "critique": ["critique", 0],
            "images": ["three", 0],
            "critic": ["server", 0],
            "number": 3,
            "by": "pairwise",
        },
    }
    result = comfy.run(shown(graph, index=("best", INDEX), win_rate=("best", WIN_RATE), report=("best", REPORT)))
    assert numbers(result, "index") == [1, 2, 0] and numbers(result, "win_rate") == [1, 0.5, 0]
    assert text(result, "report").endswith("Compared: 3 pairs seen side by side")
    assert eyes.pairs == [(48, 64 + 4 + 64)] * 6


def test_a_picture_chosen_by_hand_comes_before_the_critics(comfy):
    automatic = comfy.run(shown(pick_graph(number=2), index=("best", INDEX)))
    best, second = map(int, numbers(automatic, "index"))
    other = next(index for index in range(4) if index not in (best, second))
    graph = shown(pick_graph(number=2, choice=other), index=("best", INDEX), report=("best", REPORT))
    chosen = comfy.run(graph)
    assert list(map(int, numbers(chosen, "index"))) == [other, best]
    assert f"Chosen by hand: picture {other + 1} (index {other})" in text(chosen, "report")
    shown_pictures = json.loads(chosen.outputs["best"]["xlard_batch"][0])
    assert [index for index, shown_one in enumerate(shown_pictures) if shown_one["chosen"]] == sorted([other, best])


def test_a_choice_that_the_batch_does_not_have_is_refused(comfy):
    graph = shown(pick_graph(choice=4), index=("best", INDEX))
    assert "choice is 4, and the batch has the pictures 0 to 3. Click" in error(comfy, graph)
