"""Graphs that train a small head or corrector on a dataset, which a node of the tests loads, and save it."""

from __future__ import annotations

from pathlib import Path

from tests.support.graphs import shown

SMALL = {"steps": 20, "batch_size": 8, "learning_rate": 0.003, "width": 32, "layers": 1, "seed": 0}


def head_graph(data: Path, name: str = "head", file_name: str = "", overwrite: bool = False, **settings) -> dict:
    """A head trained on a dataset and saved, its report and its loss shown."""
    graph = {
        "data": {"class_type": "LoadDataset", "inputs": {"folder": str(data)}},
        "train": {
            "class_type": "XLARDTrainHead",
            "inputs": {"dataset": ["data", 0], **SMALL, "name": name, **settings},
        },
        "save": {
            "class_type": "XLARDSaveHead",
            "inputs": {"head": ["train", 0], "file_name": file_name or f"made_up/{name}", "overwrite": overwrite},
        },
        "graph": {"class_type": "LossGraphNode", "inputs": {"loss": ["train", 1], "filename_prefix": "loss"}},
    }
    return shown(graph, report=("train", 3), path=("save", 0))


def corrector_graph(data: Path, name: str, **settings) -> dict:
    """A corrector trained on a dataset and saved."""
    graph = {
        "data": {"class_type": "LoadDataset", "inputs": {"folder": str(data)}},
        "train": {
            "class_type": "XLARDTrainCorrector",
            "inputs": {
                "dataset": ["data", 0],
                "way": "distillation",
                "trust_region": 0.3,
                "sigma_start": 0.9,
                "sigma_end": 0.5,
                "learns_until": 0.5,
                "emphasis": 0.0,
                **SMALL,
                "name": name,
                **settings,
            },
        },
        "save": {
            "class_type": "XLARDSaveCorrector",
            "inputs": {"corrector": ["train", 0], "file_name": name, "overwrite": False},
        },
        "graph": {"class_type": "LossGraphNode", "inputs": {"loss": ["train", 1], "filename_prefix": "loss"}},
    }
    return shown(graph, report=("train", 3), path=("save", 0))
