"""ComfyUI killed in the middle of collecting, training, saving and reporting: the same job succeeds afterwards."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from tests.support.broken_loops import broken_loop
from tests.support.collecting import collect_graph
from tests.support.faulty_server import CRITIC, FSYNC, MODEL, FaultyServer
from tests.support.graphs import demo_graph, pictures, text
from tests.support.made_up_dataset import made_up
from tests.support.training_graphs import head_graph
from xlard.models.head import RewardHead
from xlard.training.dataset import Dataset

pytestmark = pytest.mark.faults


def collected(faulty: FaultyServer, name: str) -> dict[tuple[str, int], torch.Tensor]:
    dataset = Dataset.load(faulty.base / "output" / "xlard" / "datasets" / name)
    return {
        (picture.prompt, picture.seed): dataset.finals(picture.part)[picture.place] for picture in dataset.pictures()
    }


@pytest.fixture(scope="module")
def whole(faulty) -> dict[tuple[str, int], torch.Tensor]:
    """What is collected where nothing goes wrong."""
    assert faulty.run(collect_graph("whole")).status == "success"
    return collected(faulty, "whole")


@pytest.mark.parametrize(("target", "call"), [(FSYNC, 2), (FSYNC, 6), (CRITIC, 3), (MODEL, 10)])
def test_while_it_collects(faulty, whole, target: str, call: int) -> None:
    name = f"killed_{target[:2]}_{call}"
    faulty.kill_in(collect_graph(name), target, call)
    result = faulty.run(collect_graph(name))
    assert result.status == "success", result.error
    assert "6 pictures of 3 prompts" in text(result, "report")
    broken = collected(faulty, name)
    assert whole.keys() == broken.keys() and all(torch.equal(broken[job], latent) for job, latent in whole.items())


@pytest.mark.parametrize("call", [1, 4])
def test_while_it_trains(faulty, tmp_path, call: int) -> None:
    data = made_up(tmp_path / "data").folder
    # A state is saved at step 250 and at the end, each with two files, then the head.
    graph = head_graph(data, f"killed_{call}", steps=260)
    faulty.kill_in(graph, FSYNC, call)
    result = faulty.run(graph)
    assert result.status == "success", result.error
    assert (f"killed_{call}: continuing from step" in faulty.log()) == (call > 1)
    assert RewardHead.load(text(result, "path")).figures["steps"] == 260


def test_while_it_saves_a_head_over_another(faulty, tmp_path) -> None:
    data = made_up(tmp_path / "data").folder
    graph = head_graph(data, "over", file_name="over", overwrite=True)
    assert faulty.run(graph).status == "success"
    path = faulty.base / "models" / "xlard" / "heads" / "over.safetensors"
    before = path.read_bytes()
    graph["train"]["inputs"]["seed"], graph["train"]["inputs"]["name"] = 1, "other"
    # The state of a training of 20 steps takes two files.
    faulty.kill_in(graph, FSYNC, 3)
    assert path.read_bytes() == before
    assert faulty.run(graph).status == "success"
    RewardHead.load(path)
    assert path.read_bytes() != before


def test_while_it_reports(faulty) -> None:
    def reported() -> dict:
        graph = broken_loop(1)
        graph["report"] = {"class_type": "XLARDReport", "inputs": {"state": ["loop", 3], "filename_prefix": "killed"}}
        return graph

    assert faulty.run(reported()).status == "success"
    folder: Path = faulty.base / "output"
    before = {path.name: path.read_bytes() for path in folder.glob("killed*") if path.suffix in (".html", ".json")}
    assert len(before) == 2
    faulty.kill_in(reported(), FSYNC, 2)
    assert {name: (folder / name).read_bytes() for name in before} == before
    assert faulty.run(reported()).status == "success"
    assert len([path for path in folder.glob("killed*.html")]) == 2


def test_while_it_corrects(faulty) -> None:
    graph = demo_graph()
    before = pictures(faulty, graph, "decoded")
    faulty.kill_in(broken_loop(), MODEL, 7)
    assert (pictures(faulty, graph, "decoded") == before).all()
    assert faulty.run(broken_loop()).status == "success"
