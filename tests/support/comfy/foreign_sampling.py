"""Custom nodes for the tests: a guider and a sampler that are made unlike ComfyUI's own, and another checkpoint."""

from __future__ import annotations

import copy
from typing import Any

import comfy.latent_formats
import comfy.model_sampling
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


class _Walking:
    """What a sampler's function calls instead of ComfyUI's own: inside the mask it takes small steps of its own, each a
    call, and outside it puts the noisy latent back.
    """

    def __init__(self, guider: Any, noise: Tensor, latent: Tensor, mask: Tensor | None, walks: int, seed: int):
        self.inner_model, self._noise, self._latent, self._walks = guider, noise, latent, walks
        self._mask = None if mask is None else (mask > 0.5).float()
        self._generator = torch.Generator().manual_seed(seed)

    def __call__(self, noisy: Tensor, sigma: Tensor, denoise_mask: Tensor | None = None, **options: Any) -> Tensor:
        schedule, size = self.inner_model.inner_model.model_sampling, sigma.reshape(-1, *[1] * (noisy.ndim - 1))
        walked = noisy
        for _ in range(self._walks):
            walked = self._placed(schedule, walked, sigma)
            clean = self.inner_model(walked, sigma, **options)
            own = torch.randn(noisy.shape, generator=self._generator).to(noisy)
            walked = walked + 0.05 * (clean - walked) + 0.02 * size * own
        walked = self._placed(schedule, walked, sigma)
        clean = self.inner_model(walked, sigma, **options)
        clean = clean + (noisy - walked)
        return clean if self._mask is None else clean * self._mask + self._latent * (1 - self._mask)

    def _placed(self, schedule: Any, noisy: Tensor, sigma: Tensor) -> Tensor:
        if self._mask is None:
            return noisy
        known = schedule.noise_scaling(sigma.reshape(-1, *[1] * (noisy.ndim - 1)), self._noise, self._latent)
        return noisy * self._mask + known * (1 - self._mask)


def _two_stages(
    model: Any,
    noisy: Tensor,
    sigmas: Tensor,
    extra_args: dict | None = None,
    callback: Any = None,
    disable: bool | None = None,
    eta: float = 0.5,
    own_seed: int = -1,
) -> Tensor:
    """Two calls a step in double precision, and after each step noise from a generator of the sampler's own."""
    extra_args = extra_args or {}
    seed = extra_args.get("seed", 0) + 1 if own_seed < 0 else own_seed
    generator, kept = torch.Generator().manual_seed(seed), noisy.dtype
    schedule = model.inner_model.inner_model.model_sampling
    ones = noisy.new_ones([len(noisy)])
    noisy = noisy.double()
    for step in range(len(sigmas) - 1):
        now, later = sigmas[step], sigmas[step + 1]
        slope = (noisy - model(noisy.to(kept), now * ones, **extra_args)) / now
        if callback is not None:
            callback({"i": step, "denoised": (noisy - now * slope).to(kept), "x": noisy.to(kept), "sigma": now})
        if later == 0:
            return (noisy - now * slope).to(kept)
        middle = noisy + slope * (later - now) / 2
        slope = (middle - model(middle.to(kept), (now + later) / 2 * ones, **extra_args)) / ((now + later) / 2)
        lower = later * (1 - 0.1 * eta)
        # A flow's signal grows as its noise shrinks.
        signal = (1 - later) / (1 - lower) if isinstance(schedule, comfy.model_sampling.CONST) else 1.0
        own = torch.randn(noisy.shape, generator=generator).to(noisy)
        noisy = signal * (noisy + slope * (lower - now)) + (later**2 - (signal * lower) ** 2).clamp(min=0) ** 0.5 * own
    return noisy.to(kept)


class WalkingKSAMPLER(comfy.samplers.KSAMPLER):
    """ComfyUI's sampler of steps with another model to call, as packs for inpainting make it."""

    walks = 2

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
        model = _Walking(model_wrap, noise, latent_image, denoise_mask, self.walks, extra_args.get("seed", 0) + 2)
        schedule = model_wrap.inner_model.model_sampling
        noisy = schedule.noise_scaling(sigmas[0], noise, latent_image, self.max_denoise(model_wrap, sigmas))
        told = None
        if callback is not None:

            def told(step: dict) -> None:
                callback(step["i"], step["denoised"], step["x"], len(sigmas) - 1)

        options = {"extra_args": extra_args, "callback": told, "disable": disable_pbar, **self.extra_options}
        return schedule.inverse_noise_scaling(sigmas[-1], self.sampler_function(model, noisy, sigmas, **options))


