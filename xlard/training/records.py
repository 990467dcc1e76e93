"""Training records: what a generator drew at several noise levels, and how its critic judged the outcome."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from ..critique import ASPECTS, Critique, Detection

NO_REWARD = -1.0
"""Stands for the reward of an aspect that a prompt has no claim about, or that the critic abstained from."""


def reward_rows(critiques: Sequence[Critique]) -> Tensor:
    """Rewards (N, A) of critiques in the order of ``ASPECTS``; NO_REWARD where there is none."""
    return torch.tensor([[critique.rewards.get(aspect, NO_REWARD) for aspect in ASPECTS] for critique in critiques])


@dataclass
class Records:
    """Pictures in the making: every field has one row per picture.

    ``latents`` maps a noise level to final latents (0.0) or x0 predictions at that level, (N, C, h, w); ``rewards`` is
    (N, A) with NO_REWARD for missing ones; ``passed`` (N,) says whether every claim held; ``confidence`` (N,) is the
    critic's; ``prompts`` are the texts; ``objects`` are what the critic saw in each picture.
    """

    prompts: list[str]
    latents: dict[float, Tensor]
    rewards: Tensor
    passed: Tensor
    confidence: Tensor
    objects: list[list[Detection]]

    def __len__(self) -> int:
        return len(self.prompts)

    def rows(self, index: Sequence[int]) -> Records:
        """The records of some rows."""
        keep = list(index)
        return Records([self.prompts[row] for row in keep], {level: part[keep] for level, part in self.latents.items()},
                       self.rewards[keep], self.passed[keep], self.confidence[keep], [self.objects[row] for row in keep])

    def save(self, folder: Path) -> None:
        """Write ``records.safetensors`` and ``records.json`` into ``folder``, latents in half precision."""
        folder.mkdir(parents=True, exist_ok=True)
        tensors = {f"latents.{level}": part.half().contiguous() for level, part in self.latents.items()}
        tensors |= {"rewards": self.rewards, "passed": self.passed, "confidence": self.confidence}
        save_file(tensors, folder / "records.safetensors.part")
        rows = [{"prompt": prompt, "objects": [asdict(d) for d in objects]} for prompt, objects in zip(self.prompts, self.objects)]
        (folder / "records.json").write_text(json.dumps(rows))
        os.replace(folder / "records.safetensors.part", folder / "records.safetensors")

    @classmethod
    def load(cls, folder: Path) -> Records:
        """Read what ``save`` wrote. Raises FileNotFoundError where there is nothing."""
        tensors = load_file(folder / "records.safetensors")
        levels = {float(name.removeprefix("latents.")): part.float() for name, part in tensors.items()
                  if name.startswith("latents.")}
        rows = json.loads((folder / "records.json").read_text())
        return cls([row["prompt"] for row in rows], levels, tensors["rewards"], tensors["passed"], tensors["confidence"],
                   [[Detection(**d) for d in row["objects"]] for row in rows])


def join(parts: Sequence[Records]) -> Records:
    """Records of several collections as one; all must hold the same noise levels."""
    return Records([prompt for part in parts for prompt in part.prompts],
                   {level: torch.cat([part.latents[level] for part in parts]) for level in parts[0].latents},
                   *(torch.cat([getattr(part, name) for part in parts]) for name in ("rewards", "passed", "confidence")),
                   [objects for part in parts for objects in part.objects])


def draw(parts: Sequence[Records], levels: Sequence[float] | None, batch: int,
         generator: torch.Generator) -> tuple[Records, Tensor]:
    """A random batch over all parts: rows whose only latents, keyed 0.0, are at the noise levels returned beside them.

    Each part weighs by its pictures; of a part's noise levels, or of those among ``levels``, each is as likely.
    """
    def pick(high: int) -> int:
        return int(torch.randint(0, high, (1,), generator=generator, device=generator.device))

    sizes = torch.tensor([float(len(part)) for part in parts], device=generator.device)
    chosen, sigma = [], []
    for index in torch.multinomial(sizes, batch, replacement=True, generator=generator).tolist():
        known = sorted(level for level in parts[index].latents if levels is None or level in levels)
        sigma.append(known[pick(len(known))])
        row = parts[index].rows([pick(len(parts[index]))])
        row.latents = {0.0: row.latents[sigma[-1]]}
        chosen.append(row)
    return join(chosen), torch.tensor(sigma)
