"""Folders of small detectors and a small CLIP, as transformers saves them.

Their weights are random; the detectors' class heads are set.
"""

from __future__ import annotations

from pathlib import Path

import torch

from xlard.bench.geneval.classes import CLASSES

LABELS = dict(enumerate(CLASSES))


def box_detector(folder: Path, sees: str = "person", labels: dict[int, str] = LABELS) -> Path:
    """A detector of boxes whose head is set to call everything ``sees``, with a high score."""
    from transformers import YolosConfig, YolosForObjectDetection, YolosImageProcessor

    torch.manual_seed(0)
    model = YolosForObjectDetection(
        YolosConfig(
            hidden_size=32,
            num_hidden_layers=2,
            num_attention_heads=2,
            intermediate_size=32,
            image_size=[64, 64],
            patch_size=16,
            num_detection_tokens=3,
            id2label=labels,
            label2id={name: number for number, name in labels.items()},
        )
    )
    with torch.no_grad():
        last = model.class_labels_classifier.layers[-1]
        last.weight.zero_()
        last.bias.zero_()[next(number for number, name in labels.items() if name == sees)] = 20.0
    model.save_pretrained(folder)
    YolosImageProcessor(size={"height": 64, "width": 64}).save_pretrained(folder)
    return folder


def mask_detector(folder: Path, sees: str = "person") -> Path:
    """As ``box_detector``, with random masks."""
    from transformers import (
        Mask2FormerConfig,
        Mask2FormerForUniversalSegmentation,
        Mask2FormerImageProcessor,
        SwinConfig,
    )

    torch.manual_seed(0)
    backbone = SwinConfig(
        image_size=64,
        embed_dim=8,
        depths=[1, 1, 1, 1],
        num_heads=[1, 1, 2, 2],
        window_size=2,
        out_features=["stage1", "stage2", "stage3", "stage4"],
    )
    model = Mask2FormerForUniversalSegmentation(
        Mask2FormerConfig(
            backbone_config=backbone,
            feature_size=32,
            mask_feature_size=32,
            hidden_dim=32,
            encoder_feedforward_dim=16,
            encoder_layers=1,
            decoder_layers=2,
            num_attention_heads=2,
            dim_feedforward=16,
            num_queries=4,
            id2label=LABELS,
            label2id={name: number for number, name in LABELS.items()},
        )
    )
    with torch.no_grad():
        model.class_predictor.weight.zero_()
        model.class_predictor.bias.zero_()[CLASSES.index(sees)] = 20.0
    model.save_pretrained(folder)
    Mask2FormerImageProcessor(size={"height": 64, "width": 64}).save_pretrained(folder)
    return folder


def small_clip(folder: Path) -> Path:
    """A CLIP with a tokenizer of bytes."""
    import transformers as hf
    from tokenizers.pre_tokenizers import ByteLevel

    torch.manual_seed(0)
    letters = sorted(ByteLevel.alphabet())
    vocabulary = [*letters, *(f"{letter}</w>" for letter in letters), "<|startoftext|>", "<|endoftext|>"]
    sizes = {"hidden_size": 32, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}
    text = hf.CLIPTextConfig(
        vocab_size=len(vocabulary),
        max_position_embeddings=77,
        bos_token_id=len(vocabulary) - 2,
        eos_token_id=len(vocabulary) - 1,
        pad_token_id=len(vocabulary) - 1,
        **sizes,
    )
    hf.CLIPModel(
        hf.CLIPConfig(
            text_config=text.to_dict(),
            vision_config=hf.CLIPVisionConfig(image_size=32, patch_size=16, **sizes).to_dict(),
            projection_dim=16,
        )
    ).save_pretrained(folder)
    tokenizer = hf.CLIPTokenizer(vocab={token: number for number, token in enumerate(vocabulary)}, merges=[])
    hf.CLIPProcessor(
        hf.CLIPImageProcessor(size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32}), tokenizer
    ).save_pretrained(folder)
    return folder
