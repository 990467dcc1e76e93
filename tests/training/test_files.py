"""Files of heads and correctors that are damaged, foreign or from elsewhere: each is refused with its cause."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from tests.support.graphs import error, shown
from xlard.models.checks import check_family
from xlard.models.corrector import CorrectorConfig, LatentCorrector
from xlard.models.head import HeadConfig, RewardHead

MODULES = {"head": (RewardHead, HeadConfig), "corrector": (LatentCorrector, CorrectorConfig)}


def save(kind: str, path: Path, **config) -> Path:
    """Write a small head or corrector."""
    module, its_config = MODULES[kind]
    module(its_config(4, 16, "a test model", **{"width": 32, "layers": 1, "heads": 4, **config})).save(path)
    return path


def rewrite(path: Path, tensors: dict | None = None, drop: str | None = None, **metadata: str) -> None:
    """Change some tensors and metadata of a file, or drop one of these."""
    from safetensors import safe_open

    with safe_open(path, framework="pt") as file:
        kept = {**file.metadata(), **metadata}
    kept.pop(drop, None)
    save_file({**load_file(path), **(tensors or {})}, path, kept)


def config_of(path: Path, **changes) -> str:
    from safetensors import safe_open

    with safe_open(path, framework="pt") as file:
        config = {**json.loads(file.metadata()["config"]), **changes}
    return json.dumps({name: value for name, value in config.items() if value is not None})


DAMAGES = {
    "empty": (lambda path: path.write_bytes(b""), "damaged or cut short"),
    "cut in its header": (lambda path: path.write_bytes(path.read_bytes()[:100]), "damaged or cut short"),
    "cut in its weights": (lambda path: path.write_bytes(path.read_bytes()[:-10]), "damaged or cut short"),
    "no safetensors": (lambda path: path.write_text("<!DOCTYPE html>" * 100), "damaged or cut short"),
    "resaved without metadata": (lambda path: save_file(load_file(path), path), "no xLARD file"),
    "without its config": (lambda path: rewrite(path, drop="config"), "lost the metadata"),
    "without its figures": (lambda path: rewrite(path, drop="figures"), "lost the metadata"),
    "a config that was cut": (lambda path: rewrite(path, config=config_of(path)[:-20]), "lost the metadata"),
    "NaN weights": (
        lambda path: rewrite(path, {"body.norm.weight": torch.full((32,), torch.nan)}),
        "NaN or infinite weights .1 tensors, first body.norm.weight",
    ),
    "infinite weights": (
        lambda path: rewrite(path, {"body.norm.bias": torch.full((32,), torch.inf)}),
        "NaN or infinite weights",
    ),
    "a field of a later version": (
        lambda path: rewrite(path, config=config_of(path, novelty=1)),
        "does not fit this version .*novelty",
    ),
    "a field missing": (
        lambda path: rewrite(path, config=config_of(path, sigma_range=None)),
        "does not fit this version .*noise_level_range",
    ),
    "a config of another type": (lambda path: rewrite(path, config="[]"), "config is no JSON object"),
    "an impossible config": (
        lambda path: rewrite(path, config=config_of(path, width=-32)),
        "width is a whole number from 4 to 8192, not -32",
    ),
    **{
        f"a config with {name} {value}": (
            lambda path, name=name, value=value: rewrite(path, config=config_of(path, **{name: value})),
            rf"describes no (head|corrector): {name} is .*not ",
        )
        for name, value in [
            ("layers", 10_000_000),
            ("layers", 10**30),
            ("layers", 2.5),
            ("heads", -1),
            ("heads", 0),
            ("patch", 10**9),
            ("context_width", 2**40),
            ("latent_channels", "4"),
            ("width", True),
            ("trust_region", float("nan")),
            ("trust_region", float("inf")),
            ("trust_region", -1),
            ("reward_threshold", "high"),
            ("base_model", "x" * 100_000),
            ("base_model", ["x"]),
            ("aspects", []),
            ("aspects", [3]),
            ("aspects", "count"),
            ("moves_noise", 3),
        ]
    },
    "a range that is none": (
        lambda path: rewrite(path, config=config_of(path, sigma_range=[0, float("nan")])),
        "noise_level_range is two numbers from 0 to 1",
    ),
    "a range upside down": (
        lambda path: rewrite(path, config=config_of(path, sigma_range=[1, 0])),
        "begins with the lower number",
    ),
    "a width that heads do not divide": (
        lambda path: rewrite(path, config=config_of(path, heads=5)),
        "width, 32, is not a multiple of 4 and of heads, 5",
    ),
    "the largest config": (
        lambda path: rewrite(path, config=config_of(path, layers=64, width=8192, context_width=65536)),
        "other names or shapes",
    ),
    "a deep config": (lambda path: rewrite(path, config='{"a":' * 100_000), "lost the metadata.*Recursion"),
    "deep figures": (lambda path: rewrite(path, figures="[" * 100_000), "lost the metadata.*Recursion"),
    "figures of another type": (lambda path: rewrite(path, figures="[]"), "figures are no JSON object"),
    "a flipped bit in its weights": (
        lambda path: path.write_bytes(path.read_bytes()[:-1] + bytes([path.read_bytes()[-1] ^ 1])),
        "its weights are not those that were saved",
    ),
    "a config of another shape": (
        lambda path: rewrite(path, config=config_of(path, latent_channels=16)),
        "does not fit this version",
    ),
    "a tensor of another shape": (
        lambda path: rewrite(path, {"body.norm.weight": torch.ones(7)}, drop="checksum"),
        "does not fit this version",
    ),
    "a tensor too many": (
        lambda path: rewrite(path, {"extra": torch.ones(7)}, drop="checksum"),
        "does not fit this version",
    ),
}


@pytest.mark.parametrize("kind", MODULES)
@pytest.mark.parametrize("damage", DAMAGES)
def test_a_bad_file_is_refused_by_name_with_its_cause(kind: str, damage: str, tmp_path) -> None:
    path = save(kind, tmp_path / "bad.safetensors")
    change, message = DAMAGES[damage]
    change(path)
    with pytest.raises(ValueError, match=f"(?s)^bad.safetensors .*{message}"):
        MODULES[kind][0].load(path)


@pytest.mark.parametrize("kind", MODULES)
def test_files_without_a_checksum_and_in_full_precision_load(kind: str, tmp_path) -> None:
    path = save(kind, tmp_path / "old.safetensors")
    rewrite(path, {name: value.float() for name, value in load_file(path).items()})
    MODULES[kind][0].load(path)
    rewrite(path, drop="checksum")
    MODULES[kind][0].load(path)


@pytest.mark.parametrize(("kind", "other"), [("head", "corrector"), ("corrector", "head")])
def test_a_file_of_the_other_kind_or_none_is_refused(kind: str, other: str, tmp_path) -> None:
    path = save(other, tmp_path / "file.safetensors")
    with pytest.raises(ValueError, match=f"is not a {kind} file .it is: {other}."):
        MODULES[kind][0].load(path)
    with pytest.raises(FileNotFoundError, match=f"There is no {kind} file"):
        MODULES[kind][0].load(tmp_path)


def test_families_that_differ_are_both_named() -> None:
    flux = HeadConfig(16, 4096, "a FLUX checkpoint", family="Flux")
    with pytest.raises(
        ValueError, match="trained for Flux .a FLUX checkpoint.; here it is used with SD3.*train a head for SD3"
    ):
        check_family(flux, "SD3", "head")
    for family in ("Flux", ""):
        check_family(flux, family, "head")
    check_family(CorrectorConfig(16, 4096, "any"), "SD3", "corrector")


@pytest.mark.parametrize("kind", MODULES)
@pytest.mark.parametrize("damage", ["cut in its weights", "resaved without metadata", "NaN weights"])
def test_a_bad_file_is_refused_in_comfyui(comfy, kind: str, damage: str) -> None:
    path = save(kind, comfy.base / "models" / "xlard" / f"{kind}s" / "bad.safetensors")
    node = {"head": "XLARDLoadHead", "corrector": "XLARDLoadCorrector"}[kind]
    graph = shown({"loaded": {"class_type": node, "inputs": {f"{kind}_name": "bad.safetensors"}}}, loaded=("loaded", 0))
    assert comfy.run(graph).status == "success"
    change, message = DAMAGES[damage]
    change(path)
    reported = error(comfy, graph)
    assert reported.startswith("bad.safetensors ") and message.partition(" .")[0] in reported
