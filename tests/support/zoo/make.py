"""Writes files of random weights with ComfyUI's own classes: ``python make.py COMFYUI ORDERS``, a JSON file with a list
of orders.

Runs in a process of its own, because ComfyUI can be imported only once and without this checkout on the path.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

comfyui, orders = sys.argv[1:3]
sys.argv = ["main.py", "--cpu"]
sys.path.insert(0, comfyui)

import comfy.options  # noqa: E402

comfy.options.enable_args_parsing()

import comfy.cldm.cldm  # noqa: E402
import comfy.ldm.models.autoencoder  # noqa: E402
import comfy.ldm.wan.vae  # noqa: E402
import comfy.model_detection  # noqa: E402
import comfy.ops  # noqa: E402
import comfy.sd1_clip  # noqa: E402
import comfy.taesd.taesd  # noqa: E402
import torch  # noqa: E402
from safetensors.torch import save_file  # noqa: E402

LORA_LAYERS, LORA_RANK = 12, 2
KL = {
    "double_z": True,
    "z_channels": 4,
    "resolution": 256,
    "in_channels": 3,
    "out_ch": 3,
    "ch": 128,
    "ch_mult": [1, 2, 4, 4],
    "num_res_blocks": 2,
    "attn_resolutions": [],
    "dropout": 0.0,
}

Weights = dict[str, torch.Tensor]


def model_config(order: dict):
    """ComfyUI's config object of a model; what it takes for granted is replaced by what is ordered."""
    config = comfy.model_detection.model_config_from_unet_config(order["model"], {})
    config.unet_config.update(order["narrow"])
    config.set_inference_dtype(torch.float32, None)
    return config


def model(order: dict) -> Weights:
    """Names and shapes of a model's weights, in a checkpoint those of its VAE and text encoder too."""
    network = model_config(order).get_model({}, device="meta").diffusion_model.state_dict()
    if not order["checkpoint"]:
        return network
    parts = {"first_stage_model": vae(order)}
    if order["vae"] == "kl4":
        text = comfy.sd1_clip.SDClipModel(device="meta", dtype=torch.float32, layer="last")
        parts["cond_stage_model"] = {
            name: value for name, value in text.state_dict().items() if name.startswith("transformer.text_model")
        }
    return {
        **{f"model.diffusion_model.{name}": value for name, value in network.items()},
        **{f"{part}.{name}": value for part, values in parts.items() for name, value in values.items()},
    }


def vae(order: dict) -> Weights:
    """A decoder: TAESD of some channels, Wan's at the least width, or the KL autoencoder of Stable Diffusion or Flux
    2.
    """
    kind = order["vae"]
    with torch.device("meta"):
        if kind == "kl4":
            module = comfy.ldm.models.autoencoder.AutoencoderKL(ddconfig=KL, embed_dim=4)
        elif kind == "kl128":
            module = comfy.ldm.models.autoencoder.AutoencoderKL(
                ddconfig={**KL, "z_channels": 32, "batch_norm_latent": True}, embed_dim=32
            )
        elif kind == "wan16":
            module = comfy.ldm.wan.vae.WanVAE(dim=8, z_dim=16)
        else:
            module = comfy.taesd.taesd.TAESD(latent_channels=int(kind.removeprefix("tiny")))
    return module.state_dict()


def lora(order: dict) -> Weights:
    """A LoRA on some of a model's matrices, in the format that every model knows."""
    matrices = {
        name: value.shape
        for name, value in model({**order, "checkpoint": False}).items()
        if value.ndim == 2 and name.endswith(".weight")
    }
    names = list(matrices)[:: max(1, len(matrices) // LORA_LAYERS)]
    weights = {}
    for name in names:
        outward, inward = matrices[name]
        key = f"diffusion_model.{name.removesuffix('.weight')}"
        weights |= {
            f"{key}.lora_up.weight": torch.empty(outward, LORA_RANK, device="meta"),
            f"{key}.lora_down.weight": torch.empty(LORA_RANK, inward, device="meta"),
        }
    return weights


def controlnet(order: dict) -> Weights:
    """A ControlNet for a UNet."""
    config = {
        **model_config(order).unet_config,
        "hint_channels": 3,
        "device": "meta",
        "operations": comfy.ops.disable_weight_init,
    }
    del config["out_channels"]
    return comfy.cldm.cldm.ControlNet(**config).state_dict()


def filled(shapes: Weights, dtype: torch.dtype) -> Weights:
    """Random values for shapes: matrices keep the size of what they multiply, norms scale by one, biases are small."""
    generator, weights = torch.Generator().manual_seed(0), {}
    for name, shape in shapes.items():
        if not shape.is_floating_point():
            continue
        values = torch.empty(shape.shape, dtype=torch.float32)
        if values.ndim >= 2 and not name.endswith("gamma"):
            values.normal_(0, max(1, values[0].numel()) ** -0.5, generator=generator)
        elif name.endswith((".bias", "shift")):
            values.normal_(0, 0.12, generator=generator)
        else:
            values.fill_(1.0)
        weights[name] = values.to(dtype).contiguous()
    return weights


for order in json.loads(Path(orders).read_text(encoding="utf-8")):
    path = Path(order["path"])
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(f".{os.getpid()}.part")
    weights = filled(globals()[order["kind"]](order), getattr(torch, order["dtype"]))
    save_file(weights, part, metadata={"zoo": json.dumps(order["narrow"])} if order["narrow"] else {})
    os.replace(part, path)
