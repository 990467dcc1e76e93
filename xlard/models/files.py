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
from ..files import make_folder
from ..tensor_files import CHECKSUM, checksum, write_tensors
from .config_checks import check_config

_SHOWN = 200


def save_module(path: str | os.PathLike, module: nn.Module, kind: str, config: dict, figures: dict) -> None:
    """Write a safetensors file in half precision with config and training figures, whole or not at all."""
    path = Path(path)
    make_folder(path.parent)
    tensors = {
        name: value.detach().to("cpu", torch.float16).contiguous() for name, value in module.state_dict().items()
    }
    metadata = {
        "xlard": kind,
        "config": json.dumps(to_file(config)),
        "figures": json.dumps(to_file(figures)),
        # Of the weights alone: config and figures are checked for what they say.
        CHECKSUM: checksum(tensors),
    }
    write_tensors(path, tensors, metadata)


def read_module(path: str | os.PathLike, kind: str) -> tuple[dict, dict, dict[str, Tensor]]:
    """Read config, figures and fp32 tensors of a file that ``save_module`` wrote.

    Raises FileNotFoundError where there is none, ValueError for a damaged file, one of another kind, one without its
    metadata or with a config that nothing can have, weights that are not finite, and weights that are not those that
    were saved, as far as the file tells. Of what is not ours, no weights are read.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"There is no {kind} file at {path}. Check the name, or train a {kind}.")
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            config, figures = _described(path, kind, metadata)
            saved = {name: file.get_tensor(name) for name in file.keys()}
    except SafetensorError as error:
        raise ValueError(f"{path.name} is damaged or cut short ({error}). Copy or download it again.") from error
    tensors = {name: value.float() for name, value in saved.items()}
    broken = [name for name, value in tensors.items() if not torch.isfinite(value).all()]
    if broken:
        raise ValueError(
            f"{path.name} holds NaN or infinite weights ({len(broken)} tensors, first {broken[0]}). Its training "
            f"failed: train the {kind} again with a lower learning rate."
        )
    # In half precision, as they were saved: other tools may store them in another one.
    if metadata.get(CHECKSUM, "") not in ("", checksum({name: value.half() for name, value in saved.items()})):
        raise ValueError(f"{path.name} is damaged: its weights are not those that were saved. Copy it again.")
    return config, figures, tensors


def _described(path: Path, kind: str, metadata: dict[str, str]) -> tuple[dict, dict]:
    """The config and the figures in a file's metadata; raises ValueError as ``read_module``."""
    if metadata.get("xlard") != kind:
        actual = metadata.get("xlard", "no xLARD file")[:_SHOWN]
        raise ValueError(f"{path.name} is not a {kind} file (it is: {actual}). Choose a file saved as a {kind}.")
    try:
        config, figures = from_file(json.loads(metadata["config"])), from_file(json.loads(metadata["figures"]))
    except (KeyError, ValueError, RecursionError) as error:
        cause = type(error).__name__ if isinstance(error, RecursionError) else repr(error)[:_SHOWN]
        raise ValueError(
            f"{path.name} has lost the metadata that says what it was trained for ({cause}). Copy it again "
            "from where it was made; tools that rewrite safetensors files may drop metadata."
        ) from error
    try:
        check_config(config)
        if not isinstance(figures, dict):
            raise ValueError("its figures are no JSON object")
    except ValueError as error:
        raise ValueError(f"{path.name} describes no {kind}: {error}. Copy it again from where it was made.") from error
    return config, figures


Module = TypeVar("Module", bound=nn.Module)


def build(path: str | os.PathLike, make: Callable[[], Module], tensors: dict[str, Tensor]) -> Module:
    """The module that ``make`` returns, with the tensors of a file, in evaluation mode.

    Raises ValueError where config and tensors do not fit each other or this version of the pack.
    """
    try:
        with torch.device("meta"):
            # Takes no memory: a file's config may ask for far more than its weights.
            shapes = {name: value.shape for name, value in make().state_dict().items()}
        if shapes != {name: value.shape for name, value in tensors.items()}:
            raise ValueError("its weights have other names or shapes than its config says")
        module = make()
        module.load_state_dict(tensors)
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise ValueError(
            f"{Path(path).name} does not fit this version of xLARD ({str(error).splitlines()[0]}). Update the "
            "pack, or train again."
        ) from error
    return module.eval()
