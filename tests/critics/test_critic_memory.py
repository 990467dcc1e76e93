"""A critic gives its memory back to ComfyUI, and knows what to do when memory runs out."""

from __future__ import annotations

import functools
import json
import re
import shutil
import subprocess
import sys
import weakref
from collections.abc import Iterable, Iterator

import numpy as np
import psutil
import pytest
import torch

from tests.support.detectors import sees_only
from tests.support.graphs import demo_graph, error, loop_graph, pictures, seen, shown, text
from tests.support.loop_graphs import looped
from tests.support.paths import CHECKOUT
from tests.support.servers import ServerWithNodes
from xlard.comfy_server.server import ComfyServer
from xlard.critics.backend import Ask, CriticError
from xlard.critics.folder import CriticFolder
from xlard.critics.memory import in_batches, is_out_of_memory
from xlard.critics.transformers import TransformersBackend, loaded_backend
from xlard.quickstart.comfyui import find_comfyui
from xlard.worlds.shapes.architecture import CRITIC

pytestmark = pytest.mark.model

TOLERANCE = 0.02


def test_the_sampler_gets_the_critics_memory_when_it_asks() -> None:
    script = CHECKOUT / "tests" / "support" / "comfy" / "critic_memory.py"
    ran = subprocess.run(
        [sys.executable, str(script), str(find_comfyui()), str(CHECKOUT)], capture_output=True, text=True, timeout=300
    )
    assert ran.returncode == 0, ran.stderr[-3000:]
    free = json.loads(ran.stdout.splitlines()[-1])
    assert free["judged"] < free["before"] * 0.95, "the critic was never under the memory manager"
    assert free["asked_for"] >= free["before"] * (1 - TOLERANCE)
    assert free["judged_again"] == free["judged"] and free["gone"] == 0
    assert free["made_room"] == {"other": False, "critic": True}


def judged(seed: int, critic: list) -> dict:
    """A graph that judges a new picture for each seed: nothing of it is cached. ``critic`` is a link."""
    graph = demo_graph(steps=1)
    graph["drawn"]["inputs"]["seed"] = seed
    graph["critique"] = {
        "class_type": "XLARDCritique",
        "inputs": {"images": ["decoded", 0], "critic": critic, "prompt": "a red triangle"},
    }
    graph["detector"] = {
        "class_type": "XLARDDetectorCritic",
        "inputs": {"detector_name": "rt_detr", "threshold": 0.5, "most_overlap": 0.7},
    }
    return graph


@pytest.mark.parametrize("critic", [["world", 3], ["detector", 0]], ids=["language model", "detector"])
def test_ten_critiques_in_a_row_do_not_grow_memory(comfy, critic: list) -> None:
    # It calls everything a triangle, so that there are boxes and colours to read.
    sees_only(comfy.base / "models" / "xlard" / "detectors" / "rt_detr", "rt_detr", 3)
    process, grown = psutil.Process(comfy.pid), 0.0
    # The first ones fill the allocators' pools, and so may a further ten: what leaks grows every time.
    run_all(comfy, range(100, 105), critic)
    for seeds in (range(110, 120), range(120, 130)):
        before = process.memory_info().rss
        run_all(comfy, seeds, critic)
        grown = process.memory_info().rss / before - 1
        if grown <= TOLERANCE:
            break
    assert grown <= TOLERANCE


def run_all(comfy, seeds: Iterable[int], critic: list) -> None:
    """A job for each seed."""
    for seed in seeds:
        assert comfy.run(judged(seed, critic)).status == "success"


PICTURES = [torch.rand(96, 96, 3, generator=torch.Generator().manual_seed(seed)) for seed in range(5)]
FULL = "CUDA out of memory. Tried to allocate 2.00 GiB.\nMore of it."


