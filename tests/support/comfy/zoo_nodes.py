"""Custom nodes for the tests: text encoders of any width, latents of any precision, and a look at noise levels.

Where a file says so, ComfyUI builds a model narrower than any that it detects: it reads off the weights what it can,
and takes the rest from the file's metadata instead of for granted.
"""

from __future__ import annotations

import hashlib
import json
import math
import sys
from importlib import import_module
from types import SimpleNamespace

import comfy.model_detection
import comfy.ops
import comfy.samplers
import comfy.sd
import torch
from comfy_api.latest import ComfyExtension, io
from safetensors import safe_open
from torch import nn

import nodes

VOCABULARY, INNER = 4096, 64

_detect, _load_clip = comfy.model_detection.detect_unet_config, comfy.sd.load_clip


def detect_unet_config(state_dict, key_prefix, metadata=None):
    """ComfyUI's own answer, and what the file's metadata adds to it."""
    config = _detect(state_dict, key_prefix, metadata=metadata)
    return config and {**config, **json.loads((metadata or {}).get("zoo", "{}"))}


def load_clip(ckpt_paths, model_options=None, **others):
    """ComfyUI's own, for Qwen3-VL 8B as narrow as the file's metadata says."""
    with safe_open(ckpt_paths[0], "pt") as file:
        narrow = json.loads((file.metadata() or {}).get("zoo", "{}"))
    if narrow:
        import_module("comfy.text_encoders.qwen3vl").QWEN3VL_VISION["qwen3vl_8b"] = narrow["sight"]
        model_options = {**(model_options or {}), "qwen3vl_8b_model_config": narrow["text"]}
    return _load_clip(ckpt_paths, model_options=model_options or {}, **others)


comfy.model_detection.detect_unet_config, comfy.sd.load_clip = detect_unet_config, load_clip

# They enlarge each picture to a megapixel, whose encoding takes all of a test's time: here to a sixteenth of that.
for _name in ("TextEncodeQwenImageEdit", "TextEncodeQwenImageEditPlus"):
    if _name in nodes.NODE_CLASS_MAPPINGS:
        _module = nodes.NODE_CLASS_MAPPINGS[_name].execute.__func__.__globals__
        _module["math"] = SimpleNamespace(sqrt=lambda value: math.sqrt(value) / 4)


def pack_module(name: str):
    """A module of the pack; ComfyUI imports a pack under its path."""
    pack = next(name for name in sys.modules if name.replace("\\", "/").endswith("custom_nodes/xlard"))
    return import_module(f"{pack}.{name}")


class Words:
    """A tokenizer: each word is a token, whose number follows from its letters."""

    def __init__(self, length: int, embedding_directory=None, tokenizer_data=None):
        self.length = length

    def tokenize_with_weights(self, text: str, return_word_ids: bool = False, images=(), **options) -> dict:
        """One batch of (token, weight); padded with token 0 to ``length``, or at least one token.

        A picture is a word, too, of its size and pixels.
        """
        seen = [f"{tuple(image.shape)} {image.mean():.6f}" for image in images]
        words = [*seen, *text.split()]
        ids = [1 + int(hashlib.sha256(word.encode()).hexdigest(), 16) % (VOCABULARY - 1) for word in words]
        ids += [0] * max(self.length - len(ids), 0 if ids else 1)
        return {"zoo": [[(token, 1.0) for token in ids]]}

    def state_dict(self) -> dict:
        """What ComfyUI saves of a tokenizer."""
        return {}


