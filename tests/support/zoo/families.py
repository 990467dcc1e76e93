"""The families of the zoo: which model of ComfyUI each is, and what its latents, prompts and pictures look like."""

from __future__ import annotations

from dataclasses import dataclass, field, replace


@dataclass(frozen=True)
class Family:
    """A family at one size.

    ``model`` is ComfyUI's own config of the diffusion model, as it reads it off a checkpoint. ``narrow`` is what it
    would not read off it, but take for granted, at a width that no published model of the family has; a file carries it
    along (see ``tests/support/comfy/zoo_nodes.py``). ``channels`` are the latent's, ``video`` whether it has a frame
    axis, ``vae`` the zoo's decoder for it (``kl4`` files are whole: they hold the text encoder too), ``width`` and
    ``pooled`` the prompt embedding's sizes (0 for no pooled one), ``length`` the tokens that a prompt is padded to (0:
    as many as it has), ``ratio`` the pixels of a picture to one of a latent, ``family_name`` what the pack calls it.
    ``checkpoint`` files hold the VAE too, those of ``eight_bits`` have their weights in fp8.
    """

    name: str
    family_name: str
    model: dict
    width: int
    channels: int = 16
    pooled: int = 0
    length: int = 0
    ratio: int = 8
    video: bool = False
    vae: str = "tiny16"
    checkpoint: bool = False
    eight_bits: bool = False
    narrow: dict = field(default_factory=dict)


def _unet(
    levels: int,
    blocks: int,
    depth: list[int],
    outward: list[int],
    middle: int,
    context: int,
    linear: bool,
    classes: int | None = None,
    widths: list[int] | None = None,
    inward: int = 4,
    width: int = 320,
) -> dict:
    """A UNet of Stable Diffusion with the same number of blocks at each level, ``inward`` channels at its input and
    ``width`` behind it.
    """
    classed = {} if classes is None else {"num_classes": "sequential"}
    return {
        "use_checkpoint": False,
        "image_size": 32,
        "use_spatial_transformer": True,
        "legacy": False,
        **classed,
        "adm_in_channels": classes,
        "in_channels": inward,
        "out_channels": 4,
        "model_channels": width,
        "num_res_blocks": [blocks] * levels,
        "transformer_depth": depth,
        "transformer_depth_output": outward,
        "channel_mult": widths or [1] * levels,
        "transformer_depth_middle": middle,
        "use_linear_in_transformer": linear,
        "context_dim": context,
        "use_temporal_resblock": False,
        "use_temporal_attention": False,
    }


def _sd3(depth: int, positions: int) -> dict:
    return {
        "in_channels": 16,
        "patch_size": 2,
        "out_channels": 16,
        "depth": depth,
        "input_size": None,
        "adm_in_channels": 2048,
        "context_embedder_config": {
            "target": "torch.nn.Linear",
            "params": {"in_features": 4096, "out_features": 64 * depth},
        },
        "num_patches": positions**2,
        "pos_embed_max_size": positions,
        "qk_norm": "rms",
        "pos_embed_scaling_factor": None,
        "x_block_self_attn_layers": [0],
    }


def _flux(width: int, double: int, single: int) -> dict:
    return {
        "image_model": "flux",
        "axes_dim": [16, 56, 56],
        "num_heads": width // 128,
        "mlp_ratio": 4.0,
        "theta": 10000,
        "out_channels": 16,
        "qkv_bias": True,
        "in_channels": 16,
        "hidden_size": width,
        "context_in_dim": 4096,
        "patch_size": 2,
        "vec_in_dim": 768,
        "depth": double,
        "depth_single_blocks": single,
        "guidance_embed": True,
    }


def _flux2(width: int, double: int, single: int, prompt: int = 15360, guidance: bool = True) -> dict:
    return {
        "image_model": "flux2",
        "axes_dim": [32, 32, 32, 32],
        "num_heads": width // 128,
        "mlp_ratio": 3.0,
        "theta": 2000,
        "out_channels": 128,
        "global_modulation": True,
        "vec_in_dim": None,
        "mlp_silu_act": True,
        "qkv_bias": False,
        "ops_bias": False,
        "default_ref_method": "index",
        "ref_index_scale": 10.0,
        "in_channels": 128,
        "hidden_size": width,
        "context_in_dim": prompt,
        "patch_size": 1,
        "depth": double,
        "depth_single_blocks": single,
        "guidance_embed": guidance,
    }


