"""Custom nodes for the tests: a MODEL and a VAE that fail after so many samplings or decodings."""

from __future__ import annotations

import copy

import comfy.model_management
import torch
from comfy.patcher_extension import WrappersMP
from comfy_api.latest import ComfyExtension, io

KINDS = ["out of memory", "foreign patch", "cancelled", "nan", "infinite", "black"]


def _fail(kind: str, healthy: torch.Tensor) -> torch.Tensor:
    if kind == "out of memory":
        raise comfy.model_management.OOM_EXCEPTION("no memory left on the device")
    if kind == "foreign patch":
        raise AttributeError("'Patch' object has no attribute 'weight' \ud83d")
    if kind == "cancelled":
        raise comfy.model_management.InterruptProcessingException
    value = {"nan": torch.nan, "infinite": torch.inf, "black": 0.0}[kind]
    return torch.full_like(healthy, value)


class XLARDTestFailingModel(io.ComfyNode):
    """Passes on a MODEL that fails in each sampling after the first ``spared``."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="XLARDTestFailingModel",
            inputs=[
                io.Model.Input("model"),
                io.Int.Input("spared", min=0),
                io.Combo.Input("kind", options=KINDS),
                io.Int.Input("run", default=0, min=0),
            ],
            outputs=[io.Model.Output("failing")],
        )

    @classmethod
    def execute(cls, model, spared: int, kind: str, run: int = 0) -> io.NodeOutput:
        left = [spared]

        def sample(executor, *arguments, **options):
            samples = executor(*arguments, **options)
            left[0] -= 1
            return samples if left[0] >= 0 else _fail(kind, samples)

        failing = model.clone()
        failing.add_wrapper(WrappersMP.OUTER_SAMPLE, sample)
        return io.NodeOutput(failing)


class XLARDTestFailingVae(io.ComfyNode):
    """Passes on a VAE that fails in each decoding after the first ``spared``."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="XLARDTestFailingVae",
            inputs=[
                io.Vae.Input("vae"),
                io.Int.Input("spared", min=0),
                io.Combo.Input("kind", options=KINDS),
                io.Int.Input("run", default=0, min=0),
            ],
            outputs=[io.Vae.Output("failing")],
        )

    @classmethod
    def execute(cls, vae, spared: int, kind: str, run: int = 0) -> io.NodeOutput:
        failing, left = copy.copy(vae), [spared]

        def decode(samples, *arguments, **options):
            images = vae.decode(samples, *arguments, **options)
            left[0] -= 1
            return images if left[0] >= 0 else _fail(kind, images)

        failing.decode = decode
        return io.NodeOutput(failing)


class FailingModels(ComfyExtension):
    """The nodes as an extension."""

    async def get_node_list(self) -> list[type[io.ComfyNode]]:
        """Both nodes."""
        return [XLARDTestFailingModel, XLARDTestFailingVae]


async def comfy_entrypoint() -> FailingModels:
    return FailingModels()
