"""The checks of nodes/comfy/compat/editing.py, for compat_checks.py, which has the demo world's models."""

import copy
from collections.abc import Callable
from importlib import import_module
from types import SimpleNamespace
from typing import Any

import comfy.latent_formats
import comfy.model_base
import torch

import nodes as comfyui_nodes

_CORE = {
    "nodes_edit_model": ("ReferenceLatent",),
    "nodes_ip2p": ("InstructPixToPixConditioning",),
    "nodes_qwen": ("TextEncodeQwenImageEdit", "TextEncodeQwenImageEditPlus"),
    "nodes_flux": ("FluxGuidance",),
    "nodes_custom_sampler": ("DualCFGGuider",),
}
"""The nodes that a running server has, by where they lie."""


class _Seeing:
    """A CLIP that notes what it sees."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, list]] = []

    def tokenize(self, text: str, images: Any = (), **options: Any) -> str:
        self.seen.append((text, [tuple(image.shape) for image in images]))
        return text

    def encode_from_tokens_scheduled(self, tokens: str) -> list:
        return [[torch.ones(1, 2, 3), {}]]


def edit_checks(
    editing: Any, model: Any, clip: Any, vae: Any, draw: Callable[[Any], torch.Tensor]
) -> tuple[Callable[[], None], ...]:
    """The checks, on a MODEL, its CLIP and VAE; ``draw`` draws with a GUIDER."""
    for module, names in _CORE.items():
        found = import_module(f"comfy_extras.{module}")
        comfyui_nodes.NODE_CLASS_MAPPINGS.update({name: getattr(found, name) for name in names})
    prompt = clip.encode_from_tokens_scheduled(clip.tokenize("a red circle"))
    picture = torch.rand(1, 96, 96, 3)

    def of_class(name: str) -> SimpleNamespace:
        return SimpleNamespace(model=object.__new__(getattr(comfy.model_base, name)))

    def edit_models_are_told_apart() -> None:
        for name in ("Flux", "Omnigen2", "QwenImage"):
            assert editing.reads_references(of_class(name)) and not editing.reads_concat(of_class(name)), name
        for name in ("SD15_instructpix2pix", "HiDream"):
            assert editing.reads_concat(of_class(name)) and not editing.reads_references(of_class(name)), name
        assert not editing.reads_references(model) and not editing.reads_concat(model), "the demo model"
        assert editing.is_qwen_image(of_class("QwenImage")) and not editing.is_qwen_image(of_class("Flux"))
        assert editing.prompt_width(model) == prompt[0][0].shape[-1], editing.prompt_width(model)

    def edits_have_conditionings() -> None:
        samples = torch.ones(1, 4, 12, 12)
        ((_, shown),) = editing.with_reference(prompt, samples)
        assert shown["reference_latents"][0] is samples, shown.keys()
        positive, negative, latent = editing.with_concat(prompt, prompt, vae, picture)
        encoded = positive[0][1]["concat_latent_image"]
        assert encoded is negative[0][1]["concat_latent_image"] and encoded.shape == latent.shape == (1, 4, 12, 12)
        assert not latent.any(), "what is drawn from is not empty"
        assert editing.with_distilled_guidance(prompt, 2.5)[0][1]["guidance"] == 2.5

    def edits_are_seen_by_text_encoders() -> None:
        for newer, side in ((False, 1024), (True, 384)):
            seeing, tiny = _Seeing(), SimpleNamespace(encode=lambda image: torch.zeros(1, 4, 1, 1))
            ((_, beside),) = editing.encoded_with_picture(seeing, "make it blue", tiny, picture, newer)
            ((text, shapes),) = seeing.seen
            assert text.endswith("make it blue") and shapes == [(1, side, side, 3)], seeing.seen
            assert len(beside["reference_latents"]) == 1, beside.keys()

    def edits_have_two_guidances() -> None:
        empty = clip.encode_from_tokens_scheduled(clip.tokenize(""))
        both, one = (draw(editing.dual_guider(model, prompt, empty, empty, cfg, 1.5)) for cfg in (4.0, 0.0))
        assert both.shape == one.shape and not torch.equal(both, one)
        try:
            editing._ran("NoSuchNode")
        except ValueError as error:
            assert "has no node NoSuchNode" in str(error)
        else:
            raise AssertionError("a node that is missing is not named")

    def fill_models_are_told_apart() -> None:
        assert not editing.reads_mask(model), "the demo model"
        inpainting = model.clone()
        inpainting.model = copy.copy(model.model)
        inpainting.model.set_inpaint()
        assert editing.reads_mask(inpainting)
        # Kontext and FLUX read no other channels, Canny and Depth a picture, Fill a mask, too.
        latent_format = comfy.latent_formats.Flux()
        for channels, reads in ((16, False), (32, False), (96, True)):
            flux = of_class("Flux")
            flux.model.model_config = SimpleNamespace(unet_config={"in_channels": channels, "out_channels": 16})
            flux.model.latent_format = latent_format
            flux.get_model_object = lambda name: latent_format
            assert editing.reads_mask(flux) == reads, channels
        video = SimpleNamespace(get_model_object=lambda name: comfy.latent_formats.Wan21())
        assert not editing.reads_mask(video)

    def holes_have_conditionings() -> None:
        hole = torch.zeros(1, 96, 96)
        hole[:, :48] = 1
        positive, negative, latent = editing.with_hole(prompt, prompt, vae, picture, hole)
        for ((_, shown),) in (positive, negative):
            assert shown["concat_mask"].shape == (1, 1, 96, 96) and shown["concat_mask"].mean() == 0.5
            assert shown["concat_latent_image"].shape == (1, 4, 12, 12)
        assert latent["samples"].shape == (1, 4, 12, 12) and latent["noise_mask"].mean() == 0.5, latent.keys()

    return (
        edit_models_are_told_apart,
        edits_have_conditionings,
        edits_are_seen_by_text_encoders,
        edits_have_two_guidances,
        fill_models_are_told_apart,
        holes_have_conditionings,
    )