class Encoder(nn.Module):
    """Tokens to embeddings of a width, and a pooled one; every word tells on every token, as in a real encoder."""

    def __init__(self, width: int, pooled: int, masked: bool, layers: int, dtype=None, device=None, model_options=None):
        super().__init__()
        self.layers = layers
        operations, self.masked, self.dtypes = comfy.ops.manual_cast, masked, {dtype}
        with torch.random.fork_rng():
            torch.manual_seed(0)
            self.words = operations.Embedding(VOCABULARY, INNER, dtype=dtype, device=device)
            self.out = operations.Linear(INNER, width, dtype=dtype, device=device)
            self.pool = operations.Linear(INNER, max(pooled, 1), dtype=dtype, device=device)
            for weight in (self.words.weight, self.out.weight, self.pool.weight):
                nn.init.normal_(weight, 0, weight.shape[-1] ** -0.5 if weight is not self.words.weight else 1.0)
            nn.init.zeros_(self.out.bias), nn.init.zeros_(self.pool.bias)
        self.pooled = pooled

    def set_clip_options(self, options: dict) -> None:
        """There is only one layer to choose."""

    def reset_clip_options(self) -> None:
        """There is only one layer to choose."""

    def encode_token_weights(self, tokens: dict) -> tuple:
        """Embeddings (1, L, width), pooled (1, pooled) or None, and where asked for the mask of tokens and those of
        several layers, as HiDream reads them of Llama.
        """
        ids = torch.tensor([[token for token, _ in batch] for batch in tokens["zoo"]], device=self.words.weight.device)
        inner = self.words(ids, out_dtype=torch.float32)
        mean = inner.mean(dim=1)
        beside = {"attention_mask": torch.ones_like(ids)} if self.masked else {}
        embeddings = self.out(inner + mean[:, None])
        if self.layers:
            beside["conditioning_llama3"] = torch.stack([embeddings[0] * (1 + layer) for layer in range(self.layers)])[
                None
            ]
        return embeddings, self.pool(mean) if self.pooled else None, beside


class _Target:
    """What ComfyUI builds a CLIP of."""

    def __init__(self, width: int, pooled: int, length: int, layers: int):
        self.params = {"width": width, "pooled": pooled, "masked": length == 0, "layers": layers}
        self.clip = Encoder
        self.tokenizer = lambda embedding_directory=None, tokenizer_data=None: Words(length)


class ZooClip(io.ComfyNode):
    """A CLIP under ComfyUI's memory manager whose embeddings have the sizes of a family's; ``length`` 0: one for each
    word. With ``layers`` it gives embeddings of so many layers, too.
    """

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="ZooClip",
            category="test",
            outputs=[io.Clip.Output("clip")],
            inputs=[
                io.Int.Input(name, default=0, min=0, max=1 << 16) for name in ("width", "pooled", "length", "layers")
            ],
        )

    @classmethod
    def execute(cls, width: int, pooled: int, length: int, layers: int = 0) -> io.NodeOutput:
        return io.NodeOutput(
            comfy.sd.CLIP(_Target(width, pooled, length, layers), model_options={"dtype": torch.float32})
        )


class ZooLatentAs(io.ComfyNode):
    """A LATENT in another precision, filled with noise of a seed; seed 0 keeps its values."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="ZooLatentAs",
            category="test",
            outputs=[io.Latent.Output("as")],
            inputs=[io.Latent.Input("latent"), io.String.Input("dtype"), io.Int.Input("seed", default=0)],
        )

    @classmethod
    def execute(cls, latent: dict, dtype: str, seed: int) -> io.NodeOutput:
        samples = latent["samples"]
        if seed:
            samples = torch.randn(samples.shape, generator=torch.Generator().manual_seed(seed))
        return io.NodeOutput({**latent, "samples": samples.to(getattr(torch, dtype))})


class ZooHalfPrompt(io.ComfyNode):
    """A CONDITIONING whose embeddings are in fp16."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="ZooHalfPrompt",
            category="test",
            outputs=[io.Conditioning.Output("half")],
            inputs=[io.Conditioning.Input("conditioning")],
        )

    @classmethod
    def execute(cls, conditioning: list) -> io.NodeOutput:
        return io.NodeOutput([[embedding.half(), options] for embedding, options in conditioning])


class ZooWidth(io.ComfyNode):
    """The width of a CONDITIONING's embeddings."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="ZooWidth",
            category="test",
            outputs=[io.Int.Output("width")],
            inputs=[io.Conditioning.Input("conditioning")],
        )

    @classmethod
    def execute(cls, conditioning: list) -> io.NodeOutput:
        return io.NodeOutput(conditioning[0][0].shape[-1])


class ZooRounds(io.ComfyNode):
    """The latents of all rounds of the first picture of a loop as a batch, and where each was redrawn."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="ZooRounds",
            category="test",
            outputs=[io.Latent.Output("latents"), io.Latent.Output("regions")],
            inputs=[io.Custom("XLARD_STATE").Input("state")],
        )

    @classmethod
    def execute(cls, state: list) -> io.NodeOutput:
        rounds = state[0].rounds
        everywhere = torch.ones(rounds[0].latent.shape[-2:])
        regions = [everywhere if round_.region is None else round_.region.float() for round_ in rounds]
        return io.NodeOutput(
            {"samples": torch.stack([round_.latent for round_ in rounds])}, {"samples": torch.stack(regions)[:, None]}
        )


