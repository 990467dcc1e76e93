"""The shipped workflows as files, and what loads their models."""

from __future__ import annotations

import json

from tests.support.paths import CHECKOUT

LOADERS = {
    "CheckpointLoaderSimple": {"ckpt_name": "checkpoints"},
    "UNETLoader": {"unet_name": "diffusion_models"},
    "CLIPLoader": {"clip_name": "text_encoders"},
    "DualCLIPLoader": {"clip_name1": "text_encoders", "clip_name2": "text_encoders"},
    "VAELoader": {"vae_name": "vae"},
    "LoraLoader": {"lora_name": "loras"},
    "LoraLoaderModelOnly": {"lora_name": "loras"},
}
"""ComfyUI's loaders of model files: their inputs, and the folder that each lists."""


def saved(name: str) -> dict:
    """A shipped workflow as the front end saved it."""
    return json.loads((CHECKOUT / "workflows" / f"{name}.json").read_text(encoding="utf-8"))
