"""A training run that can be stopped and resumed: AdamW, cosine schedule, moving average, loss plot."""

from __future__ import annotations

import json
import math
import os
import time
from collections.abc import Callable
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, distributed, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn


def default_device() -> str:
    """``cuda`` or ``mps`` where there is one, else ``cpu``."""
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def processes() -> int:
    """How many processes train together: 1, or what ``torchrun`` started."""
    return int(os.environ.get("WORLD_SIZE", 1))


def machine() -> str:
    """The machine in words, for the figures saved with weights."""
    if torch.cuda.is_available():
        return torch.cuda.get_device_name()
    return f"{os.cpu_count()} CPU cores, {processes()} process(es) of {torch.get_num_threads()} thread(s)"


def write_json(path: Path, value) -> None:
    """Write JSON, whole or not at all; processes may write the same file at the same time."""
    temporary = path.with_name(f"{path.name}.{os.getpid()}")
    temporary.write_text(json.dumps(value, indent=1))
    os.replace(temporary, path)


class Trainer:
    """Trains ``module`` for ``steps`` steps and keeps everything needed to go on in ``folder``.

    ``loss_of(step, generator)`` returns the loss of one batch; its generator is seeded by seed and step, so that a
    resumed run draws what an uninterrupted one would have drawn. ``average`` is the exponential moving average. Under
    ``torchrun`` every process draws its own batches, the gradients are averaged, and the first one saves.
    """

    def __init__(self, folder: Path, module: nn.Module, steps: int, learning_rate: float, seed: int,
                 device: str, decay: float = 0.999, weight_decay: float = 0.01, save_every: int = 250):
        self.folder, self.steps, self.learning_rate, self.seed = folder, steps, learning_rate, seed
        self.device, self.save_every = device, save_every
        self.module = module.to(device)
        self.average = AveragedModel(self.module, multi_avg_fn=get_ema_multi_avg_fn(decay))
        self.optimizer = torch.optim.AdamW(self.module.parameters(), lr=learning_rate, weight_decay=weight_decay,
                                           betas=(0.9, 0.98))
        self.step, self.seconds, self.losses = 0, 0.0, []
        self.rank = int(os.environ.get("RANK", 0))
        if processes() > 1 and not distributed.is_initialized():
            distributed.init_process_group("nccl" if device == "cuda" else "gloo")
        folder.mkdir(parents=True, exist_ok=True)
        if (folder / "run.json").exists():
            self._load()

    def generator(self, step: int) -> torch.Generator:
        """The random generator of a step, on the run's device."""
        return torch.Generator(self.device).manual_seed(self.seed * 1_000_003 + self.rank * 500_009 + step)

    def _average_gradients(self) -> None:
        if processes() == 1:
            return
        gradients = [parameter.grad for parameter in self.module.parameters() if parameter.grad is not None]
        flat = nn.utils.parameters_to_vector(gradients) / processes()
        distributed.all_reduce(flat)
        nn.utils.vector_to_parameters(flat, gradients)

    def _any(self, flag: bool) -> bool:
        """Whether ``flag`` holds in any process, so that all stop at the same step."""
        if processes() == 1:
            return flag
        flags = torch.tensor(float(flag), device=self.device)
        distributed.all_reduce(flags)
        return flags.item() > 0

    def run(self, loss_of: Callable[[int, torch.Generator], Tensor], check: Callable[[int], bool] | None = None,
            check_every: int = 0, max_seconds: float | None = None) -> None:
        """Train until ``steps``, until ``check(step)``, called every ``check_every`` steps, returns True, or for
        ``max_seconds``."""
        warmup = min(200, self.steps // 10 + 1)
        started = begun = shown = time.time()
        first, recent = self.step, []
        while self.step < self.steps:
            scale = min(1.0, (self.step + 1) / warmup) * (0.5 + 0.5 * math.cos(math.pi * self.step / self.steps))
            for group in self.optimizer.param_groups:
                group["lr"] = self.learning_rate * max(scale, 0.01)
            with torch.autocast(self.device, dtype=torch.bfloat16, enabled=self.device == "cuda"):
                loss = loss_of(self.step, self.generator(self.step))
            self.optimizer.zero_grad(set_to_none=True)
            loss.backward()
            self._average_gradients()
            nn.utils.clip_grad_norm_(self.module.parameters(), 1.0)
            self.optimizer.step()
            self.average.update_parameters(self.module)
            self.step += 1
            recent.append(loss.detach())
            if self.step % 50 == 0 or self.step == self.steps:
                self.losses.append([self.step, torch.stack(recent).mean().item()])
                recent = []
                if not math.isfinite(self.losses[-1][1]):
                    raise FloatingPointError(f"The loss is {self.losses[-1][1]} at step {self.step}. Delete {self.folder} "
                                             "and start again with a lower --learning-rate.")
                if time.time() - shown > 10 and self.rank == 0:
                    shown = time.time()
                    left = (time.time() - begun) / (self.step - first) * (self.steps - self.step)
                    print(f"{self.folder.name}: step {self.step}/{self.steps}, loss {self.losses[-1][1]:.4f}, "
                          f"about {left / 60:.1f} min left", flush=True)
            if self.step % self.save_every == 0:
                self.seconds, started = self.seconds + time.time() - started, time.time()
                self._save()
            if check and check_every and self.step % check_every == 0 and check(self.step):
                break
            if max_seconds and self._any(time.time() - begun > max_seconds):
                break
        self.seconds += time.time() - started
        if self.rank:
            raise SystemExit  # Evaluating and saving the result is the first process's work.
        self._save()
        self._plot()

    def _save(self) -> None:
        if self.rank:
            return
        tensors = {f"module.{name}": value for name, value in self.module.state_dict().items()}
        tensors |= {f"average.{name}": value for name, value in self.average.state_dict().items()}
        for index, state in self.optimizer.state_dict()["state"].items():
            tensors |= {f"optimizer.{index}.{name}": value for name, value in state.items()}
        temporary = self.folder / "state.safetensors.part"
        save_file({name: value.detach().cpu().contiguous().clone() for name, value in tensors.items()}, temporary)
        os.replace(temporary, self.folder / "state.safetensors")
        write_json(self.folder / "run.json", {"step": self.step, "seconds": self.seconds, "losses": self.losses})

    def _load(self) -> None:
        run = json.loads((self.folder / "run.json").read_text())
        self.step, self.seconds, self.losses = run["step"], run["seconds"], run["losses"]
        tensors = load_file(self.folder / "state.safetensors")

        def part(prefix: str) -> dict[str, Tensor]:
            return {name[len(prefix):]: value for name, value in tensors.items() if name.startswith(prefix)}

        self.module.load_state_dict(part("module."))
        self.average.load_state_dict(part("average."))
        state = self.optimizer.state_dict()
        for name, value in part("optimizer.").items():
            index, key = name.split(".", 1)
            state["state"].setdefault(int(index), {})[key] = value
        self.optimizer.load_state_dict(state)
        print(f"{self.folder.name}: going on from step {self.step}", flush=True)

    def _plot(self) -> None:
        import matplotlib
        matplotlib.use("Agg")
        from matplotlib import pyplot

        figure, axes = pyplot.subplots(figsize=(6, 3.5))
        axes.plot(*zip(*self.losses)) if self.losses else None
        axes.set(title=self.folder.name, xlabel="step", ylabel="loss", yscale="log")
        figure.tight_layout()
        figure.savefig(self.folder / "loss.png")
        pyplot.close(figure)
