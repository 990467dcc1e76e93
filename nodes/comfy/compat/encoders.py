"""Text encoders that write, the names of tokens, VAEs, and models that are built from weights of our own."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import comfy.clip_model
import comfy.latent_formats
import comfy.model_base
import comfy.model_management
import comfy.sd
import comfy.sd1_clip
import comfy.supported_models_base
import comfy.taesd.taesd
import comfy.utils
import folder_paths
import torch
from torch import Tensor, nn


def can_write(clip: Any) -> bool:
    """Whether this ComfyUI can have text encoders write at all. Rests on ``CLIP.generate``: 0.15."""
    return hasattr(clip, "generate")


def encoder_writes(clip: Any) -> bool:
    """Whether ComfyUI has all of a CLIP's language model, and not only the layers that prompts need.

    Qwen2.5-VL lacks the tokens that end an answer and the layer that makes words (ComfyUI issues 15032 and 15047),
    MiniMax's Qwen3-VL its last layers. Rests on ``generate`` of the text encoder and of its ``transformer``, and on
    ``stop_tokens`` and ``final_norm`` of the network's config: 0.15.
    """
    network = _network(clip)
    config = getattr(getattr(network, "model", None), "config", None)
    return (
        hasattr(clip.cond_stage_model, "generate")
        and hasattr(network, "generate")
        and hasattr(config, "stop_tokens")
        and getattr(config, "final_norm", True)
    )


def encoder_sees(clip: Any) -> bool:
    """Whether a CLIP's text encoder takes pictures; without this attribute ComfyUI drops them and says nothing.

    Rests on ``preprocess_embed`` of its network: 0.3.51.
    """
    return hasattr(_network(clip), "preprocess_embed")


def thinks_first(clip: Any) -> bool:
    """Whether a text encoder begins with a thought unless an empty one is put there, as the large Gemma 4 do.

    Rests on ``prime_empty_thought`` of a tokenizer, which releases without Gemma 4 lack.
    """
    return any(getattr(tokenizer, "prime_empty_thought", False) for tokenizer in vars(clip.tokenizer).values())


def token_lists(tokens: dict) -> dict[str, list]:
    """What CLIP.tokenize returned by encoder, without the options that a tokenizer puts beside them for it."""
    return {encoder: batches for encoder, batches in tokens.items() if isinstance(batches, list)}


def tokens_with_picture(clip: Any, text: str, image: Tensor | None) -> dict:
    """Tokens of a whole conversation with at most one picture (1, H, W, 3).

    The encoders' templates are for drawing, so the text brings its turns along. Rests on ``image`` and
    ``skip_template`` of ``CLIP.tokenize``: 0.15.
    """
    return clip.tokenize(text, image=image, skip_template=True)


def holds_picture(tokens: dict) -> bool:
    """Whether a picture has a place among tokens. Rests on pictures being dicts there: 0.3.51."""
    return any(
        isinstance(token[0], dict) for batches in token_lists(tokens).values() for batch in batches for token in batch
    )


def weight_bytes(clip: Any) -> int:
    """Size of a CLIP's weights. Rests on ``CLIP.cond_stage_model``: always."""
    return sum(weight.numel() * weight.element_size() for weight in clip.cond_stage_model.parameters())


def written(clip: Any, tokens: dict, max_tokens: int, temperature: float, seed: int) -> tuple[str, bool, float | None]:
    """What a text encoder writes after tokens, whether it came to its end, and how sure it was.

    The last is the geometric mean of the words' probabilities at temperature 0, and None at another one; NaN if the
    model computed no numbers. Rests on ``CLIP.generate``, which stops after one of the config's ``stop_tokens``, and on
    ``CLIP.decode``: 0.15.
    """
    best: list[Tensor] = []

    def note(states: Tensor, logits: Tensor) -> None:
        best.append(logits[0, -1].float().log_softmax(dim=-1).max())

    with _watched(clip, note):
        ids = clip.generate(
            tokens, do_sample=temperature > 0, max_length=max_tokens, temperature=temperature, seed=seed, **_PLAIN
        )
    stop_tokens = getattr(getattr(getattr(_network(clip), "model", None), "config", None), "stop_tokens", ())
    sure = torch.stack(best).mean().exp().item() if best else None
    if temperature > 0 and sure is not None and not math.isnan(sure):
        sure = None
    return clip.decode(ids), len(ids) < max_tokens or ids[-1] in stop_tokens, sure


def tells_probabilities(clip: Any) -> bool:
    """Whether the scores of a text encoder's words can be had. Rests on ``logits`` of its network: 0.15."""
    return callable(getattr(_network(clip), "logits", None))


