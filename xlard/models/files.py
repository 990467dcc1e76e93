"""The file format of heads and correctors: safetensors, with the config and the training figures in the metadata."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from ..file_keys import from_file, to_file
from ..tensor_files import write_tensors


def save_module(path: str | os.PathLike, module: nn.Module, kind: str, config: dict, figures: dict) -> None:
    """Write a safetensors file in half precision with config and training figures, whole or not at all."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    tensors = {
        name: value.detach().to("cpu", torch.float16).contiguous() for name, value in module.state_dict().items()
    }
    metadata = {"xlard": kind, "config": json.dumps(to_file(config)), "figures": json.dumps(to_file(figures))}
    write_tensors(path, tensors, metadata)


def read_module(path: str | os.PathLike, kind: str) -> tuple[dict, dict, dict[str, Tensor]]:
    """Read config, figures and fp32 tensors of a file that ``save_module`` wrote.

    Raises FileNotFoundError where there is none, ValueError for a damaged file, one of another kind, one without its
    metadata, or weights that are not finite.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"There is no {kind} file at {path}. Check the name, or train a {kind}.")
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name).float() for name in file.keys()}
    except SafetensorError as error:
        raise ValueError(f"{path.name} is damaged or cut short ({error}). Copy or download it again.") from error
    if metadata.get("xlard") != kind:
        actual = metadata.get("xlard", "no xLARD file")
        raise ValueError(f"{path.name} is not a {kind} file (it is: {actual}). Choose a file saved as a {kind}.")
    try:
        config, figures = from_file(json.loads(metadata["config"])), from_file(json.loads(metadata["figures"]))
    except (KeyError, json.JSONDecodeError) as error:
        raise ValueError(
            f"{path.name} has lost the metadata that says what it was trained for ({error!r}). Copy it again "
            "from where it was made; tools that rewrite safetensors files may drop metadata."
        ) from error
    broken = [name for name, value in tensors.items() if not torch.isfinite(value).all()]
    if broken:
        raise ValueError(
            f"{path.name} holds NaN or infinite weights ({len(broken)} tensors, first {broken[0]}). Its training "
            f"failed: train the {kind} again with a lower learning rate."
        )
    return config, figures, tensors


Module = TypeVar("Module", bound=nn.Module)


def build(path: str | os.PathLike, make: Callable[[], Module], tensors: dict[str, Tensor]) -> Module:
    """The module that ``make`` returns, with the tensors of a file, in evaluation mode.

    Raises ValueError where config and tensors do not fit each other or this version of the pack.
    """
    try:
        module = make()
        module.load_state_dict(tensors)
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise ValueError(
            f"{Path(path).name} does not fit this version of xLARD ({str(error).splitlines()[0]}). Update the "
            "pack, or train again."
        ) from error
    return module.eval()