class Device:
    """A critic's backend with memory for ``rows`` questions at a time, and a record of what it refused."""

    def __init__(self, rows: int, **options):
        self.rows, self.refused, self.held, self.made_room = rows, [], [], 0
        self.backend: TransformersBackend = loaded_backend(
            CriticFolder(CRITIC), make_room=self._make_room, max_tokens=24, **options
        )
        model = self.backend.model()
        plain = model.forward

        @functools.wraps(plain)
        def forward(*arguments, **keywords):
            number = len(keywords["input_ids"])
            if number > self.rows:
                activations = torch.zeros(10)
                self.held.append(weakref.ref(activations))
                self.refused.append(number)
                raise torch.OutOfMemoryError(FULL)
            return plain(*arguments, **keywords)

        model.forward = forward

    def _make_room(self) -> None:
        self.made_room += 1
        assert all(activations() is None for activations in self.held), "a failed attempt still held its memory"


def asks(number: int = 5) -> list[Ask]:
    return [Ask("How many circles?", picture) for picture in PICTURES[:number]]


CALLS = {
    "answer": lambda backend: [answer.text for answer in backend.answer(asks())],
    "yes": lambda backend: backend.probability_of_yes(asks()),
    "likelihood": lambda backend: backend.log_likelihood(asks(), ["a red circle"] * 5),
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_fewer_at_a_time_give_the_same_answers(call) -> None:
    plenty, little = Device(8), Device(2)
    few_at_a_time, all_at_once = call(little.backend), call(plenty.backend)
    is_number = isinstance(few_at_a_time[0], float)
    assert few_at_a_time == (pytest.approx(all_at_once, abs=1e-4) if is_number else all_at_once)
    assert plenty.refused == []
    # All five again after room was made, then two at a time to the end.
    assert little.refused == [5, 5] and little.made_room == 2


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_a_single_question_too_many_is_an_error_with_the_sizes(call) -> None:
    with pytest.raises(CriticError) as refused:
        call(Device(0).backend)
    message = str(refused.value)
    gigabytes = sum(path.stat().st_size for path in CRITIC.glob("*.safetensors")) / 2**30
    for detail in (
        CRITIC.name,
        "96 x 96 pixels",
        "after trying 8 at a time",
        f"take {gigabytes:.1f} GiB",
        "Scale the pictures down",
        "Tried to allocate 2.00 GiB.",
    ):
        assert detail in message
    assert "More of it" not in message


def test_a_shared_beginning_that_does_not_fit_is_read_without_sharing() -> None:
    device, same = Device(8), [Ask(question, PICTURES[0]) for question in ("Is it red?", "Is it blue?", "Is it round?")]
    expected = device.backend.probability_of_yes(same)
    model, plain = device.backend.model(), device.backend.model().forward

    @functools.wraps(plain)
    def without_cache(*arguments, **keywords):
        if keywords["use_cache"]:
            raise torch.OutOfMemoryError(FULL)
        return plain(*arguments, **keywords)

    model.forward = without_cache
    assert device.backend.probability_of_yes(same) == pytest.approx(expected, abs=1e-4)


def test_weights_that_do_not_fit_are_an_error_at_once() -> None:
    device, loads = Device(8), []

    def load():
        loads.append(1)
        raise torch.OutOfMemoryError(FULL)

    device.backend.model = load
    with pytest.raises(CriticError, match="does not fit into memory: its weights take .* GiB. Set quantization"):
        device.backend.answer(asks())
    assert len(loads) == 1


@pytest.mark.parametrize(
    ("problem", "is_memory"),
    [
        (torch.OutOfMemoryError("x"), True),
        (RuntimeError("MPS backend out of memory (MPS allocated: 17 GB)"), True),
        (RuntimeError("[enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: can't allocate memory"), True),
        (RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate`"), True),
        (MemoryError(), True),
        (RuntimeError("unable to mmap 4990497880 bytes from file </x>: Cannot allocate memory (12)"), True),
        (OSError(12, "Cannot allocate memory"), True),
        (OSError("No space left on device"), False),
        (RuntimeError("shapes do not match"), False),
        (ValueError("out of memory"), False),
        (CriticError("the server is out of memory"), False),
    ],
)
def test_only_a_lack_of_memory_is_tried_again(problem, is_memory) -> None:
    tries = []

    def run(done, batch):
        tries.append(len(batch))
        raise problem

    assert is_out_of_memory(problem) is is_memory
    with pytest.raises(CriticError if is_memory else type(problem)):
        list(in_batches(asks(), 4, run, lambda: None, "it", 1))
    assert tries == ([4, 4, 2, 1] if is_memory else [4])


def test_files_too_large_for_memory_are_not_called_damaged(monkeypatch) -> None:
    def read(*arguments, **options):
        raise RuntimeError("unable to mmap 4990497880 bytes from file </x>: Cannot allocate memory (12)")

    folder = CriticFolder(CRITIC)
    monkeypatch.setattr("transformers.AutoModelForImageTextToText.from_pretrained", read)
    with pytest.raises(
        CriticError,
        match="does not fit into memory: its weights take .* GiB. Set quantization .* Cannot allocate memory",
    ):
        TransformersBackend(folder, folder.load_module).answer(asks())


@pytest.fixture(scope="module")
def tight() -> Iterator[ComfyServer]:
    with ServerWithNodes("tight_memory.py", "scripted_encoder.py") as server:
        yield server


def judged_with(rows: int | None) -> dict:
    """Three pictures before a critic with memory for ``rows`` questions at a time, or for all (None)."""
    graph = demo_graph(batch=3)
    graph["critique"] = {
        "class_type": "XLARDCritique",
        "inputs": {
            "images": ["decoded", 0],
            "critic": ["world", 3] if rows is None else ["tight", 0],
            "prompt": "two red circles",
        },
    }
    if rows is not None:
        graph["tight"] = {"class_type": "XLARDTestTightCritic", "inputs": {"critic": ["world", 3], "rows": rows}}
    return graph


def test_in_comfyui_too_and_the_latents_outlive_a_failure(tight) -> None:
    slots = tight.object_info()["XLARDCritique"]["output_name"]
    graphs = {rows: shown(judged_with(rows), report=("critique", slots.index("report"))) for rows in (None, 0, 1)}
    assert "ran out of memory at a single question about a picture of" in error(tight, graphs[0])
    tried_again = tight.run(graphs[1])
    assert tried_again.status == "success", tried_again.error
    assert not {"drawn", "decoded"} & set(tried_again.executed), (
        "pictures from before the failure had to be drawn again"
    )
    assert text(tried_again, "report") == text(tight.run(graphs[None]), "report")


def test_a_text_encoder_is_asked_again_with_no_other_model_in_memory(tight) -> None:
    graph = demo_graph() | {
        "clip": {"class_type": "ScriptedEncoder", "inputs": {"encoder": "qwen3vl_4b", "answer": "[]", "lacks": ""}},
        "tight": {"class_type": "XLARDTestTightClip", "inputs": {"clip": ["clip", 0], "times": 1}},
        "critic": {"class_type": "XLARDCriticFromCLIP", "inputs": {"clip": ["tight", 0]}},
        "critique": {
            "class_type": "XLARDCritique",
            "inputs": {"images": ["decoded", 0], "critic": ["critic", 0], "prompt": "a red circle"},
        },
    }
    once = tight.run(shown(graph, passed=("critique", 5)))
    assert once.status == "success", once.error
    graph["tight"]["inputs"]["times"] = 2
    message = error(tight, graph)
    assert "The critic text encoder qwen3vl_4b ran out of memory at a single question about a picture of" in message


HOPELESS = "nine red circles left of nine blue squares"
"""Asks for more than the demo world can draw."""


def looping_with(spared: int, **settings) -> dict:
    """The loop in one node, with its report, before a critic that runs out of memory after ``spared`` pictures."""
    graph = loop_graph(prompt=HOPELESS, **settings)
    graph["tight"] = {
        "class_type": "XLARDTestTightCritic",
        "inputs": {"critic": ["world", 3], "rows": 0, "spared": spared},
    }
    graph["loop"]["inputs"]["critic"] = ["tight", 0]
    return shown(graph, report=("loop", 6))


def decoded(tight, message: str) -> np.ndarray:
    """The pictures (B, H, W, 3) in the file of latents that a message names, through Load Latent."""
    (name,) = re.findall(
        r"saved as (xLARD_unjudged_\d+_\.latent) in the folder latents of ComfyUI's output folder", message
    )
    shutil.copy(tight.base / "output" / "latents" / name, tight.base / "input")
    assert not list((tight.base / "output" / "latents").glob("*.part"))
    graph = demo_graph()
    graph["rescued"] = {"class_type": "LoadLatent", "inputs": {"latent": name}}
    graph["decoded"]["inputs"]["samples"] = ["rescued", 0]
    return pictures(tight, graph, "decoded")


def test_a_loop_whose_critic_fails_at_the_first_pictures_names_the_file_with_their_latents(tight) -> None:
    message = error(tight, looping_with(0, batch=2, rounds=2))
    for detail in (
        "The first pictures could not be judged.",
        "ran out of memory at a single question about a picture of 96 x 96 pixels",
        "GiB",
    ):
        assert detail in message
    assert (decoded(tight, message) == pictures(tight, loop_graph(batch=2, rounds=0), "loop", 2)).all()


def test_a_loop_whose_critic_fails_later_returns_the_best_picture_and_says_why_it_ended(tight) -> None:
    graph = looping_with(1, rounds=3, rearrange=False, region=False, correct=False)
    graph["files"] = {"class_type": "XLARDReport", "inputs": {"state": ["loop", 3], "filename_prefix": "ended/run"}}
    first = pictures(tight, loop_graph(rounds=0), "loop", 1)
    graph["best"] = {"class_type": "PreviewImage", "inputs": {"images": ["loop", 1]}}
    result = tight.run(shown(graph, report=("loop", 6)))
    assert (seen(tight, result, "best") == first).all()
    (history,) = (tight.base / "output" / "ended").glob("*.json")
    ended = json.loads(history.read_text(encoding="utf-8"))[0]["ended"]
    assert (
        ended.startswith("What round 1 drew could not be judged. The critic")
        and "about a picture of 96 x 96 pixels" in ended
    )
    assert (
        "The loop ended there." in ended
        and ended in text(result, "report")
        and "best pictures so far are returned" in tight.log()
    )
    # A redraw that nobody has judged.
    assert (decoded(tight, ended) != first).any()


def test_a_loop_as_a_graph_ends_with_the_best_picture_too(tight) -> None:
    graph = shown(looped(prompt=HOPELESS, rounds=3, rearrange=False, region=False, correct=False), report=("end", 6))
    graph["tight"] = {"class_type": "XLARDTestTightCritic", "inputs": {"critic": ["world", 3], "rows": 0, "spared": 2}}
    graph["critique"]["inputs"]["critic"] = ["tight", 0]
    graph["best"] = {"class_type": "PreviewImage", "inputs": {"images": ["end", 1]}}
    result = tight.run(graph)
    best = seen(tight, result, "best")
    assert (
        "What round 2 drew could not be judged. The critic" in text(result, "report")
        and text(result, "passed") == "False"
    )
    assert decoded(tight, text(result, "report")).shape == best.shape
    graph["end"]["inputs"]["rounds"] = 1
    graph["critique"]["inputs"]["critic"] = ["world", 3]
    assert (pictures(tight, graph, "end", 1) == best).all()


def test_a_loop_as_a_graph_draws_its_first_pictures_no_second_time_after_a_failure(tight) -> None:
    graph = looped(prompt=HOPELESS, rounds=0, seed=77)
    graph["tight"] = {"class_type": "XLARDTestTightCritic", "inputs": {"critic": ["world", 3], "rows": 0}}
    graph["critique"]["inputs"]["critic"] = ["tight", 0]
    assert "ran out of memory at a single question" in error(tight, graph)
    graph["critique"]["inputs"]["critic"] = ["world", 3]
    result = tight.run(graph)
    assert result.status == "success" and not {"drawn", "decoded"} & set(result.executed)
