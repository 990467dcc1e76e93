"""The demo world's diffusers folder as ComfyUI's own MODEL, CLIP and VAE."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import comfy.model_management
import comfy.model_patcher
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file
from torch import Tensor

from .compat.encoders import TAESD_SCALES, clip_text_encoder, flow_unet, tiny_vae, unet_names

FIX = "Install the pack again."
_AUTOENCODER_WEIGHT = re.compile(r"(en|de)coder\.layers\.\d+\..+")


def load_demo_model(pipeline: Path, autoencoder: Path | None = None) -> Any:
    """ComfyUI's UNet with the weights of ``pipeline/unet``, as a flow model in fp32.

    Its latents are those of the folder ``autoencoder``, which is ``pipeline/vae`` unless another one is given. Raises
    FileNotFoundError for a missing file, ValueError for a damaged one or another architecture.
    """
    folder = pipeline / "unet"
    config = _read_config(folder)
    unet_config = comfy_unet_config(config)
    names = unet_names(unet_config)
    path = folder / "diffusion_pytorch_model.safetensors"
    weights = {names.get(name, name): value for name, value in _read_weights(path).items()}
    autoencoder = autoencoder or pipeline / "vae"
    scale_factor = _read_config(autoencoder).get("scaling_factor", 1.0)
    factors = _preview_factors(autoencoder / "diffusion_pytorch_model.safetensors")
    model = flow_unet(unet_config, scale_factor, factors, weights)
    _load(model.diffusion_model, weights, path)
    memory = comfy.model_management
    return comfy.model_patcher.ModelPatcher(
        model, load_device=memory.get_torch_device(), offload_device=memory.unet_offload_device()
    )


def load_demo_clip(pipeline: Path) -> Any:
    """ComfyUI's CLIP with the word-level tokenizer and the text encoder of a pipeline folder.

    Raises FileNotFoundError for a missing file, ValueError for a damaged one or another architecture.
    """
    folder = pipeline / "text_encoder"
    config = _read_config(folder)
    _read_config(pipeline / "tokenizer", "tokenizer.json")
    path = folder / "model.safetensors"
    # transformers 5 dropped the prefix that ComfyUI and older files have.
    weights = {
        name if name.startswith("text_model.") else f"text_model.{name}": value
        for name, value in _read_weights(path).items()
        if not name.endswith("position_ids")
    }
    weights["text_projection.weight"] = torch.eye(config["hidden_size"])
    clip, text_encoder = clip_text_encoder(pipeline / "tokenizer", config)
    _load(text_encoder, weights, path)
    return clip


def load_demo_vae(pipeline: Path) -> Any:
    """ComfyUI's TAESD with the weights of the ``AutoencoderTiny`` in ``pipeline/vae``, of any width.

    Raises FileNotFoundError for a missing file, ValueError for a damaged one.
    """
    folder = pipeline / "vae"
    _read_config(folder)
    path = folder / "diffusion_pytorch_model.safetensors"
    read = _read_weights(path)
    if "decoder.layers.0.weight" not in read or not all(map(_AUTOENCODER_WEIGHT.fullmatch, read)):
        raise ValueError(f"The weights in {path} are not those of an AutoencoderTiny. {FIX}")
    weights = {_taesd_name(name): value for name, value in read.items()}
    vae, taesd = tiny_vae(weights)
    _check_names(taesd, {*weights, *TAESD_SCALES}, path)
    return vae


def weight_files(pipeline: Path) -> list[Path]:
    """The files that the models of a folder are read from, whether or not they are there."""
    return [
        pipeline / folder / f"{name}.safetensors"
        for folder, name in (
            ("unet", "diffusion_pytorch_model"),
            ("text_encoder", "model"),
            ("vae", "diffusion_pytorch_model"),
        )
    ]


def comfy_unet_config(config: dict) -> dict:
    """ComfyUI's ``unet_config`` for a diffusers ``UNet2DConditionModel`` config.

    Raises ValueError for what ComfyUI's UNet cannot express.
    """
    channels, levels = config["block_out_channels"], len(config["block_out_channels"])
    layers, depths = (
        _per_level(config["layers_per_block"], levels),
        _per_level(config["transformer_layers_per_block"], levels),
    )
    # diffusers' attention_head_dim is the number of heads unless num_attention_heads is set.
    heads = _per_level(config["num_attention_heads"] or config["attention_head_dim"], levels)
    down = [depth * _has_attention(kind, "Down") for kind, depth in zip(config["down_block_types"], depths)]
    up = [depth * _has_attention(kind, "Up") for kind, depth in zip(reversed(config["up_block_types"]), depths)]
    widths = {width / count for width, count, used in zip(channels, heads, map(max, down, up)) if used}
    if len(widths | {channels[-1] / heads[-1]}) > 1:
        raise ValueError(
            f"This UNet's attention heads are {sorted(widths)} channels wide; ComfyUI's UNet has one "
            "width at all levels. Choose attention_head_dim in proportion to block_out_channels."
        )
    return {
        "image_size": config["sample_size"],
        "in_channels": config["in_channels"],
        "out_channels": config["out_channels"],
        "model_channels": channels[0],
        "channel_mult": [width / channels[0] for width in channels],
        "num_res_blocks": layers,
        "transformer_depth": [depth for depth, count in zip(down, layers) for _ in range(count)],
        "transformer_depth_output": [depth for depth, count in zip(up, layers) for _ in range(count + 1)],
        "transformer_depth_middle": depths[-1],
        "num_heads": -1,
        "num_head_channels": channels[-1] // heads[-1],
        "use_spatial_transformer": True,
        "use_linear_in_transformer": config["use_linear_projection"],
        "context_dim": config["cross_attention_dim"],
        "legacy": False,
    }


def _read_config(folder: Path, name: str = "config.json") -> dict:
    path = folder / name
    if not path.is_file():
        raise FileNotFoundError(f"The demo world's file {path} is missing. {FIX}")
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except json.JSONDecodeError as error:
        raise ValueError(f"The demo world's file {path} is damaged ({error}). {FIX}") from error


def _read_weights(path: Path) -> dict[str, Tensor]:
    if not path.is_file():
        raise FileNotFoundError(f"The demo world's file {path} is missing. {FIX}")
    try:
        # Bundled weights may be in half precision; the models run in single.
        return {name: value.float() for name, value in load_file(path).items()}
    except SafetensorError as error:
        raise ValueError(f"The demo world's file {path} is damaged or cut short ({error}). {FIX}") from error


def _preview_factors(path: Path) -> list[list[float]] | None:
    """Red, green and blue of each latent channel, and last of the constant, from the figures of an autoencoder.

    None for an autoencoder without figures: there are no previews then.
    """
    if not path.is_file():
        raise FileNotFoundError(f"The demo world's file {path} is missing. {FIX}")
    try:
        with safe_open(path, framework="pt") as file:
            figures = json.loads((file.metadata() or {}).get("figures", "{}"))
    except (SafetensorError, json.JSONDecodeError) as error:
        raise ValueError(f"The demo world's file {path} is damaged or cut short ({error}). {FIX}") from error
    return figures.get("preview_factors")


def _load(module: torch.nn.Module, weights: dict[str, Tensor], path: Path) -> None:
    _check_names(module, set(weights), path)
    module.load_state_dict(weights)


def _check_names(module: torch.nn.Module, names: set[str], path: Path) -> None:
    differing = sorted(set(module.state_dict()) ^ names)
    if differing:
        raise ValueError(
            f"The weights in {path} do not fit its config.json: {len(differing)} names differ, "
            f"first {differing[0]}. {FIX}"
        )


def _taesd_name(name: str) -> str:
    side, _, index, rest = name.split(".", 3)
    # ComfyUI's decoder begins with a clamp, which diffusers has outside of its layers.
    return f"taesd_{side}.{int(index) + (side == 'decoder')}.{rest}"


def _per_level(value: int | list[int] | tuple[int, ...], levels: int) -> list[int]:
    return list(value) if isinstance(value, (list, tuple)) else [value] * levels


def _has_attention(kind: str, direction: str) -> bool:
    if kind not in (f"CrossAttn{direction}Block2D", f"{direction}Block2D"):
        raise ValueError(
            f"ComfyUI's UNet has no {kind}; the demo world's UNet may have CrossAttn{direction}Block2D "
            f"and {direction}Block2D."
        )
    return kind.startswith("CrossAttn")
