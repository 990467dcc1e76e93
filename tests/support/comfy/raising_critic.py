"""A custom node for the tests: a judge of another pack that raises or gives what no critic of ours does."""

from __future__ import annotations

from dataclasses import replace

import comfy.model_management
import numpy as np
from comfy_api.latest import ComfyExtension, io


class Mute(Exception):
    """Cannot say what it is."""

    def __str__(self) -> str:
        raise RuntimeError


class Garbled(Exception):
    """Says half of a character that is none of its arguments."""

    def __str__(self) -> str:
        return "half: \ud83d"


def _noted() -> Exception:
    error = ValueError("whole")
    # Python 3.11 has a method for it.
    error.__notes__ = ["half: \ud83d"]
    return error


ERRORS = {
    "KeyError": lambda: KeyError("label"),
    "cancelled": comfy.model_management.InterruptProcessingException,
    "mute": Mute,
    "garbled": Garbled,
    "noted": _noted,
    "stop": StopIteration,
}


GIVEN = {
    "numpy": lambda critique: replace(
        critique,
        verdicts=tuple(replace(v, passed=np.bool_(v.passed), score=np.float32(v.score)) for v in critique.verdicts),
    ),
    "text score": lambda critique: replace(critique, verdicts=tuple(replace(v, score="x") for v in critique.verdicts)),
    "nan box": lambda critique: replace(
        critique, detections=tuple(replace(seen, x=float("nan")) for seen in critique.detections)
    ),
    "nothing": lambda critique: None,
    "few": lambda critique: replace(critique, verdicts=()),
}
"""What it gives in place of a critique of the critic."""


class Raising:
    """Judges like a critic, so many times."""

    def __init__(self, critic, spared: int, kind: str):
        self.critic, self.spared, self.kind = critic, spared, kind

    def judge(self, images, claims):
        if not self.spared and self.kind in GIVEN:
            return [GIVEN[self.kind](critique) for critique in self.critic.judge(images, claims)]
        if not self.spared:
            raise ERRORS[self.kind]()
        self.spared -= 1
        return self.critic.judge(images, claims)


class XLARDTestRaisingCritic(io.ComfyNode):
    """Passes on a critic that raises an error, or gives something odd, after ``spared`` judgements."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="XLARDTestRaisingCritic",
            inputs=[
                io.Custom("XLARD_CRITIC").Input("critic"),
                io.Int.Input("spared", min=0),
                io.Combo.Input("kind", options=[*ERRORS, *GIVEN]),
                io.Int.Input("run", default=0),
            ],
            outputs=[io.Custom("XLARD_CRITIC").Output("raising")],
        )

    @classmethod
    def execute(cls, critic, spared: int, kind: str, run: int = 0) -> io.NodeOutput:
        return io.NodeOutput(Raising(critic, spared, kind))


class RaisingCritic(ComfyExtension):
    """The node as an extension."""

    async def get_node_list(self) -> list[type[io.ComfyNode]]:
        return [XLARDTestRaisingCritic]


async def comfy_entrypoint() -> RaisingCritic:
    return RaisingCritic()
