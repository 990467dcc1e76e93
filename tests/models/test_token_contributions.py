"""How much each token of a prompt moves a correction."""

from __future__ import annotations

import pytest
import torch

import xlard.models.token_contributions
from xlard.models.corrector import CorrectorConfig, LatentCorrector
from xlard.models.token_contributions import token_contributions


def moving_corrector() -> LatentCorrector:
    torch.manual_seed(0)
    corrector = LatentCorrector(
        CorrectorConfig(4, 16, "a test model", width=32, layers=1, heads=4, trust_region=100.0)
    ).eval()
    torch.nn.init.normal_(corrector.out.weight)
    for block in corrector.body.blocks:
        torch.nn.init.normal_(block.film.weight, std=0.1)
    return corrector


def inputs(length: int = 6):
    torch.manual_seed(1)
    return torch.randn(2, 4, 8, 8), torch.randn(2, length, 16), torch.rand(2)


def test_it_is_the_change_without_the_token_relative_to_the_correction() -> None:
    corrector, (latents, context, noise_level) = moving_corrector(), inputs()
    found = token_contributions(corrector, latents, context, noise_level)
    assert found.shape == (2, 6) and (found > 0).all() and not found.requires_grad
    without = context.clone()
    without[:, 3] = context.mean(dim=1)
    with torch.no_grad():
        delta, other = corrector(latents, context, noise_level), corrector(latents, without, noise_level)
    assert torch.allclose(found[:, 3], (other - delta).flatten(1).norm(dim=1) / delta.flatten(1).norm(dim=1), atol=1e-5)


def test_a_token_that_stands_out_contributes_and_one_like_all_others_does_not() -> None:
    corrector, (latents, context, noise_level) = moving_corrector(), inputs()
    context = context[:, :1].repeat(1, 6, 1)
    assert token_contributions(corrector, latents, context, noise_level).max() < 1e-4
    context[:, 2] = torch.randn(16) * 3
    found = token_contributions(corrector, latents, context, noise_level)
    assert (found.argmax(dim=1) == 2).all()


def test_where_nothing_is_corrected_no_token_contributes() -> None:
    corrector = LatentCorrector(CorrectorConfig(4, 16, "a test model", width=32, layers=1, heads=4))
    found = token_contributions(corrector, *inputs())
    assert found.shape == (2, 6) and not found.any()


@pytest.mark.parametrize("together", [1, 16, 40, 10**6])
def test_the_size_of_the_chunks_changes_nothing(monkeypatch, together: int) -> None:
    corrector = moving_corrector()
    expected = token_contributions(corrector, *inputs())
    largest = []
    corrector.register_forward_hook(lambda module, arguments, output: largest.append(len(output)))
    monkeypatch.setattr(xlard.models.token_contributions, "_PATCHES_TOGETHER", together)
    assert torch.allclose(token_contributions(corrector, *inputs()), expected, atol=1e-5)
    assert max(largest) == min(max(1, together // 16), 6)
