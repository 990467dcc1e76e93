"""The bench of costs: its counts agree with those by hand, and every part of its table runs."""

from __future__ import annotations

import pytest
import torch

from xlard.bench.__main__ import main
from xlard.bench.cost.families import FAMILIES, TOKENS, Family
from xlard.bench.cost.measure import MEGABYTE, count_flops, measure
from xlard.bench.cost.operations import table

pytestmark = pytest.mark.model


def tiny(family: Family) -> tuple[torch.nn.Module, dict]:
    class Model(torch.nn.Linear):
        def forward(self, input, return_dict):
            return super().forward(input)

    return Model(8, 8), {"input": torch.empty(4, 8)}


TINY = Family("tiny", 64, 4, 5, 16, tiny)


def test_a_product_of_matrices_and_its_gradient_are_counted() -> None:
    weight, values = torch.randn(16, 32), torch.randn(4, 16).requires_grad_()
    assert count_flops(lambda: values @ weight) == 2 * 4 * 16 * 32
    assert count_flops(lambda: torch.autograd.grad((values @ weight).sum(), values)) == 2 * 2 * 4 * 16 * 32
    with torch.inference_mode():
        assert count_flops(lambda: torch.nn.functional.linear(values, weight.T)) == 2 * 4 * 16 * 32


def test_memory_is_that_of_the_tensors_alive_together() -> None:
    numbers = torch.zeros(2**18)
    assert measure(lambda: (numbers + 1).sum(), "cpu", 1).megabytes == pytest.approx(1, abs=0.01)
    assert measure(lambda: ((numbers + 1) * (numbers + 2)).sum(), "cpu", 1).megabytes == pytest.approx(3, abs=0.01)
    assert MEGABYTE == 4 * 2**18


def test_flux_costs_what_its_layers_cost_on_paper() -> None:
    """19 double blocks, whose text and picture tokens have weights of their own, and 38 single ones: each token meets
    12 * width^2 weights in a block (3 for query, key, value, 1 out, 8 feed-forward), and each pair of tokens 2 * width
    in attention.
    """
    width, tokens, blocks = 3072, 64 * 64 + 256, 19 + 38
    on_paper = 2 * tokens * 12 * width**2 * blocks + 2 * tokens**2 * 2 * width * blocks
    parameters, flops = next(family for family in FAMILIES if family.name == "FLUX.1").step()
    assert flops == pytest.approx(on_paper, rel=0.01) and parameters == pytest.approx(11.9e9, rel=0.01)


def test_every_family_is_cut_into_as_many_tokens() -> None:
    assert {(family.side // family.patch) ** 2 for family in FAMILIES} == {TOKENS}


def test_the_command_prints_a_table(monkeypatch, capsys) -> None:
    monkeypatch.setattr("xlard.bench.cost.operations.FAMILIES", [TINY])
    main(["cost", "--repeats", "1", "--device", "cpu"])
    printed = capsys.readouterr().out
    assert "one call of the diffusion model" in printed and "Peak MB" in printed


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_every_part_is_in_the_table(dtype: torch.dtype) -> None:
    rows = [line.strip("| ").split(" | ") for line in table([TINY], "cpu", dtype, 1)][2:]
    assert rows[0][1:] == ["one call of the diffusion model", "0 M", "0", "100 %"]
    assert [row[0].partition(",")[0] for row in rows[1:]] == ["head"] * 2 + ["gradient step"] * 2 + [
        "quadratic program of min_norm",
        "corrector",
    ]
