"""Safetensors files that are there whole or not at all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from .files import write_whole


def write_tensors(path: Path, tensors: dict[str, Tensor], metadata: Mapping[str, str] | None = None) -> None:
    """Write a safetensors file; raises OSError as ``files.write_whole``."""
    write_whole(path, save(tensors, dict(metadata) if metadata else None))


def read_tensors(path: Path, names: Sequence[str], advice: str) -> list[Tensor]:
    """The named tensors of a safetensors file; raises ValueError, with the advice, if they cannot be read."""
    try:
        with safe_open(path, framework="pt") as file:
            return [file.get_tensor(name) for name in names]
    except (SafetensorError, OSError) as error:
        raise ValueError(f"{path} is missing, damaged or cut short ({error}). {advice}") from error
