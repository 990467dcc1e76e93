"""Folders of tiny random object detectors, each made by its own classes of transformers, with a processor made here.

Grounding DINO knows its full stops by their number in BERT's vocabulary, so the tokenizers keep BERT's numbers.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch

SIDE = 64
LABELS = {0: "cat", 1: "dog", 2: "hot_dog", 3: "triangle"}
_WORDS = ("cat", "dog", "fire", "truck", "a", "photo", "of", "detect", "circle", "square", "triangle", "##s", ",")


def save(name: str, folder: Path) -> Path:
    """Write a detector of ``DETECTORS`` and its processor to a folder, and return it."""
    with torch.random.fork_rng():
        torch.manual_seed(3)
        model, processor = DETECTORS[name]()
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder


def sees_only(folder: Path, name: str, label: int) -> Path:
    """As ``save``, for a closed detector that calls everything by one of ``LABELS``, with a score of nearly 1."""
    with torch.random.fork_rng():
        torch.manual_seed(3)
        model, processor = DETECTORS[name]()
    with torch.no_grad():
        for layer in _class_heads(model):
            layer.weight.zero_()
            layer.bias.fill_(-20.0)[label] = 20.0
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder


def _class_heads(model) -> list:
    names = ("class_embed", "enc_score_head", "class_labels_classifier")
    return [
        module
        for name, module in model.named_modules()
        if any(part in name for part in names) and hasattr(module, "bias") and module.bias.shape[0] >= len(LABELS)
    ]


def bert_tokenizer():
    """BERT's tokenizer for a few words, with the numbers of its special tokens and full stop."""
    from transformers import BertTokenizer

    vocabulary = {f"[unused{number}]": number for number in range(1040)}
    for token, number in (("[PAD]", 0), ("[UNK]", 100), ("[CLS]", 101), ("[SEP]", 102), (".", 1012), ("?", 1029)):
        vocabulary[token] = vocabulary.pop(f"[unused{number}]")
    for number, word in enumerate(_WORDS, 200):
        vocabulary[word] = vocabulary.pop(f"[unused{number}]")
    return BertTokenizer(vocab=dict(sorted(vocabulary.items(), key=lambda item: item[1])))


def clip_tokenizer(length: int):
    """CLIP's tokenizer without merges: every letter is a token."""
    from tokenizers.pre_tokenizers import ByteLevel
    from transformers import CLIPTokenizer

    letters = sorted(ByteLevel.alphabet())
    tokens = [*letters, *(f"{letter}</w>" for letter in letters), "<|startoftext|>", "<|endoftext|>"]
    vocabulary = {token: number for number, token in enumerate(tokens)}
    return CLIPTokenizer(vocab=vocabulary, merges=[], model_max_length=length)


def _swin():
    from transformers import SwinConfig

    return SwinConfig(
        image_size=SIDE, embed_dim=8, depths=[1, 1, 1, 1], num_heads=[1, 1, 2, 2], window_size=2, out_indices=[2, 3, 4]
    )


def _grounding(config_class, model_class):
    from transformers import BertConfig, GroundingDinoImageProcessor, GroundingDinoProcessor

    tokenizer = bert_tokenizer()
    text = BertConfig(
        vocab_size=len(tokenizer), hidden_size=32, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32
    )
    config = config_class(
        backbone_config=_swin(),
        text_config=text,
        num_queries=6,
        encoder_layers=1,
        encoder_ffn_dim=32,
        encoder_attention_heads=2,
        decoder_layers=2,
        decoder_ffn_dim=32,
        decoder_attention_heads=2,
        d_model=32,
        max_text_len=64,
        disable_custom_kernels=True,
    )
    images = GroundingDinoImageProcessor(size={"shortest_edge": 2 * SIDE, "longest_edge": 4 * SIDE})
    return model_class(config), GroundingDinoProcessor(images, tokenizer)


def _grounding_dino():
    from transformers import GroundingDinoConfig, GroundingDinoForObjectDetection

    return _grounding(GroundingDinoConfig, GroundingDinoForObjectDetection)


def _mm_grounding_dino():
    from transformers import MMGroundingDinoConfig, MMGroundingDinoForObjectDetection

    return _grounding(MMGroundingDinoConfig, MMGroundingDinoForObjectDetection)


