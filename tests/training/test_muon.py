"""Muon and AdamW as one optimizer in the trainer."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.nn import Linear

from xlard.training.muon import Muon
from xlard.training.trainer import Trainer


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(Linear(8, 16), nn.GELU(), Linear(16, 16), nn.GELU(), Linear(16, 1))


def optimizer(module: nn.Module, learning_rate: float, weight_decay: float) -> Muon:
    return Muon(module, learning_rate, weight_decay, ("4.",), 5.0)


def trained(folder: Path, steps: int, stop: int | None = None, **settings) -> Trainer:
    trainer = Trainer(folder, network(), steps, 3e-3, 0, "cpu", **settings)

    def loss(step: int, generator: torch.Generator) -> Tensor:
        inputs = torch.randn(32, 8, generator=generator)
        return (trainer.module(inputs) - inputs[:, :1] * inputs[:, 1:2]).square().mean()

    trainer.run(loss, check=lambda step: step == stop, check_every=1)
    return trainer


def test_a_stopped_training_continues_as_if_it_had_not_been(tmp_path: Path) -> None:
    whole = trained(tmp_path / "whole", 6, optimizer=optimizer)
    trained(tmp_path / "parts", 6, stop=3, optimizer=optimizer)
    parts = trained(tmp_path / "parts", 6, optimizer=optimizer)
    for one, other in zip(whole.module.state_dict().values(), parts.module.state_dict().values()):
        assert torch.equal(one, other)


def test_it_learns_and_sooner_than_adamw_alone(tmp_path: Path) -> None:
    muon, adamw = trained(tmp_path / "muon", 300, optimizer=optimizer), trained(tmp_path / "adamw", 300)
    assert muon.losses[-1][1] < 0.5 * adamw.losses[-1][1]


def test_last_layers_and_biases_are_left_to_adamw() -> None:
    muon = optimizer(network(), 1e-3, 0.0)
    assert [[tuple(weight.shape) for weight in group["params"]] for group in muon.param_groups] == [
        [(16, 8), (16, 16)],
        [(16,), (16,), (1, 16), (1,)],
    ]
    assert [group.get("scale") for group in muon.param_groups] == [5.0, None]


def test_an_older_pytorch_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(torch.optim, "Muon")
    with pytest.raises(RuntimeError, match="PyTorch 2.9 or newer"):
        optimizer(network(), 1e-3, 0.0)