def _lumina(width: int, prompt: int, layers: int, heads: int, **others) -> dict:
    return {
        "image_model": "lumina2",
        "patch_size": 2,
        "in_channels": 16,
        "dim": width,
        "cap_feat_dim": prompt,
        "n_layers": layers,
        "qk_norm": True,
        "n_heads": heads,
        **others,
    }


_LUMINA = {
    "n_kv_heads": 8,
    "axes_dims": [32, 32, 32],
    "axes_lens": [300, 512, 512],
    "rope_theta": 10000.0,
    "ffn_dim_multiplier": 4.0,
}
_Z_IMAGE = {
    "n_kv_heads": 30,
    "axes_dims": [32, 48, 48],
    "axes_lens": [1536, 512, 512],
    "rope_theta": 256.0,
    "ffn_dim_multiplier": 8.0 / 3.0,
    "z_image_modulation": True,
    "time_scale": 1000.0,
    "pad_tokens_multiple": 32,
}


def _omnigen(width: int, layers: int, refiners: int, heads: int, groups: int) -> dict:
    return {
        "image_model": "omnigen2",
        "axes_dim_rope": [40, 40, 40],
        "axes_lens": [1024, 1664, 1664],
        "ffn_dim_multiplier": None,
        "hidden_size": width,
        "in_channels": 16,
        "multiple_of": 256,
        "norm_eps": 1e-05,
        "num_attention_heads": heads,
        "num_kv_heads": groups,
        "num_layers": layers,
        "num_refiner_layers": refiners,
        "out_channels": None,
        "patch_size": 2,
        "text_feat_dim": 2048,
        "timestep_scale": 1000.0,
    }


_WAN = {
    "image_model": "wan2.1",
    "dim": 128,
    "out_dim": 16,
    "num_heads": 1,
    "ffn_dim": 256,
    "num_layers": 1,
    "patch_size": (1, 2, 2),
    "freq_dim": 256,
    "window_size": (-1, -1),
    "qk_norm": True,
    "cross_attn_norm": True,
    "eps": 1e-6,
    "in_dim": 16,
    "model_type": "t2v",
}
_QWEN = {"image_model": "qwen_image", "in_channels": 64, "num_layers": 1}
_NARROW_LUMINA = {
    "n_heads": 1,
    "n_kv_heads": 1,
    "axes_dims": [32, 32, 32],
    "axes_lens": [300, 512, 512],
    "n_refiner_layers": 1,
}
_NARROW_OMNIGEN = {
    "hidden_size": 120,
    "num_attention_heads": 1,
    "num_kv_heads": 1,
    "num_layers": 1,
    "num_refiner_layers": 1,
}

SMALL = {
    family.name: family
    for family in (
        Family(
            "sd15",
            "SD15/SD15",
            _unet(1, 1, [1], [1, 1], 1, 768, False),
            768,
            4,
            length=77,
            vae="tiny4",
            checkpoint=True,
        ),
        Family(
            "sd2",
            "SD20/SD15",
            _unet(4, 2, [1] + [0] * 7, [1] + [0] * 11, 0, 1024, True),
            1024,
            4,
            length=77,
            vae="tiny4",
            checkpoint=True,
        ),
        Family(
            "sdxl",
            "SDXL/SDXL",
            _unet(3, 2, [0, 0, 2, 2, 10, 10], [0] * 9, -1, 2048, True, 2816),
            2048,
            4,
            pooled=1280,
            length=77,
            vae="tiny4",
            checkpoint=True,
        ),
        Family("sd3", "SD3/SD3", _sd3(2, 32), 4096, pooled=2048, length=154, checkpoint=True),
        Family("flux", "Flux/Flux", _flux(128, 1, 1), 4096, pooled=768, length=32, narrow={"num_heads": 1}),
        Family(
            "flux2",
            "Flux2/Flux2",
            _flux2(128, 1, 1),
            15360,
            128,
            length=32,
            ratio=16,
            vae="kl128",
            narrow={"num_heads": 1},
        ),
        Family("qwen", "QwenImage/Wan21", _QWEN, 3584, video=True, vae="wan16", narrow={"num_attention_heads": 1}),
        Family("lumina2", "Lumina2/Flux", _lumina(96, 2304, 1, 1), 2304, narrow=_NARROW_LUMINA),
        Family("omnigen2", "Omnigen2/Flux", _omnigen(2520, 32, 2, 21, 7), 2048, narrow=_NARROW_OMNIGEN),
        Family("wan", "WAN21/Wan21", _WAN, 4096, length=32, video=True, vae="wan16"),
    )
}
"""Every family at the least width: what ComfyUI detects by itself, or with what it takes for granted written into the
file.
"""

