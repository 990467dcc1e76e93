"""Many samples kept on disk in files of a few thousand, so that a stopped making goes on and a larger number adds."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor

from ....tensor_files import write_tensors

_PART = 4000
"""Samples of one file."""


def kept_in_parts(
    folder: Path, what: str, split: str, number: int, seed: int, make: Callable[[int, list[int]], dict[str, Tensor]]
) -> dict[str, Tensor]:
    """``number`` samples of a split from parts in ``folder``; ``make`` makes so many with seeds where one is missing.

    All tensors have a row for each sample. Raises ValueError where the parts, of an earlier and smaller number, hold
    too few; ``what`` names the samples.
    """
    parts, begun = [], time.time()
    for index in range(-(-number // _PART)):
        file = folder / f"{split}_{seed}_{index}.safetensors"
        if not file.exists():
            folder.mkdir(parents=True, exist_ok=True)
            # A few samples need no whole part.
            write_tensors(file, make(min(_PART, number) if index == 0 else _PART, [seed, index]))
            print(f"{split}: part {index} of the {what}, {time.time() - begun:.0f} s", flush=True)
        parts.append(load_file(file))
    joined = {name: torch.cat([part[name] for part in parts])[:number] for name in parts[0]}
    if len(next(iter(joined.values()))) < number:
        raise ValueError(f"{folder} holds fewer {what} of the {split} split than {number}. Delete it, or ask for less.")
    return joined