def _owlv2():
    from transformers import Owlv2Config, Owlv2ForObjectDetection, Owlv2ImageProcessor, Owlv2Processor

    tokenizer = clip_tokenizer(16)
    sizes = {"hidden_size": 32, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
    ends = {"bos_token_id": len(tokenizer) - 2, "eos_token_id": len(tokenizer) - 1, "pad_token_id": len(tokenizer) - 1}
    config = Owlv2Config(
        text_config={"vocab_size": len(tokenizer), **sizes, **ends},
        vision_config={"image_size": SIDE, "patch_size": 16, **sizes},
        projection_dim=32,
    )
    return Owlv2ForObjectDetection(config), Owlv2Processor(
        Owlv2ImageProcessor(size={"height": SIDE, "width": SIDE}), tokenizer
    )


def _omdet_turbo():
    from transformers import (
        CLIPTextConfig,
        DetrImageProcessor,
        OmDetTurboConfig,
        OmDetTurboForObjectDetection,
        OmDetTurboProcessor,
    )

    tokenizer = clip_tokenizer(77)
    text = CLIPTextConfig(
        vocab_size=len(tokenizer),
        hidden_size=64,
        intermediate_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        projection_dim=64,
        bos_token_id=len(tokenizer) - 2,
        eos_token_id=len(tokenizer) - 1,
        pad_token_id=len(tokenizer) - 1,
    )
    config = OmDetTurboConfig(
        text_config=text,
        backbone_config=_swin(),
        image_size=SIDE,
        apply_layernorm_after_vision_backbone=False,
        text_projection_in_dim=64,
        text_projection_out_dim=64,
        task_encoder_hidden_dim=64,
        class_embed_dim=64,
        num_queries=6,
        encoder_hidden_dim=32,
        vision_features_channels=[32, 32, 32],
        encoder_in_channels=[16, 32, 64],
        encoder_attention_heads=2,
        encoder_dim_feedforward=32,
        decoder_hidden_dim=32,
        decoder_num_heads=2,
        decoder_num_layers=2,
        decoder_dim_feedforward=32,
        disable_custom_kernels=True,
    )
    images = DetrImageProcessor(size={"height": SIDE, "width": SIDE}, do_pad=False)
    return OmDetTurboForObjectDetection(config), OmDetTurboProcessor(images, tokenizer)


def _labels() -> dict:
    return {"id2label": LABELS, "label2id": {name: number for number, name in LABELS.items()}}


def _rt_detr_sizes() -> dict:
    return dict(
        encoder_hidden_dim=32,
        encoder_in_channels=[16, 32, 64],
        encoder_ffn_dim=32,
        encoder_attention_heads=2,
        d_model=32,
        num_queries=6,
        decoder_in_channels=[32, 32, 32],
        decoder_ffn_dim=32,
        decoder_layers=2,
        decoder_attention_heads=2,
        num_denoising=0,
        **_labels(),
    )


def _rt_detr_images():
    from transformers import RTDetrImageProcessor

    return RTDetrImageProcessor(size={"height": SIDE, "width": SIDE})


def _rt_detr():
    from transformers import RTDetrConfig, RTDetrForObjectDetection, RTDetrResNetConfig

    backbone = RTDetrResNetConfig(
        embedding_size=8, hidden_sizes=[8, 16, 32, 64], depths=[1, 1, 1, 1], layer_type="basic", out_indices=[2, 3, 4]
    )
    return RTDetrForObjectDetection(RTDetrConfig(backbone_config=backbone, **_rt_detr_sizes())), _rt_detr_images()


def _d_fine():
    from transformers import DFineConfig, DFineForObjectDetection, HGNetV2Config

    backbone = HGNetV2Config(
        stem_channels=[3, 8, 8],
        stage_in_channels=[8, 8, 16, 32],
        stage_mid_channels=[8, 8, 8, 8],
        stage_out_channels=[8, 16, 32, 64],
        stage_num_blocks=[1, 1, 1, 1],
        stage_numb_of_layers=[1, 1, 1, 1],
        hidden_sizes=[8, 16, 32, 64],
        depths=[1, 1, 1, 1],
        embedding_size=8,
        out_indices=[2, 3, 4],
    )
    return DFineForObjectDetection(DFineConfig(backbone_config=backbone, **_rt_detr_sizes())), _rt_detr_images()


def _rf_detr():
    from transformers import RfDetrConfig, RfDetrDinov2Config, RfDetrForObjectDetection, RfDetrImageProcessor

    backbone = RfDetrDinov2Config(
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        image_size=SIDE,
        patch_size=16,
        num_windows=2,
        out_indices=[1, 2],
    )
    config = RfDetrConfig(
        backbone_config=backbone,
        d_model=32,
        decoder_layers=2,
        decoder_ffn_dim=32,
        decoder_self_attention_heads=2,
        decoder_cross_attention_heads=2,
        num_queries=6,
        group_detr=1,
        **_labels(),
    )
    return RfDetrForObjectDetection(config), RfDetrImageProcessor(size={"height": SIDE, "width": SIDE})


OPEN: dict[str, Callable[[], tuple]] = {
    "grounding-dino": _grounding_dino,
    "mm-grounding-dino": _mm_grounding_dino,
    "owlv2": _owlv2,
    "omdet-turbo": _omdet_turbo,
}
CLOSED: dict[str, Callable[[], tuple]] = {"rt_detr": _rt_detr, "d_fine": _d_fine, "rf_detr": _rf_detr}
DETECTORS = OPEN | CLOSED
"""What makes the model and the processor of each architecture."""
