"""What the loop knows of a picture: its best version so far and the record of every round."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field, replace

from torch import Tensor

from ..claims import Claim
from ..critique import Critique
from ..edit import Edit
from ..editing.claims import edit_in
from ..file_keys import to_file
from .ground import without_ground
from .painted import Painted
from .preservation import Preserved, preserved

StepReward = tuple[float, float]
"""A noise level, and the reward in [0, 1] that the head expects of the x0 prediction there."""

SOURCE = "source"
"""The strategy of a first round that drew nothing: the picture is one that is edited."""


@dataclass(frozen=True, eq=False)
class Round:
    """One attempt: what was done, what it cost, what the critic said of the outcome.

    ``noise_level`` is where it started from (1 is a fresh draw); ``change`` is the corrector's norm(delta) / norm(z);
    ``latent`` is (C, h, w) and ``image`` (H, W, 3) in [0, 1], both on the CPU; ``predicted`` is the head's reward;
    ``region`` (h, w) is true where the latent was redrawn (None: everywhere), ``reason`` says why; ``prompt`` is the
    wording that it was drawn with, empty for the artist's own. A round that is ``alone`` shows a single object of the
    picture, was judged on the claims of that object, and is never the best. ``steps`` are the head's readings on the
    way, if it was asked. A ``stitched`` image has pixels that its latent was not decoded to: a part that was drawn
    enlarged, and around it those of an earlier picture.
    """

    strategy: str
    noise_level: float
    seed: int
    nfe: int
    seconds: float
    critic_calls: int
    critique: Critique
    latent: Tensor
    image: Tensor
    accepted: bool
    change: float = 0.0
    predicted: float | None = None
    attribution: Tensor | None = None
    reason: str = ""
    region: Tensor | None = None
    prompt: str = ""
    alone: bool = False
    steps: tuple[StepReward, ...] = ()
    stitched: bool = False

    @property
    def foreground(self) -> Critique:
        """The critique without the ground that its objects stand on: what strategies may move and redraw."""
        return without_ground(self.critique, (self.image.shape[0], self.image.shape[1]))

    @property
    def gains(self) -> list[float | None]:
        """What each of ``steps`` gained over the one before it, None for the first: the dense rewards of DenseGRPO."""
        rewards = [reward for _, reward in self.steps]
        return [None, *(after - before for before, after in zip(rewards, rewards[1:]))][: len(rewards)]


@dataclass
class LoopState:
    """A picture on its way through the loop; ``rounds[0]`` is the first, uncorrected picture, or the source of an edit.

    ``ended`` says why there are no more rounds, where the critic failed; else it is empty. ``notes`` are lines for
    people on what of the prompt became no claim. ``painted`` says where later rounds may change it, None: everywhere.
    """

    prompt: str
    claims: tuple[Claim, ...]
    rounds: list[Round] = field(default_factory=list)
    ended: str = ""
    notes: tuple[str, ...] = ()
    painted: Painted | None = None

    @property
    def first(self) -> Round:
        """The uncorrected picture."""
        return self.rounds[0]

    @property
    def edit(self) -> Edit | None:
        """What an instruction asks of the picture; None where it is drawn from a prompt."""
        return edit_in(self.claims)

    @property
    def title(self) -> str:
        """What was asked for: the prompt, or the instruction of an edit."""
        return self.prompt or (self.edit.instruction if self.edit else "(empty prompt)")

    @property
    def from_source(self) -> bool:
        """Whether the first picture is the source of an edit, which must stay outside of what the instruction may
        change.
        """
        return bool(self.rounds) and self.first.strategy == SOURCE

    @property
    def best(self) -> Round:
        """The last accepted round, which the critic scores highest."""
        return next(round_ for round_ in reversed(self.rounds) if round_.accepted)

    def within(self, nfe: int) -> LoopState:
        """The state when so many model calls had been spent: the rounds that fit, of which the first always does."""
        spent = itertools.accumulate(round_.nfe for round_ in self.rounds)
        fitting = [round_ for round_, so_far in zip(self.rounds, spent) if so_far <= nfe]
        return replace(self, rounds=fitting or self.rounds[:1])

    @property
    def passed(self) -> bool:
        """Whether every claim holds on the best picture."""
        return self.best.critique.passed

    @property
    def finished(self) -> bool:
        """Whether nothing is left to fix: every claim holds, or there is none."""
        return not self.claims or self.passed

    @property
    def nfe(self) -> int:
        """Model calls so far."""
        return sum(round_.nfe for round_ in self.rounds)

    @property
    def seconds(self) -> float:
        """Wall seconds so far."""
        return sum(round_.seconds for round_ in self.rounds)

    @property
    def critic_calls(self) -> int:
        """Pictures judged so far."""
        return sum(round_.critic_calls for round_ in self.rounds)

    def preserved(self, number: int) -> Preserved | None:
        """What round ``number`` kept of the best picture before it; None for the first, one without a verdict, and one
        that shows an object alone.
        """
        later = self.rounds[number]
        before = next((earlier for earlier in reversed(self.rounds[:number]) if earlier.accepted), None)
        if before is None or later.alone or before.critique.abstained or later.critique.abstained:
            return None
        return preserved(before.foreground, later.foreground, before.image, later.image)

    @property
    def prompts_tried(self) -> tuple[str, ...]:
        """The prompts other than the artist's own that it was drawn from, each once."""
        return tuple(dict.fromkeys(round_.prompt for round_ in self.rounds if round_.prompt and not round_.alone))

    @property
    def stalled(self) -> int:
        """Rounds of the whole picture since the last accepted one."""
        whole = (round_ for round_ in reversed(self.rounds) if not round_.alone)
        return next(count for count, round_ in enumerate(whole) if round_.accepted)

    def to_dict(self) -> dict:
        """The history as JSON-ready values, without pictures and latents."""
        return to_file(
            {
                "prompt": self.prompt,
                "instruction": self.edit.instruction if self.edit else "",
                "passed": self.passed,
                "nfe": self.nfe,
                "seconds": round(self.seconds, 3),
                "critic_calls": self.critic_calls,
                "best_round": self.rounds.index(self.best),
                "ended": self.ended,
                "notes": list(self.notes),
                "rounds": [
                    {
                        "strategy": r.strategy,
                        "noise_level": r.noise_level,
                        "seed": r.seed,
                        "nfe": r.nfe,
                        "seconds": round(r.seconds, 3),
                        "critic_calls": r.critic_calls,
                        "accepted": r.accepted,
                        "change": r.change,
                        "predicted": r.predicted,
                        "reason": r.reason,
                        "prompt": r.prompt,
                        "alone": r.alone,
                        "steps": [
                            {"noise_level": round(level, 4), "reward": reward, "gain": gain}
                            for (level, reward), gain in zip(r.steps, r.gains)
                        ],
                        "redrawn": 1.0 if r.region is None else round(r.region.float().mean().item(), 3),
                        "preservation": _in_numbers(self.preserved(number)),
                        "critique": r.critique.to_dict(),
                    }
                    for number, r in enumerate(self.rounds)
                ],
            }
        )


def _in_numbers(kept: Preserved | None) -> dict | None:
    return None if kept is None else {"right": kept.right, "kept": kept.kept, "outside": round(kept.outside, 4)}