def logits_of_last(clip: Any, tokens: dict, count: int) -> Tensor | None:
    """The logits (count, V) that follow the last ``count`` tokens, of which none may be a picture.

    None if the release computes fewer. Rests on ``CLIP.generate`` calling ``logits`` of its network with the states of
    all tokens (B, L, D), and on that giving the logits of the last of them (B, 1, V): 0.15.
    """
    rows: list[Tensor] = []
    of_states = _network(clip).logits

    def note(states: Tensor, logits: Tensor) -> None:
        if not rows and states.shape[1] >= count:
            ends = range(states.shape[1] - count + 1, states.shape[1])
            rows.extend(of_states(states[:, :end])[0, -1] for end in ends)
            rows.append(logits[0, -1])

    with _watched(clip, note):
        clip.generate(tokens, do_sample=False, max_length=1, temperature=1.0, seed=0, **_PLAIN)
    return torch.stack(rows).float().cpu() if rows else None


_PLAIN = {"top_k": 0, "top_p": 1.0, "min_p": 0.0, "repetition_penalty": 1.0}
"""Settings of ``CLIP.generate`` that leave the model's probabilities as they are."""


@contextmanager
def _watched(clip: Any, note: Callable[[Tensor, Tensor], None]) -> Iterator[None]:
    """Has ``note`` called with what a text encoder computes for each word: states (B, L, D), logits (B, 1, V)."""
    network = _network(clip)
    of_states = getattr(network, "logits", None)
    if of_states is None:
        yield
        return

    def watching(states: Tensor) -> Tensor:
        logits = of_states(states)
        note(states, logits)
        return logits

    # Another pack may have put its own there.
    own = vars(network).get("logits")
    network.logits = watching
    try:
        yield
    finally:
        del network.logits
        if own is not None:
            network.logits = own


def token_name(clip: Any, encoder: str, token: object) -> str | None:
    """The text of a token; None for textual inversions and pictures, which stand among the tokens as they are.

    Rests on the tokenizers of ``CLIP.tokenizer`` being called as the encoders, or ``clip_`` and that, and on their
    ``untokenize``: always.
    """
    if not isinstance(token, int):
        return None
    tokenizer = getattr(clip.tokenizer, encoder, None) or getattr(clip.tokenizer, f"clip_{encoder}", clip.tokenizer)
    try:
        ((_, name),) = tokenizer.untokenize([(token, 1.0)])
    except KeyError:
        return ""
    return name


def vae_shape(vae: Any) -> tuple[int | None, bool]:
    """The channels of a VAE's latents, None if it does not tell, and whether it decodes videos.

    Rests on ``VAE.latent_channels`` and ``latent_dim``: always.
    """
    return getattr(vae, "latent_channels", None), getattr(vae, "latent_dim", 2) == 3


def unet_names(unet_config: dict) -> dict[str, str]:
    """ComfyUI's names of a UNet's weights by those of diffusers. Rests on ``comfy.utils.unet_to_diffusers``: always."""
    return comfy.utils.unet_to_diffusers(unet_config)


def flow_unet(
    unet_config: dict, scale_factor: float, preview_factors: list[list[float]] | None, weights: dict[str, Tensor]
) -> Any:
    """ComfyUI's base model around a UNet that predicts a flow, in fp32, on the offload device; loads no weights.

    ``preview_factors`` are red, green and blue of each latent channel, and last of the constant; None for no previews.
    A ``channel_mult`` may be a fraction. A UNet with twice as many channels at its input reads the latent of a picture
    that it edits beside its own, as InstructPix2Pix does. Rests on ``comfy.supported_models_base.BASE``, its
    ``get_model`` and ``inpaint_model``, on ``comfy.model_base.IP2P`` and ``comfy.latent_formats.LatentFormat``: always.
    """
    config = _DemoModel({**unet_config, "channel_mult": [_Multiple(value) for value in unet_config["channel_mult"]]})
    config.latent_format.scale_factor = scale_factor
    config.latent_format.latent_channels = unet_config["out_channels"]
    if preview_factors:
        *config.latent_format.latent_rgb_factors, config.latent_format.latent_rgb_factors_bias = preview_factors
    config.set_inference_dtype(torch.float32, None)
    device = comfy.model_management.unet_offload_device()
    if unet_config["in_channels"] == 2 * unet_config["out_channels"]:
        return _DemoEditModel(config, comfy.model_base.ModelType.FLOW, device=device)
    return config.get_model(weights, device=device)


def clip_text_encoder(tokenizer: Path, config: dict) -> tuple[Any, nn.Module]:
    """ComfyUI's CLIP for a folder's tokenizer and a text encoder of SD 1's kind, and the module that takes its weights.

    Rests on the constructor of ``comfy.sd.CLIP`` and on SD 1's classes in ``comfy.sd1_clip``: always.
    """
    clip = comfy.sd.CLIP(
        _ClipTarget(tokenizer, config),
        embedding_directory=folder_paths.get_folder_paths("embeddings"),
        model_options={"dtype": torch.float32},
    )
    return clip, clip.cond_stage_model.clip_l.transformer


