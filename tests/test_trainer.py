"""A training run that is stopped and resumed ends where an uninterrupted one does."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from xlard.demo.training.trainer import Trainer


def run(folder, stop_at: int | None = None) -> Trainer:
    torch.manual_seed(0)
    trainer = Trainer(folder, nn.Linear(3, 1), steps=60, learning_rate=0.05, seed=1, device="cpu", save_every=10)

    def loss_of(step: int, generator: torch.Generator) -> torch.Tensor:
        x = torch.randn(8, 3, generator=generator)
        return (trainer.module(x) - x.sum(dim=1, keepdim=True)).square().mean()

    trainer.run(loss_of, (lambda step: step == stop_at) if stop_at else None, 10)
    return trainer


def test_resuming_equals_running_through(tmp_path) -> None:
    whole = run(tmp_path / "whole")
    assert run(tmp_path / "parts", stop_at=30).step == 30
    resumed = run(tmp_path / "parts")
    assert resumed.step == 60 and torch.allclose(resumed.module.weight, whole.module.weight, atol=1e-6)
    assert torch.allclose(resumed.average.module.weight, whole.average.module.weight, atol=1e-6)
    assert (tmp_path / "parts" / "loss.png").exists()


def test_a_loss_that_is_no_number_stops_the_run(tmp_path) -> None:
    trainer = Trainer(tmp_path, nn.Linear(1, 1), steps=60, learning_rate=0.1, seed=0, device="cpu")
    with pytest.raises(FloatingPointError, match="lower --learning-rate"):
        trainer.run(lambda step, generator: trainer.module.weight.sum() * float("nan"))
