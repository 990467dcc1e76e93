"""The demo world's diffusers folder as ComfyUI's own MODEL, CLIP and VAE."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

import comfy.clip_model
import comfy.latent_formats
import comfy.model_base
import comfy.model_management
import comfy.model_patcher
import comfy.sd
import comfy.sd1_clip
import comfy.supported_models_base
import comfy.utils
import folder_paths
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

PREVIEW_FACTORS = [
    [-0.0981, -0.0911, -0.0347],
    [-0.1978, -0.1835, -0.0606],
    [0.0854, 0.0733, 0.03],
    [0.0225, 0.0181, 0.0091],
]
"""Red, green and blue of each latent channel, for previews while sampling."""
PREVIEW_BIAS = [0.2084, 0.209, 0.2596]

MEND = "Install the pack again, or train the demo world with `python -m xlard.worlds.shapes train`."
_TAESD_WIDTH = 64


def load_demo_model(pipeline: Path) -> comfy.model_patcher.ModelPatcher:
    """ComfyUI's UNet with the weights of ``pipeline/unet``, as a flow model in fp32.

    Raises FileNotFoundError for a missing file, ValueError for a damaged one or another architecture.
    """
    folder = pipeline / "unet"
    config = _read_config(folder)
    unet_config = comfy_unet_config(config)
    names = comfy.utils.unet_to_diffusers(unet_config)
    path = folder / "diffusion_pytorch_model.safetensors"
    weights = {names.get(name, name): value for name, value in _read_weights(path).items()}
    model_config = _DemoModel(unet_config)
    model_config.latent_format.scale_factor = _read_config(pipeline / "vae").get("scaling_factor", 1.0)
    model_config.set_inference_dtype(torch.float32, None)
    memory = comfy.model_management
    offload = memory.unet_offload_device()
    model = model_config.get_model(weights, device=offload)
    _load(model.diffusion_model, weights, path)
    return comfy.model_patcher.ModelPatcher(model, load_device=memory.get_torch_device(), offload_device=offload)


def load_demo_clip(pipeline: Path) -> comfy.sd.CLIP:
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
    clip = comfy.sd.CLIP(
        _DemoClipTarget(pipeline / "tokenizer", config),
        embedding_directory=folder_paths.get_folder_paths("embeddings"),
        model_options={"dtype": torch.float32},
    )
    _load(clip.cond_stage_model.clip_l.transformer, weights, path)
    return clip


def load_demo_vae(pipeline: Path) -> comfy.sd.VAE:
    """ComfyUI's TAESD with the weights of the ``AutoencoderTiny`` in ``pipeline/vae``.

    Raises FileNotFoundError for a missing file, ValueError for a damaged one or one that is not 64 wide.
    """
    folder = pipeline / "vae"
    config = _read_config(folder)
    widths = {*config["encoder_block_out_channels"], *config["decoder_block_out_channels"]}
    if widths != {_TAESD_WIDTH}:
        raise ValueError(
            f"The autoencoder in {folder} is {sorted(widths)} wide; ComfyUI's TAESD is {_TAESD_WIDTH} "
            "wide. Pad it with zeros, or train one of that width."
        )
    path = folder / "diffusion_pytorch_model.safetensors"
    weights = {_taesd_name(name): value for name, value in _read_weights(path).items()}
    weights["vae_scale"], weights["vae_shift"] = torch.tensor(1.0), torch.tensor(0.0)
    vae = comfy.sd.VAE(sd=weights, dtype=torch.float32)
    _check_names(vae.first_stage_model, weights, path)
    return vae


def weight_files(pipeline: Path) -> list[Path]:
    """The files that the three models are read from."""
    return [
        pipeline / part / f"{name}.safetensors"
        for part, name in (
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
        "channel_mult": [width // channels[0] for width in channels],
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


class _DemoLatents(comfy.latent_formats.LatentFormat):
    def __init__(self):
        self.latent_rgb_factors = PREVIEW_FACTORS
        self.latent_rgb_factors_bias = PREVIEW_BIAS


class _DemoModel(comfy.supported_models_base.BASE):
    unet_extra_config = {}
    sampling_settings = {"shift": 1.0, "multiplier": 1000}
    latent_format = _DemoLatents

    def model_type(self, state_dict, prefix=""):
        return comfy.model_base.ModelType.FLOW


class _DemoTextModel(comfy.clip_model.CLIPTextModel):
    """ComfyUI's CLIP text model with a vocabulary of its own size."""

    def __init__(self, config_dict, dtype, device, operations):
        super().__init__(config_dict, dtype, device, operations)
        self.set_input_embeddings(
            operations.Embedding(config_dict["vocab_size"], config_dict["hidden_size"], dtype=dtype, device=device)
        )