class PackSampler(io.ComfyNode):
    """A SAMPLER as packs make them: two stages a step with noise of its own, and ``walks`` on the way to each."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="PackSampler",
            category="test",
            outputs=[io.Sampler.Output()],
            inputs=[io.Boolean.Input("walks"), io.Float.Input("eta"), io.Int.Input("own_seed", min=-1)],
        )

    @classmethod
    def execute(cls, walks: bool, eta: float, own_seed: int) -> io.NodeOutput:
        kind = WalkingKSAMPLER if walks else comfy.samplers.KSAMPLER
        return io.NodeOutput(kind(_two_stages, {"eta": eta, "own_seed": own_seed}))


class BrokenSampler(io.ComfyNode):
    """ComfyUI's SAMPLER of steps around a sampler's name instead of its function."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(node_id="BrokenSampler", category="test", outputs=[io.Sampler.Output()], inputs=[])

    @classmethod
    def execute(cls) -> io.NodeOutput:
        return io.NodeOutput(comfy.samplers.KSAMPLER("euler"))


GIVEN = {
    "nothing": lambda noisy: None,
    "a sparse tensor": lambda noisy: noisy.to_sparse(),
    "a tensor without values": lambda noisy: noisy.to("meta"),
}
"""What a sampler may give in place of latents."""


class OwnSampler(comfy.samplers.Sampler):
    """A sampler that is not made of steps, and gives nothing."""

    def sample(self, *arguments: Any, **keywords: Any) -> None:
        """Nothing."""


class ForgetfulSampler(io.ComfyNode):
    """A SAMPLER that gives no latents: ComfyUI's own kind, or one with a ``sample`` of its own."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="ForgetfulSampler",
            category="test",
            outputs=[io.Sampler.Output()],
            inputs=[io.Boolean.Input("own"), io.Combo.Input("gives", options=[*GIVEN])],
        )

    @classmethod
    def execute(cls, own: bool, gives: str) -> io.NodeOutput:
        steps = comfy.samplers.KSAMPLER(lambda model, noisy, *rest, **options: GIVEN[gives](noisy))
        return io.NodeOutput(OwnSampler() if own else steps)


class SpoilingSampler(io.ComfyNode):
    """Euler's SAMPLER, which leaves nothing of the sigmas that it ran through."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(node_id="SpoilingSampler", category="test", outputs=[io.Sampler.Output()], inputs=[])

    @classmethod
    def execute(cls) -> io.NodeOutput:
        euler = comfy.samplers.sampler_object("euler").sampler_function

        def steps(model: Any, noisy: Tensor, sigmas: Tensor, *arguments: Any, **keywords: Any) -> Tensor:
            drawn = euler(model, noisy, sigmas, *arguments, **keywords)
            sigmas.zero_()
            return drawn

        return io.NodeOutput(comfy.samplers.KSAMPLER(steps))


class EmptyHanded:
    """A guider that samples nothing."""

    def __init__(self, model: Any):
        self.model_patcher = model

    def sample(self, *arguments: Any, **keywords: Any) -> None:
        """Nothing."""


class EmptyHandedGuider(io.ComfyNode):
    """That guider."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="EmptyHandedGuider",
            category="test",
            outputs=[io.Guider.Output()],
            inputs=[io.Model.Input("model", optional=True)],
        )

    @classmethod
    def execute(cls, model: Any = None) -> io.NodeOutput:
        return io.NodeOutput(EmptyHanded(model))


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


class LatentsOfRounds(io.ComfyNode):
    """The latents of all rounds of the first picture of a loop as a batch."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="LatentsOfRounds",
            category="test",
            outputs=[io.Latent.Output()],
            inputs=[io.Custom("XLARD_STATE").Input("state")],
        )

    @classmethod
    def execute(cls, state: list) -> io.NodeOutput:
        return io.NodeOutput({"samples": torch.stack([round_.latent for round_ in state[0].rounds])})


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
        return [
            OpaqueGuider,
            TwoCallsSampler,
            BrokenSampler,
            ForgetfulSampler,
            SpoilingSampler,
            EmptyHandedGuider,
            OtherCheckpoint,
            OtherLatents,
            WideConditioning,
            PackSampler,
            LatentsOfRounds,
            GivenSigmas,
        ]


async def comfy_entrypoint() -> ForeignExtension:
    return ForeignExtension()
