"""Models for editing and for filling: what they read, and the conditioning that ComfyUI's own nodes make for them."""

from __future__ import annotations

from typing import Any

import comfy.model_base
import torch
from torch import Tensor

import nodes as comfyui_nodes


def reads_references(model: Any) -> bool:
    """Whether a MODEL reads reference latents beside its prompt, as FLUX, OmniGen2 and Qwen-Image do.

    Rests on ``extra_conds_shapes`` of ``comfy.model_base.BaseModel`` counting them: 0.3.44.
    """
    return bool(model.model.extra_conds_shapes(reference_latents=[torch.zeros(1, 16, 1, 1, 1)]))


def reads_concat(model: Any) -> bool:
    """Whether a MODEL reads a picture's latent beside its own channels or tokens, as InstructPix2Pix and HiDream do.

    Rests on ``comfy.model_base.IP2P``, always, and on ``HiDream``: 0.3.29.
    """
    hidream = getattr(comfy.model_base, "HiDream", ())
    return isinstance(model.model, comfy.model_base.IP2P) or isinstance(model.model, hidream)


def reads_mask(model: Any) -> bool:
    """Whether a MODEL of pictures reads a mask beside its own channels, as FLUX Fill and models for inpainting do.

    Rests on ``concat_cond`` of ``comfy.model_base.BaseModel`` and its ``concat_mask``, and on ``latent_dimensions`` of
    latent formats: 0.3.10.
    """
    latent_format = model.get_model_object("latent_format")
    if latent_format.latent_dimensions != 2:
        return False
    latent = torch.zeros(1, latent_format.latent_channels, 2, 2)
    kept, redrawn = (
        model.model.concat_cond(
            noise=latent,
            device=latent.device,
            concat_latent_image=latent,
            concat_mask=torch.full((1, 1, 16, 16), value),
        )
        for value in (0.0, 1.0)
    )
    return kept is not None and not torch.equal(kept, redrawn)


def is_qwen_image(model: Any) -> bool:
    """Whether a MODEL is a Qwen-Image. Rests on ``comfy.model_base.QwenImage``: 0.3.49."""
    return type(model.model).__name__ == "QwenImage"


def prompt_width(model: Any) -> int | None:
    """The width of the prompt embeddings that a MODEL reads; None where its config does not hold it.

    Rests on ``unet_config`` of ``model_config`` and its keys: always.
    """
    config = model.model.model_config.unet_config
    widths = (config.get(key) for key in ("context_in_dim", "context_dim", "text_feat_dim", "cap_feat_dim"))
    return next((width for width in widths if isinstance(width, int)), None)


def with_reference(conditioning: list, samples: Tensor) -> list:
    """A CONDITIONING with a latent as reference. Rests on the node ReferenceLatent: 0.3.41."""
    return _ran("ReferenceLatent", conditioning=conditioning, latent={"samples": samples})[0]


def with_concat(positive: list, negative: list, vae: Any, image: Tensor) -> tuple[list, list, Tensor]:
    """A positive and a negative CONDITIONING with a picture (1, H, W, 3) to concatenate, and the empty latent for it.

    Rests on the node InstructPixToPixConditioning: always.
    """
    positive, negative, latent = _ran(
        "InstructPixToPixConditioning", positive=positive, negative=negative, vae=vae, pixels=image
    )
    return positive, negative, latent["samples"]


def with_hole(positive: list, negative: list, vae: Any, image: Tensor, mask: Tensor) -> tuple[list, list, dict]:
    """A positive and a negative CONDITIONING with a picture (1, H, W, 3) and a mask (1, H, W) of what to redraw, and
    the LATENT to draw over, with a noise mask.

    Rests on the node InpaintModelConditioning: always.
    """
    positive, negative, latent = _ran(
        "InpaintModelConditioning",
        positive=positive,
        negative=negative,
        vae=vae,
        pixels=image,
        mask=mask,
        noise_mask=True,
    )
    return positive, negative, latent


def encoded_with_picture(clip: Any, text: str, vae: Any, image: Tensor, newer: bool) -> list:
    """A text, and a picture (1, H, W, 3) as the encoder of Qwen-Image-Edit sees it and as reference latent.

    ``newer`` models (2509 and later) see it smaller. Rests on the nodes TextEncodeQwenImageEdit, 0.3.51, and
    TextEncodeQwenImageEditPlus: 0.3.60.
    """
    if newer:
        return _ran("TextEncodeQwenImageEditPlus", clip=clip, prompt=text, vae=vae, image1=image)[0]
    return _ran("TextEncodeQwenImageEdit", clip=clip, prompt=text, vae=vae, image=image)[0]


def with_distilled_guidance(conditioning: list, guidance: float) -> list:
    """A CONDITIONING with the guidance of a distilled model; others do not read it. Rests on the node FluxGuidance:
    always.
    """
    return _ran("FluxGuidance", conditioning=conditioning, guidance=guidance)[0]


def dual_guider(model: Any, told: list, shown: list, nothing: list, cfg: float, image_cfg: float) -> Any:
    """A GUIDER with one strength for an instruction and one for the picture: what is ``told`` has both, what is
    ``shown`` the picture alone, and ``nothing`` neither.

    Rests on the node DualCFGGuider and its style regular, which is that of InstructPix2Pix: 0.3.44.
    """
    return _ran(
        "DualCFGGuider",
        model=model,
        cond1=told,
        cond2=shown,
        negative=nothing,
        cfg_conds=cfg,
        cfg_cond2_negative=image_cfg,
        style="regular",
    )[0]


def _ran(name: str, **inputs: Any) -> tuple:
    """What a node of ComfyUI's own puts out. Raises ValueError where this release lacks it.

    Rests on ``nodes.NODE_CLASS_MAPPINGS`` and ``FUNCTION``: always.
    """
    kind = comfyui_nodes.NODE_CLASS_MAPPINGS.get(name)
    if kind is None:
        raise ValueError(f"This ComfyUI has no node {name}, which this kind of model needs. Update ComfyUI.")
    # ComfyUI's newer kind of node is called as a class, the older one as an object.
    result = kind.execute(**inputs) if hasattr(kind, "define_schema") else getattr(kind(), kind.FUNCTION)(**inputs)
    return tuple(getattr(result, "result", None) or result)