TAESD_SCALES = ("vae_scale", "vae_shift")
"""Two weights of ComfyUI's TAESD beside those of its layers."""


def tiny_vae(weights: dict[str, Tensor]) -> tuple[Any, nn.Module]:
    """ComfyUI's VAE with the weights of a TAESD of any width, in fp32, and the module that holds them.

    ComfyUI builds it 64 wide. Padded with zeros a narrow one would compute the same, several times slower: its
    convolutions are cut to their width. Rests on ``comfy.sd.VAE`` knowing a TAESD by the names of its weights, and on
    ``comfy.taesd.taesd.TAESD``: always.
    """
    channels = weights["taesd_decoder.1.weight"].shape[1]
    wide = comfy.taesd.taesd.TAESD(latent_channels=channels).state_dict()
    unscaled = dict(zip(TAESD_SCALES, (torch.tensor(1.0), torch.tensor(0.0))))
    vae = comfy.sd.VAE(
        sd={**{name: torch.zeros_like(wide.get(name, value)) for name, value in weights.items()}, **unscaled},
        dtype=torch.float32,
    )
    for name, convolution in vae.first_stage_model.named_modules():
        weight, bias = weights.get(f"{name}.weight"), weights.get(f"{name}.bias")
        if weight is not None:
            convolution.out_channels, convolution.in_channels = weight.shape[:2]
            convolution.weight = nn.Parameter(weight, requires_grad=False)
            convolution.bias = None if bias is None else nn.Parameter(bias, requires_grad=False)
    return vae, vae.first_stage_model


class _Multiple(float):
    """How many times as many channels: ComfyUI multiplies, and needs a whole number of them."""

    def __mul__(self, channels: float) -> int:
        return round(float(self) * channels)

    __rmul__ = __mul__


class _DemoLatents(comfy.latent_formats.LatentFormat):
    """The demo world's latents; data sets keep this name."""


class _DemoModel(comfy.supported_models_base.BASE):
    unet_extra_config: dict = {}
    sampling_settings = {"shift": 1.0, "multiplier": 1000}
    latent_format = _DemoLatents

    def model_type(self, state_dict: dict, prefix: str = "") -> comfy.model_base.ModelType:
        return comfy.model_base.ModelType.FLOW

    def inpaint_model(self) -> bool:
        # ComfyUI takes more than four channels for an inpainting model's.
        return False


class _DemoEditModel(comfy.model_base.IP2P, comfy.model_base.BaseModel):
    """A flow model that reads a picture's latent, on the model's own scale, beside its own."""

    def process_ip2p_image_in(self, image: Tensor) -> Tensor:
        return self.process_latent_in(image)


class _TextModel(comfy.clip_model.CLIPTextModel):
    """ComfyUI's CLIP text model with a vocabulary of its own size."""

    def __init__(self, config_dict: dict, dtype: torch.dtype, device: torch.device, operations: Any):
        super().__init__(config_dict, dtype, device, operations)
        self.set_input_embeddings(
            operations.Embedding(config_dict["vocab_size"], config_dict["hidden_size"], dtype=dtype, device=device)
        )


class _ClipTarget:
    """What ``comfy.sd.CLIP`` builds: SD 1's classes, so that SD 1's LoRA keys fit, on our config and tokenizer."""

    def __init__(self, tokenizer: Path, config: dict):
        from transformers import PreTrainedTokenizerFast

        length = config["max_position_embeddings"]
        special = {"start": config["bos_token_id"], "end": config["eos_token_id"], "pad": config["pad_token_id"]}
        text_model = partial(
            comfy.sd1_clip.SDClipModel,
            max_length=length,
            textmodel_json_config=config,
            model_class=_TextModel,
            special_tokens=special,
            return_projected_pooled=False,
        )
        word_tokenizer = partial(
            comfy.sd1_clip.SDTokenizer,
            tokenizer_path=str(tokenizer),
            max_length=length,
            embedding_size=config["hidden_size"],
            tokenizer_class=PreTrainedTokenizerFast,
        )
        self.params: dict = {}
        self.clip = partial(comfy.sd1_clip.SD1ClipModel, clip_model=text_model)
        self.tokenizer = partial(comfy.sd1_clip.SD1Tokenizer, tokenizer=word_tokenizer)


def _network(clip: Any) -> Any:
    """The network inside ComfyUI's wrappers of a text encoder."""
    modules = clip.cond_stage_model.modules()
    return next((module.transformer for module in modules if hasattr(module, "transformer")), None)
