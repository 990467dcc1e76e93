"""A training run that can be stopped and resumed: AdamW, cosine schedule, moving average, and the average with the
lowest validation loss.
"""

from __future__ import annotations

import copy
import json
import math
import os
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from ..file_keys import to_file
from ..files import make_folder, write_whole
from ..tensor_files import read_whole, write_tensors
from .engine import end_together, engine, processes
from .muon import BETAS
from .plot import loss_plot

_LOSSES = 100
_PRINT_SECONDS = 10
_LONGEST_WARMUP, _LOWEST_RATE = 200, 0.01

LossOf = Callable[[int, torch.Generator], Tensor]
"""From a step and its random generator, which lives on the CPU, to the loss of one batch."""


def default_device() -> str:
    """``cuda`` (the process's own, where a launcher started several) or ``mps`` if there is one, else ``cpu``."""
    if os.environ.get("ACCELERATE_USE_CPU", "").lower() in ("1", "true"):
        return "cpu"
    if torch.cuda.is_available():
        rank = os.environ.get("LOCAL_RANK")
        return "cuda" if rank is None else f"cuda:{int(rank) % torch.cuda.device_count()}"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def machine() -> str:
    """The machine in words, for the figures saved with weights."""
    if torch.cuda.is_available():
        return torch.cuda.get_device_name()
    return f"{os.cpu_count()} CPU cores, {processes()} process(es) of {torch.get_num_threads()} thread(s)"


def decay_for(steps: int, most: float = 0.999) -> float:
    """The moving average's decay: after a short training, a high one would still hold mostly the first weights."""
    return max(0.0, min(most, 1 - 20 / steps))