KLEIN = {
    family.name: family
    for family in (
        Family(
            "flux2_klein_4b",
            "Flux2Klein4B/Flux2",
            _flux2(128, 1, 1, 7680, False),
            7680,
            128,
            length=32,
            ratio=16,
            vae="kl128",
            narrow={"num_heads": 1},
        ),
        Family(
            "flux2_klein_9b",
            "Flux2Klein9B/Flux2",
            _flux2(128, 1, 1, 12288, False),
            12288,
            128,
            length=32,
            ratio=16,
            vae="kl128",
            narrow={"num_heads": 1},
        ),
    )
}
"""FLUX.2 with other text encoders, which it is told from by the prompts' width; else they are as it."""

HIDREAM = Family(
    "hidream",
    "HiDream/Flux",
    {"image_model": "hidream", "caption_channels": [4096, 4096], "in_channels": 16, "out_channels": 16, "patch_size": 2}
    | {"attention_head_dim": 128, "axes_dims_rope": [64, 32, 32], "max_resolution": [128, 128], "text_emb_dim": 2048}
    | {"num_attention_heads": 20, "num_routed_experts": 4, "num_activated_experts": 2, "num_layers": 16}
    | {"num_single_layers": 32, "llama_layers": [*range(31), *[31] * 17]},
    4096,
    pooled=2048,
    length=8,
    narrow={"num_attention_heads": 1, "num_layers": 1, "num_single_layers": 1, "llama_layers": [0, 1]},
)
"""HiDream, which draws, and edits a picture whose latent lies beside its own."""

REFINER = Family(
    "sdxl_refiner",
    "SDXLRefiner/SDXL",
    _unet(4, 2, [0, 0, 4, 4, 4, 4, 0, 0], [0] * 12, -1, 1280, True, 2560, width=384),
    1280,
    4,
    pooled=1280,
    length=77,
    vae="tiny4",
    checkpoint=True,
)
"""What takes over from SDXL for the last steps."""

IP2P = Family(
    "ip2p",
    "SD15_instructpix2pix/SD15",
    _unet(1, 1, [1], [1, 1], 1, 768, False, inward=8),
    768,
    4,
    length=77,
    vae="tiny4",
    checkpoint=True,
)
"""InstructPix2Pix: an SD 1.5 that reads a picture's latent beside its own."""

FILLING = {
    name: replace(SMALL[like], name=name, model={**SMALL[like].model, "in_channels": inward})
    for name, like, inward in (("flux_fill", "flux", 96), ("sd15_inpaint", "sd15", 9), ("sdxl_inpaint", "sdxl", 9))
}
"""Models for inpainting: beside their own channels they read a mask and the latent of what is left of a picture."""

PUBLISHED = {
    family.name: family
    for family in (
        Family(
            "sd15_full",
            "SD15/SD15",
            _unet(4, 2, [1, 1, 1, 1, 1, 1, 0, 0], [1] * 9 + [0] * 3, 1, 768, False, widths=[1, 2, 4, 4]),
            768,
            4,
            length=77,
            vae="kl4",
            checkpoint=True,
        ),
        Family("flux_full", "Flux/Flux", _flux(3072, 1, 1), 4096, pooled=768, length=32),
        Family("qwen_full", "QwenImage/Wan21", _QWEN, 3584, video=True, vae="wan16"),
        Family("lumina2_full", "Lumina2/Flux", _lumina(2304, 2304, 1, 24, **_LUMINA), 2304),
        Family("z_image_full", "ZImage/Flux", _lumina(3840, 2560, 1, 30, **_Z_IMAGE), 2560, eight_bits=True),
        Family(
            "omnigen2_full",
            "Omnigen2/Flux",
            _omnigen(2520, 32, 2, 21, 7),
            2048,
            eight_bits=True,
            narrow={"num_layers": 1},
        ),
    )
}
"""Families at the width of the published models and the least depth that ComfyUI detects, or takes for granted and is
told; too big for CI.
"""
