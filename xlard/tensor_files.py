"""Safetensors files that are there whole or not at all, and that tell whether they are as they were written."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from .files import write_whole

CHECKSUM = "checksum"
"""The name of a file's checksum in its metadata."""


def write_tensors(path: Path, tensors: dict[str, Tensor], metadata: Mapping[str, str] | None = None) -> None:
    """Write a safetensors file with a checksum of what it holds, unless the metadata bring one; raises OSError as
    ``files.write_whole``.
    """
    described = dict(metadata or {})
    write_whole(path, save(tensors, {CHECKSUM: checksum(tensors, described), **described}))


def read_tensors(path: Path, names: Sequence[str], advice: str) -> list[Tensor]:
    """The named tensors of a safetensors file; raises ValueError as ``read_whole``."""
    tensors, _ = read_whole(path, advice)
    lacking = [name for name in names if name not in tensors]
    if lacking:
        raise ValueError(f"{path} does not hold {' and '.join(lacking)}. {advice}")
    return [tensors[name] for name in names]


def read_whole(path: Path, advice: str) -> tuple[dict[str, Tensor], dict[str, str]]:
    """All tensors and the metadata of a safetensors file; raises ValueError, with the advice, if it cannot be read or
    is not as it was written.
    """
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            # Copies: a file whose tensors are in use cannot be replaced on Windows.
            tensors = {name: file.get_tensor(name).clone() for name in file.keys()}
    except (SafetensorError, OSError) as error:
        raise ValueError(f"{path} is missing, damaged or cut short ({error}). {advice}") from error
    if metadata.get(CHECKSUM, "") not in ("", checksum(tensors, metadata)):
        raise ValueError(f"{path} is damaged: it does not hold what was written. {advice}")
    return tensors, metadata


def checksum(tensors: Mapping[str, Tensor], metadata: Mapping[str, str] | None = None) -> str:
    """SHA-256 of the names, shapes and values of tensors, and of metadata without a checksum, if there are any."""
    digest = hashlib.sha256()
    for name, value in sorted(tensors.items()):
        digest.update(f"{name} {tuple(value.shape)}".encode())
        digest.update(value.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes())
    described = sorted(item for item in (metadata or {}).items() if item[0] != CHECKSUM)
    if described:
        digest.update(json.dumps(described).encode())
    return digest.hexdigest()