class ZooPictures(io.ComfyNode):
    """The pictures of all rounds of the first picture of a loop, as three channels of a LATENT, and as a MASK of their
    size where the last one was redrawn.
    """

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="ZooPictures",
            category="test",
            outputs=[io.Latent.Output("pictures"), io.Mask.Output("redrawn")],
            inputs=[io.Custom("XLARD_STATE").Input("state")],
        )

    @classmethod
    def execute(cls, state: list) -> io.NodeOutput:
        pictures = torch.stack([round_.image for round_ in state[0].rounds]).movedim(-1, 1)
        region = state[0].rounds[-1].region[None, None].float()
        redrawn = nn.functional.interpolate(region, pictures.shape[-2:], mode="nearest")[0]
        return io.NodeOutput({"samples": pictures}, redrawn)


class ZooAsLatent(io.ComfyNode):
    """Pictures as three channels of a LATENT, which keeps their values to the last bit."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="ZooAsLatent",
            category="test",
            outputs=[io.Latent.Output("values")],
            inputs=[io.Image.Input("image")],
        )

    @classmethod
    def execute(cls, image) -> io.NodeOutput:
        return io.NodeOutput({"samples": image.movedim(-1, 1)})


class ZooLevels(io.ComfyNode):
    """As JSON, for each step of a schedule: the pack's noise level, and how much noise and signal ComfyUI mixes at
    it.
    """

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="ZooLevels",
            category="test",
            is_output_node=True,
            outputs=[io.String.Output("levels")],
            inputs=[io.Model.Input("model"), io.String.Input("scheduler")],
        )

    @classmethod
    def execute(cls, model, scheduler: str) -> io.NodeOutput:
        sampling = model.get_model_object("model_sampling")
        sigmas = comfy.samplers.calculate_sigmas(sampling, scheduler, 8)
        levels = pack_module("nodes.comfy.compat.sampling").noise_levels(sampling, sigmas)
        one, none = torch.ones(1, 1), torch.zeros(1, 1)
        mixed = [
            [
                sampling.noise_scaling(sigma, noise.clone(), latent.clone()).item()
                for noise, latent in ((one, none), (none, one))
            ]
            for sigma in sigmas
        ]
        readings = {"levels": levels.tolist(), "mixed": mixed, "size": getattr(sampling, "sigma_data", 1.0)}
        return io.NodeOutput(json.dumps(readings), ui={"text": [json.dumps(readings)]})


SEEN: list[dict] = []
"""What watched models were given, a call each."""


def _shape(value) -> list:
    return [_shape(item) for item in value] if isinstance(value, list) else list(getattr(value, "shape", ()))


class ZooWatch(io.ComfyNode):
    """A MODEL of which each call is noted, from now on."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="ZooWatch",
            category="test",
            outputs=[io.Model.Output("watched")],
            inputs=[io.Model.Input("model")],
            not_idempotent=True,
        )

    @classmethod
    def execute(cls, model) -> io.NodeOutput:
        SEEN.clear()

        def noted(apply_model, options: dict):
            names = ("c_concat", "c_crossattn", "ref_latents", "image_cond", "guidance")
            given = {name: _shape(options["c"][name]) for name in names if options["c"].get(name) is not None}
            SEEN.append({"input": list(options["input"].shape), **given})
            return apply_model(options["input"], options["timestep"], **options["c"])

        clone = model.clone()
        clone.set_model_unet_function_wrapper(noted)
        return io.NodeOutput(clone)


class ZooSeen(io.ComfyNode):
    """As JSON, what watched models were given before a state was there."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="ZooSeen",
            category="test",
            is_output_node=True,
            outputs=[io.String.Output("seen")],
            inputs=[io.Custom("XLARD_STATE").Input("state")],
        )

    @classmethod
    def execute(cls, state: list) -> io.NodeOutput:
        return io.NodeOutput(json.dumps(SEEN), ui={"text": [json.dumps(SEEN)]})


class ZooExtension(ComfyExtension):
    """The nodes as an extension."""

    async def get_node_list(self) -> list[type[io.ComfyNode]]:
        return [
            ZooClip,
            ZooLatentAs,
            ZooHalfPrompt,
            ZooWidth,
            ZooRounds,
            ZooPictures,
            ZooAsLatent,
            ZooLevels,
            ZooWatch,
            ZooSeen,
        ]


async def comfy_entrypoint() -> ZooExtension:
    return ZooExtension()