class _DemoClipTarget:
    """What ``comfy.sd.CLIP`` builds: SD 1's classes, so that SD 1's LoRA keys fit, on our config and tokenizer."""

    def __init__(self, tokenizer: Path, config: dict):
        from transformers import PreTrainedTokenizerFast

        length = config["max_position_embeddings"]
        special = {"start": config["bos_token_id"], "end": config["eos_token_id"], "pad": config["pad_token_id"]}
        text_model = partial(
            comfy.sd1_clip.SDClipModel,
            max_length=length,
            textmodel_json_config=config,
            model_class=_DemoTextModel,
            special_tokens=special,
            return_projected_pooled=False,
        )
        words = partial(
            comfy.sd1_clip.SDTokenizer,
            tokenizer_path=str(tokenizer),
            max_length=length,
            embedding_size=config["hidden_size"],
            tokenizer_class=PreTrainedTokenizerFast,
        )
        self.params = {}
        self.clip = partial(comfy.sd1_clip.SD1ClipModel, clip_model=text_model)
        self.tokenizer = partial(comfy.sd1_clip.SD1Tokenizer, tokenizer=words)


def _read_config(folder: Path, name: str = "config.json") -> dict:
    path = folder / name
    if not path.is_file():
        raise FileNotFoundError(f"The demo world's file {path} is missing. {MEND}")
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except json.JSONDecodeError as error:
        raise ValueError(f"The demo world's file {path} is damaged ({error}). {MEND}") from error


def _read_weights(path: Path) -> dict[str, Tensor]:
    if not path.is_file():
        raise FileNotFoundError(f"The demo world's file {path} is missing. {MEND}")
    try:
        # Bundled weights may be in half precision; the models run in single.
        return {name: value.float() for name, value in load_file(path).items()}
    except SafetensorError as error:
        raise ValueError(f"The demo world's file {path} is damaged or cut short ({error}). {MEND}") from error


def _load(module: torch.nn.Module, weights: dict[str, Tensor], path: Path) -> None:
    _check_names(module, weights, path)
    module.load_state_dict(weights)


def _check_names(module: torch.nn.Module, weights: dict[str, Tensor], path: Path) -> None:
    differing = sorted(set(module.state_dict()) ^ set(weights))
    if differing:
        raise ValueError(
            f"The weights in {path} do not fit its config.json: {len(differing)} names differ, "
            f"first {differing[0]}. {MEND}"
        )


def _taesd_name(name: str) -> str:
    side, _, index, rest = name.split(".", 3)
    # ComfyUI's decoder begins with a clamp, which diffusers has outside of its layers.
    return f"taesd_{side}.{int(index) + (side == 'decoder')}.{rest}"


def _per_level(value, levels: int) -> list[int]:
    return list(value) if isinstance(value, (list, tuple)) else [value] * levels


def _has_attention(kind: str, direction: str) -> bool:
    if kind not in (f"CrossAttn{direction}Block2D", f"{direction}Block2D"):
        raise ValueError(
            f"ComfyUI's UNet has no {kind}; the demo world's UNet may have CrossAttn{direction}Block2D "
            f"and {direction}Block2D."
        )
    return kind.startswith("CrossAttn")
