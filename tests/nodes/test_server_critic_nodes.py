"""A critic on a server, through its node."""

from __future__ import annotations

import json
import os
import threading
import time

import pytest

from tests.support.graphs import error, shown, text

KEY = "sk-never-in-a-workflow"

# ComfyUI inherits the environment and is started once for all tests, so that this must be set before any of them runs.
os.environ["XLARD_API_KEY"] = KEY


def graph(prompt: str = "two red circles and a blue square", batch: int = 1, **settings) -> dict:
    return shown(
        {
            "picture": {
                "class_type": "EmptyImage",
                "inputs": {"width": 96, "height": 64, "batch_size": batch, "color": 0x808080},
            },
            "server": {"class_type": "XLARDCriticServer", "inputs": settings},
            "critique": {
                "class_type": "XLARDCritique",
                "inputs": {"images": ["picture", 0], "critic": ["server", 0], "prompt": prompt},
            },
        },
        report=("critique", 6),
    )


def test_it_judges_each_picture_of_a_batch(comfy, server):
    result = comfy.run(graph("two red circles and a green square", 2, url=server.url, model="shapes", parallel=2))
    assert result.status == "success", result.error
    marks = [line[2] for line in text(result, "report").splitlines() if line[2:3] in ("\u2713", "\u2717", "?")]
    assert marks == ["\u2713", "\u2713", "\u2713", "\u2717"] * 2
    assert len(server.requests()) == 2


def test_a_critic_on_a_server_can_be_given_another_scoring(comfy, server):
    rated = graph(url=server.url, model="shapes")
    rated["rated"] = {
        "class_type": "XLARDScoring",
        "inputs": {"critic": ["server", 0], "scoring": "P(yes)", "judgements": 1, "temperature": 0.7, "regions": False},
    }
    rated["critique"]["inputs"]["critic"] = ["rated", 0]
    result = comfy.run(rated)
    assert result.status == "success", result.error
    assert text(result, "report").count("yes with 90%") == 4


@pytest.mark.parametrize("seconds", [0, 60])
def test_an_ollama_is_told_how_long_to_keep_its_model(comfy, server, seconds):
    url = f"{server.root}/ollama/v1"
    result = comfy.run(graph(url=url, model="shapes", keep_alive=seconds))
    assert result.status == "success", result.error
    kept = [request["body"] for request in server.requests("/ollama/api/generate")]
    assert kept == [{"model": "shapes", "keep_alive": seconds}]


def test_a_fault_is_one_line_and_the_next_run_works(comfy, server):
    message = error(comfy, graph(url=server.url, model="blind"))
    assert "cannot see pictures" in message and len(message.strip().splitlines()) == 1
    assert comfy.run(graph(url=server.url, model="shapes")).status == "success"


@pytest.mark.parametrize(
    "model, cause",
    [
        ("thought-too-long", "used up all 2048 tokens before it answered"),
        ("thinks-apart", "gave no answer, only thinking"),
        ("filtered", "refuses to answer about this picture"),
        ("cut-list", "was cut (finish_reason length"),
    ],
)
def test_what_is_no_answer_is_no_verdict_and_the_report_says_once_why(comfy, server, model, cause):
    result = comfy.run(graph(url=server.url, model=model))
    assert result.status == "success", result.error
    report = text(result, "report")
    assert report.count(cause) == 1 and "abstained" in report


def test_a_broken_character_in_an_answer_leaves_comfyui_running(comfy, server):
    result = comfy.run(graph(url=server.url, model="half-a-character"))
    assert result.status == "success", result.error
    assert comfy.run(graph(url=server.url, model="shapes")).status == "success"


def test_a_server_elsewhere_is_refused_without_the_switch(comfy, server):
    message = error(comfy, graph(url="http://127.0.0.1.example.com/v1", model="shapes"))
    assert "is not on this machine, and pictures would be sent to it. Turn on allow_remote" in message


def test_cancelling_ends_the_wait_for_a_server_that_hangs(comfy, server):
    results = []
    job = threading.Thread(target=lambda: results.append(comfy.run(graph(url=server.url, model="hang"))))
    job.start()
    while not server.requests():
        time.sleep(0.05)
    start = time.monotonic()
    comfy.interrupt()
    job.join(20)
    assert results[0].status == "interrupted" and time.monotonic() - start < 5
    while not server.requests()[0]["closed"] and time.monotonic() - start < 10:
        time.sleep(0.05)  # The server hears of it in a thread of its own.
    assert server.requests()[0]["closed"]


def test_the_key_is_sent_and_saved_nowhere(comfy, server):
    refused = comfy.run(graph(url=server.url, model="needs-key"))
    judged = comfy.run(graph(url=server.url, model="echo-key-in-answer"))
    assert {seen["key"] for seen in server.requests()} == {f"Bearer {KEY}"}
    assert "Bearer ***" in refused.error["exception_message"]
    assert judged.status == "success" and "***" in text(judged, "report")
    history = json.dumps([refused.history, refused.error, judged.history, comfy.object_info()["XLARDCriticServer"]])
    assert KEY not in history + comfy.log()
    written = [path for path in comfy.base.rglob("*") if path.is_file() and KEY.encode() in path.read_bytes()]
    assert written == []
