"""Custom nodes for the tests: a guider and a sampler that are made unlike ComfyUI's own, and another checkpoint."""

from __future__ import annotations

import copy
from typing import Any

import comfy.latent_formats
import comfy.samplers
import torch
from comfy_api.latest import ComfyExtension, io
from torch import Tensor


class Opaque:
    """A guider that is no CFGGuider and makes one where it samples."""

    def __init__(self, model: Any, positive: list, negative: list, cfg: float):
        self.model_patcher, self._conditioning, self._cfg = model, (positive, negative), cfg

    def sample(self, *arguments: Any, **keywords: Any) -> Tensor:
        """As ``comfy.samplers.CFGGuider.sample``."""
        guider = comfy.samplers.CFGGuider(self.model_patcher)
        guider.set_conds(*self._conditioning)
        guider.set_cfg(self._cfg)
        return guider.sample(*arguments, **keywords)


class OpaqueGuider(io.ComfyNode):
    """That guider."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="OpaqueGuider",
            category="test",
            outputs=[io.Guider.Output()],
            inputs=[
                io.Model.Input("model"),
                io.Conditioning.Input("positive"),
                io.Conditioning.Input("negative"),
                io.Float.Input("cfg"),
            ],
        )

    @classmethod
    def execute(cls, model: Any, positive: list, negative: list, cfg: float) -> io.NodeOutput:
        return io.NodeOutput(Opaque(model, positive, negative, cfg))


class TwoCalls(comfy.samplers.Sampler):
    """Heun's method, written as a sampler of its own instead of as a function of steps."""

    def sample(
        self,
        model_wrap: Any,
        sigmas: Tensor,
        extra_args: dict,
        callback: Any,
        noise: Tensor,
        latent_image: Tensor | None = None,
        denoise_mask: Tensor | None = None,
        disable_pbar: bool = False,
    ) -> Tensor:
        """As ``comfy.samplers.KSAMPLER.sample``."""
        extra_args["denoise_mask"] = denoise_mask
        model = comfy.samplers.KSamplerX0Inpaint(model_wrap, sigmas)
        model.latent_image, model.noise = latent_image, noise
        schedule = model_wrap.inner_model.model_sampling
        noisy = schedule.noise_scaling(sigmas[0], noise, latent_image, self.max_denoise(model_wrap, sigmas))
        for step in range(len(sigmas) - 1):
            now, later = sigmas[step], sigmas[step + 1]
            slope = (noisy - model(noisy, now.expand(len(noisy)), **extra_args)) / now
            ahead = noisy + slope * (later - now)
            if later > 0:
                slope = (slope + (ahead - model(ahead, later.expand(len(noisy)), **extra_args)) / later) / 2
            noisy = noisy + slope * (later - now)
        return schedule.inverse_noise_scaling(sigmas[-1], noisy)


class TwoCallsSampler(io.ComfyNode):
    """That sampler."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(node_id="TwoCallsSampler", category="test", outputs=[io.Sampler.Output()], inputs=[])

    @classmethod
    def execute(cls) -> io.NodeOutput:
        return io.NodeOutput(TwoCalls())


class OtherCheckpoint(io.ComfyNode):
    """A MODEL of the same weights that ComfyUI takes for another checkpoint."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="OtherCheckpoint", category="test", outputs=[io.Model.Output()], inputs=[io.Model.Input("model")]
        )

    @classmethod
    def execute(cls, model: Any) -> io.NodeOutput:
        other = model.clone()
        other.model = copy.copy(model.model)
        return io.NodeOutput(other)


class OtherLatents(io.ComfyNode):
    """A MODEL whose latents ComfyUI takes for those of SD3."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="OtherLatents", category="test", outputs=[io.Model.Output()], inputs=[io.Model.Input("model")]
        )

    @classmethod
    def execute(cls, model: Any) -> io.NodeOutput:
        other = model.clone()
        other.add_object_patch("latent_format", comfy.latent_formats.SD3())
        return io.NodeOutput(other)


class WideConditioning(io.ComfyNode):
    """A CONDITIONING of prompts that are twice as wide."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="WideConditioning",
            category="test",
            outputs=[io.Conditioning.Output()],
            inputs=[io.Conditioning.Input("conditioning")],
        )

    @classmethod
    def execute(cls, conditioning: list) -> io.NodeOutput:
        return io.NodeOutput([[torch.cat([embedding] * 2, -1), beside] for embedding, beside in conditioning])


class GivenSigmas(io.ComfyNode):
    """SIGMAS as they are written."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="GivenSigmas", category="test", outputs=[io.Sigmas.Output()], inputs=[io.String.Input("values")]
        )

    @classmethod
    def execute(cls, values: str) -> io.NodeOutput:
        return io.NodeOutput(torch.tensor([float(value) for value in values.split()]))


class ForeignExtension(ComfyExtension):
    """The nodes as an extension."""

    async def get_node_list(self) -> list[type[io.ComfyNode]]:
        return [OpaqueGuider, TwoCallsSampler, OtherCheckpoint, OtherLatents, WideConditioning, GivenSigmas]


async def comfy_entrypoint() -> ForeignExtension:
    return ForeignExtension()
