"""A file of Qwen3-VL with random weights at the least width, in the names and shapes of transformers' own model."""

from __future__ import annotations

import json
import os

import torch
from safetensors.torch import save_file

from tests.support.zoo.files import FOLDERS, zoo_folder

NAME = "qwen3vl-1.safetensors"
"""Another number for another content."""

_WIDTH, _INNER, _LAYERS, _HEAD = 64, 128, 4, 128
_SIGHT = {"hidden_size": 128, "intermediate_size": 256, "depth": 3, "deepstack_visual_indexes": [0, 1, 2]}


def encoder_file() -> str:
    """The name of the file, which is written when it is first wanted; ComfyUI takes it for the 8B one, by names and
    shapes.
    """
    path = zoo_folder() / FOLDERS["encoder"] / NAME
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(f".{os.getpid()}.part")
        # What ComfyUI would take for granted: see tests/support/comfy/zoo_nodes.py.
        narrow = {
            "text": {
                "hidden_size": _WIDTH,
                "intermediate_size": _INNER,
                "num_hidden_layers": _LAYERS,
                "num_attention_heads": 1,
                "num_key_value_heads": 1,
            },
            "sight": _SIGHT,
        }
        save_file(_weights(), part, metadata={"zoo": json.dumps(narrow)})
        os.replace(part, path)
    return path.name


def _weights() -> dict[str, torch.Tensor]:
    from transformers import Qwen3VLConfig, Qwen3VLForConditionalGeneration

    text = {
        "vocab_size": 151936,
        "hidden_size": _WIDTH,
        "intermediate_size": _INNER,
        "num_hidden_layers": _LAYERS,
        "num_attention_heads": 1,
        "num_key_value_heads": 1,
        "head_dim": _HEAD,
        "tie_word_embeddings": False,
    }
    sight = {
        **_SIGHT,
        "num_heads": 16,
        "patch_size": 16,
        "temporal_patch_size": 2,
        "spatial_merge_size": 2,
        "num_position_embeddings": 2304,
        "out_hidden_size": _WIDTH,
    }
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = Qwen3VLForConditionalGeneration(
            Qwen3VLConfig(text_config=text, vision_config=sight, tie_word_embeddings=False)
        )
    # Wide enough apart that what is seen tells on what is said.
    return {
        name: (value * 8 if value.ndim > 1 else value).to(torch.bfloat16).contiguous()
        for name, value in model.state_dict().items()
    }
