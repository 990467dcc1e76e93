"""A graph that collects a few pictures of the demo world."""

from __future__ import annotations

from tests.support.graphs import demo_graph, shown

PROMPTS = ("a red circle", "two squares", "a blue circle left of a green square")


def collect_graph(name: str, prompts=PROMPTS, batch: int = 2, **settings) -> dict:
    graph = demo_graph(batch)
    del graph["drawn"], graph["decoded"], graph["positive"]
    graph["prompts"] = {
        "class_type": "XLARDPrompts",
        "inputs": {
            "source": "text",
            "text": "\n".join(["# three", *prompts, prompts[0]]),
            "file": "",
            "how_many": 1,
            "seed": 0,
        },
    }
    graph["collect"] = {
        "class_type": "XLARDCollect",
        "inputs": {
            "model": ["world", 0],
            "clip": ["world", 1],
            "vae": ["world", 2],
            "critic": ["world", 3],
            "negative": ["negative", 0],
            "latent_image": ["empty", 0],
            "prompts": ["prompts", 0],
            "name": name,
            "pictures_per_prompt": 2,
            "seed": 3,
            "steps": 4,
            "cfg": 4.0,
            "sampler_name": "euler",
            "scheduler": "simple",
            "levels": "0.75, 0.5",
            "views": 1,
            **settings,
        },
    }
    return shown(graph, report=("collect", 1), number=("prompts", 1))
