"""Custom nodes for the tests: a critic, and a CLIP that writes, on a device whose memory does not suffice."""

from __future__ import annotations

import copy
import functools
import itertools

import torch
from comfy_api.latest import ComfyExtension, io

FULL = "CUDA out of memory. Tried to allocate 2.00 GiB.\nMore of it."


class XLARDTestTightCritic(io.ComfyNode):
    """Passes on a critic whose model runs out of memory with more than ``rows`` questions, after ``spared`` questions
    or batches of them.
    """

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="XLARDTestTightCritic",
            inputs=[
                io.Custom("XLARD_CRITIC").Input("critic"),
                io.Int.Input("rows", min=0),
                io.Int.Input("spared", default=0, min=0, optional=True),
            ],
            outputs=[io.Custom("XLARD_CRITIC").Output("tight")],
        )

    @classmethod
    def execute(cls, critic, rows: int, spared: int = 0) -> io.NodeOutput:
        backend = copy.copy(critic.backend)
        load, asked = backend.model, itertools.count()
        backend.model = lambda: load() if next(asked) < spared else limited(load(), rows)
        return io.NodeOutput(type(critic)(backend, critic.scoring))


class XLARDTestTightClip(io.ComfyNode):
    """Passes on a CLIP that runs out of memory as often as it is told to before it writes."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="XLARDTestTightClip",
            inputs=[io.Clip.Input("clip"), io.Int.Input("times", min=0)],
            outputs=[io.Clip.Output("tight")],
        )

    @classmethod
    def execute(cls, clip, times: int) -> io.NodeOutput:
        tight, failures = copy.copy(clip), iter(range(times))

        def generate(*arguments, **options):
            if next(failures, None) is not None:
                raise torch.OutOfMemoryError(FULL)
            return clip.generate(*arguments, **options)

        tight.generate = generate
        return io.NodeOutput(tight)


def limited(model, rows: int):
    """A copy of a model that refuses more than ``rows`` rows: the model itself serves other critics too."""
    model = copy.deepcopy(model)
    plain = model.forward

    @functools.wraps(plain)
    def forward(*arguments, **options):
        if len(options["input_ids"]) > rows:
            raise torch.OutOfMemoryError(FULL)
        return plain(*arguments, **options)

    model.forward = forward
    return model


class TightMemory(ComfyExtension):
    """The nodes as an extension."""

    async def get_node_list(self) -> list[type[io.ComfyNode]]:
        """Both nodes."""
        return [XLARDTestTightCritic, XLARDTestTightClip]


async def comfy_entrypoint() -> TightMemory:
    return TightMemory()