def learning_rate_share(step: int, steps: int) -> float:
    """The share of the peak learning rate at a step: half a cosine over all steps, times a rise over the first tenth of
    them, 200 at most.

    It depends on step and steps only, so a resumed run has the rates of an uninterrupted one, and a finished run may be
    given more steps.
    """
    warmup = min(_LONGEST_WARMUP, steps // 10 + 1)
    share = min(1.0, (step + 1) / warmup) * (0.5 + 0.5 * math.cos(math.pi * step / steps))
    return max(share, _LOWEST_RATE)


def adamw(module: nn.Module, learning_rate: float, weight_decay: float) -> torch.optim.Optimizer:
    """The optimizer of all trainings that choose no other."""
    return torch.optim.AdamW(module.parameters(), lr=learning_rate, weight_decay=weight_decay, betas=BETAS)


@dataclass(frozen=True)
class TrainingProgress:
    """Where a run stands: ``step`` of ``steps``, the seconds left, and pairs of step and value so far."""

    step: int
    steps: int
    seconds_left: float
    losses: list[list[float]]
    validation: list[list[float]]

    @property
    def loss(self) -> float | None:
        """The latest recorded loss; None before the first."""
        return self.losses[-1][1] if self.losses else None


class Trainer:
    """Trains ``module`` for ``steps`` steps and keeps everything needed to continue in ``folder``.

    A step's random generator is seeded by seed and step: a resumed run draws what an uninterrupted one would have
    drawn. It lives on the CPU, so every machine draws the same. ``average`` is the exponential moving average.
    ``validate`` returns the loss of a module on data that it is not trained on, every ``validate_every`` steps and at
    the end; ``kept`` is the average with the lowest one. Under torchrun or ``accelerate launch`` every process draws
    its own batches, the gradients are averaged, and the first process validates and saves. ``schedule`` gives the share
    of the learning rate at a step, of so many steps. ``optimizer`` makes another one than AdamW of module, learning
    rate and weight decay; a group of its weights may have a ``scale`` of the learning rate.

    ``settings`` are JSON-ready values that a run depends on, beside the trainer's own. Raises ValueError where the
    folder holds a run with other settings.
    """

    def __init__(
        self,
        folder: Path,
        module: nn.Module,
        steps: int,
        learning_rate: float,
        seed: int,
        device: str,
        decay: float = 0.999,
        weight_decay: float = 0.01,
        save_every: int = 250,
        validate: Callable[[Any], float] | None = None,
        validate_every: int = 0,
        settings: dict[str, Any] | None = None,
        schedule: Callable[[int, int], float] = learning_rate_share,
        optimizer: Callable[[nn.Module, float, float], torch.optim.Optimizer] | None = None,
    ):
        self.folder, self.steps, self.learning_rate, self.seed = folder, steps, learning_rate, seed
        self.device, self.save_every, self.validate, self.validate_every = device, save_every, validate, validate_every
        self.schedule, self.engine = schedule, engine(device)
        self.module = module.to(device)
        self.average = AveragedModel(self.module, multi_avg_fn=get_ema_multi_avg_fn(decay))
        self.optimizer = self.engine.prepare((optimizer or adamw)(self.module, learning_rate, weight_decay))
        # Steps, and the decay that may follow from them, are left out: a finished run may be given more.
        self.settings = {
            "learning rate": learning_rate,
            "seed": seed,
            "weight decay": weight_decay,
            "parameters": sum(parameter.numel() for parameter in module.parameters()),
            **(settings or {}),
        }
        self.step, self.seconds = 0, 0.0
        self.losses: list[list[float]] = []
        self.validation: list[list[float]] = []
        self.best: dict[str, Tensor] | None = None
        self._recent: list[Tensor] = []
        self._every = max(1, min(50, steps // _LOSSES))
        make_folder(folder)
        if (folder / "state.safetensors").exists():
            self._load()
        if self._over_processes(self.step, "mean") != self.step:
            raise ValueError(
                f"The processes find different states in {folder}. Put it on a disk that all machines share."
            )

    def generator(self, step: int) -> torch.Generator:
        """The random generator of a step."""
        # ComfyUI's seeds have 64 bits, which leaves no room for a product.
        return torch.Generator().manual_seed(
            (self.seed * 1_000_003 + self.engine.process_index * 500_009 + step) % 2**63
        )

    @property
    def kept(self) -> Any:
        """A copy of the trained module with averaged weights: those with the lowest validation loss, or without
        validation the last ones.
        """
        module = copy.deepcopy(self.average.module)
        if self.best is not None:
            module.load_state_dict(self.best)
        return module.eval()

    def run(
        self,
        loss_of: LossOf,
        check: Callable[[int], bool] | None = None,
        check_every: int = 0,
        max_seconds: float | None = None,
        on_step: Callable[[TrainingProgress], None] | None = None,
    ) -> None:
        """Train until ``steps``, until ``check(step)``, called every ``check_every`` steps, returns True, or for
        ``max_seconds``.

        An exception from ``on_step`` cancels the run: the state is saved, the next run continues from there, and the
        caller gets the exception. Raises FloatingPointError for a loss that is no number, OSError for a full disk; in
        both cases the state that was saved last remains.
        """
        with_loss = self.engine.prepare(_ModuleWithLoss(self, loss_of))
        first, begun = self.step, time.time()
        self._since = self._shown = begun
        while self.step < self.steps:
            self._take_step(with_loss)
            left = (time.time() - begun) / (self.step - first) * (self.steps - self.step)
            if self.step % self._every == 0 or self.step == self.steps:
                self._record(left)
            if self.validate_every and self.step % self.validate_every == 0:
                self._validate()
            if self.step % self.save_every == 0:
                self._save()
            if on_step:
                self._call(on_step, left)
            if check and check_every and self.step % check_every == 0 and check(self.step):
                break
            if max_seconds and self._over_processes(float(time.time() - begun > max_seconds), "sum") > 0:
                break
        del with_loss
        self._finish()

    def _take_step(self, with_loss: nn.Module) -> None:
        for group in self.optimizer.param_groups:
            group["lr"] = self.learning_rate * self.schedule(self.step, self.steps) * group.get("scale", 1.0)
        with self.engine.autocast():
            loss = with_loss(self.step)
        self.optimizer.zero_grad(set_to_none=True)
        self.engine.backward(loss)
        self.engine.clip_grad_norm_(self.module.parameters(), 1.0)
        self.optimizer.step()
        self.average.update_parameters(self.module)
        self.step += 1
        self._recent.append(loss.detach())

    def _record(self, left: float = 0.0) -> None:
        """Note the mean of the losses since the last time."""
        if not self._recent:
            return
        loss = torch.stack(self._recent).float().mean().item()
        if not math.isfinite(loss):
            raise FloatingPointError(
                f"The loss is {loss} at step {self.step}. Delete {self.folder} and start again with a "
                "lower learning rate."
            )
        self._recent = []
        self.losses.append([self.step, loss])
        if self.engine.is_main_process and time.time() - self._shown > _PRINT_SECONDS:
            self._shown = time.time()
            print(
                f"{self.folder.name}: step {self.step}/{self.steps}, loss {loss:.4f}, about {left / 60:.1f} min left",
                flush=True,
            )

    @torch.no_grad()
    def _validate(self) -> None:
        if not self.engine.is_main_process or self.validate is None:
            return
        module = self.average.module.eval()
        value = float(self.validate(module))
        if self.best is None or value < min(earlier for _, earlier in self.validation):
            self.best = {name: tensor.detach().cpu().clone() for name, tensor in module.state_dict().items()}
        self.validation.append([self.step, value])

    def _call(self, on_step: Callable[[TrainingProgress], None], left: float) -> None:
        try:
            on_step(TrainingProgress(self.step, self.steps, left, self.losses, self.validation))
        except BaseException:
            with suppress(FloatingPointError):
                self._save()
            raise

    def _over_processes(self, value: float, reduction: str) -> float:
        """Sum or mean of a number over the processes."""
        return self.engine.reduce(torch.tensor(float(value), device=self.device), reduction).item()

    def _finish(self) -> None:
        if self.validate_every and (not self.validation or self.validation[-1][0] != self.step):
            self._validate()
        self._save()
        main = self.engine.is_main_process
        end_together(self.engine)
        if not main:
            raise SystemExit  # Evaluating and saving the result is the first process's work.
        loss_plot(self.losses, self.validation, self.folder.name).save(self.folder / "loss.png")

    def _save(self) -> None:
        # Recording raises for a loss that is no number: no state with one is saved.
        self._record()
        self.seconds, self._since = self.seconds + time.time() - self._since, time.time()
        if not self.engine.is_main_process:
            return
        tensors = {f"module.{name}": value for name, value in self.module.state_dict().items()}
        tensors |= {f"average.{name}": value for name, value in self.average.state_dict().items()}
        tensors |= {f"best.{name}": value for name, value in (self.best or {}).items()}
        for index, state in self.optimizer.state_dict()["state"].items():
            tensors |= {f"optimizer.{index}.{name}": value for name, value in state.items()}
        run = json.dumps(
            {
                "step": self.step,
                "seconds": self.seconds,
                "losses": self.losses,
                "validation": self.validation,
                "settings": to_file(self.settings),
            }
        )
        # One file: a crash cannot separate the tensors from their step. run.json is for people.
        write_tensors(
            self.folder / "state.safetensors",
            {name: value.detach().cpu().contiguous().clone() for name, value in tensors.items()},
            {"run": run},
        )
        write_whole(self.folder / "run.json", run.encode())

    def _load(self) -> None:
        path, advice = self.folder / "state.safetensors", f"Delete the folder {self.folder}, and train again."
        tensors, metadata = read_whole(path, advice)
        try:
            run = json.loads(metadata["run"])
        except (KeyError, ValueError) as error:
            raise ValueError(f"{path} does not say how far its training was ({error!r}). {advice}") from error
        # As JSON gives them back: tuples are lists there.
        now, before = json.loads(json.dumps(to_file(self.settings))), run.get("settings", self.settings)
        differing = [
            f"{name}: {before.get(name)} then, {now.get(name)} now"
            for name in now | before
            if before.get(name) != now.get(name)
        ]
        if differing:
            raise ValueError(
                f"The run in {self.folder} was begun with other settings ({'; '.join(differing)}). Give this run"
                " another name or folder, or delete that folder."
            )
        self.step, self.seconds, self.losses = run["step"], run["seconds"], run["losses"]
        self.validation = run.get("validation", [])

        def with_prefix(prefix: str) -> dict[str, Tensor]:
            return {name[len(prefix) :]: value for name, value in tensors.items() if name.startswith(prefix)}

        self.module.load_state_dict(with_prefix("module."))
        self.average.load_state_dict(with_prefix("average."))
        self.best = with_prefix("best.") or None
        state = self.optimizer.state_dict()
        for name, value in with_prefix("optimizer.").items():
            index, key = name.split(".", 1)
            state["state"].setdefault(int(index), {})[key] = value
        self.optimizer.load_state_dict(state)
        if self.engine.is_main_process:
            print(f"{self.folder.name}: continuing from step {self.step}", flush=True)


class _ModuleWithLoss(nn.Module):
    """The trained module and its loss in one: the module wrapped for several processes must be the one that is called,
    and losses call its submodules.
    """

    def __init__(self, trainer: Trainer, loss_of: LossOf):
        super().__init__()
        self.module, self._loss_of, self._generator = trainer.module, loss_of, trainer.generator

    def forward(self, step: int) -> Tensor:
        """The loss of a step."""
        return self._loss_of(step, self._generator(step))
