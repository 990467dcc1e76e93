"""Tiny random image-text-to-text models of well-known families, saved as folders that look like the real ones.

Each has its family's own config class, processor and turn format, so that what works with them works with the real
models.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch

from tests.support.conversations import chatml, qwen_tokenizer, small_tokenizer, turns
from xlard.critics.boxes import FRACTIONS, PIXELS, THOUSANDTHS, Y_FIRST, BoxConvention

HIDDEN, LAYERS = 32, 2
_SEED = 7


@dataclass(frozen=True)
class Architecture:
    """A family by its ``model_type``, how it writes boxes, and what makes its model and processor."""

    model_type: str
    boxes: BoxConvention
    build: Callable[[], tuple]

    def save(self, folder: Path) -> Path:
        """Write the family's model, processor and chat template to a folder, and return it."""
        with torch.random.fork_rng():
            torch.manual_seed(_SEED)
            model, processor = self.build()
            _scatter(model)
        model.save_pretrained(folder)
        processor.save_pretrained(folder)
        return folder


def _scatter(model) -> None:
    """Weights as large as trained ones: with the usual initialisation, a picture would hardly change an answer."""
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.ndim > 1:
                embedded = "embed" in name and "proj" not in name
                parameter.normal_(0, 0.1 if embedded else 2 * parameter[0].numel() ** -0.5)


def _ends(tokenizer) -> dict:
    return dict(eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.pad_token_id)


def _text(tokenizer, **changes) -> dict:
    """A decoder's config."""
    return (
        dict(
            vocab_size=len(tokenizer),
            hidden_size=HIDDEN,
            intermediate_size=2 * HIDDEN,
            num_hidden_layers=LAYERS,
            num_attention_heads=4,
            num_key_value_heads=2,
            max_position_embeddings=4096,
            tie_word_embeddings=True,
            bos_token_id=tokenizer.bos_token_id,
            **_ends(tokenizer),
        )
        | changes
    )


def _vision(**changes) -> dict:
    """A vision tower's config."""
    return (
        dict(hidden_size=HIDDEN, intermediate_size=2 * HIDDEN, num_hidden_layers=LAYERS, num_attention_heads=4)
        | changes
    )


def _finished(model, tokenizer, **settings):
    """A model that ends its answers as its family does, with further settings for what it writes."""
    for name, value in {**_ends(tokenizer), **settings}.items():
        setattr(model.generation_config, name, value)
    return model


def _qwen2_5_vl():
    from transformers import (
        Qwen2_5_VLConfig,
        Qwen2_5_VLForConditionalGeneration,
        Qwen2_5_VLProcessor,
        Qwen2VLImageProcessor,
        Qwen2VLVideoProcessor,
    )

    tokenizer = qwen_tokenizer()
    sizes = {"min_pixels": 56 * 56, "max_pixels": 112 * 112}
    config = Qwen2_5_VLConfig(
        text_config=_text(tokenizer, rope_scaling={"type": "mrope", "mrope_section": [1, 1, 2]}),
        vision_config=dict(
            depth=LAYERS,
            hidden_size=HIDDEN,
            intermediate_size=2 * HIDDEN,
            num_heads=4,
            patch_size=14,
            out_hidden_size=HIDDEN,
            window_size=56,
            fullatt_block_indexes=[1],
        ),
        image_token_id=tokenizer.convert_tokens_to_ids("<|image_pad|>"),
        video_token_id=tokenizer.convert_tokens_to_ids("<|video_pad|>"),
        vision_start_token_id=tokenizer.convert_tokens_to_ids("<|vision_start|>"),
        vision_end_token_id=tokenizer.convert_tokens_to_ids("<|vision_end|>"),
        tie_word_embeddings=True,
    )
    processor = Qwen2_5_VLProcessor(
        Qwen2VLImageProcessor(**sizes),
        tokenizer,
        Qwen2VLVideoProcessor(**sizes),
        chat_template=chatml("<|vision_start|><|image_pad|><|vision_end|>"),
    )
    return _finished(Qwen2_5_VLForConditionalGeneration(config), tokenizer, repetition_penalty=1.05), processor


def _qwen3_vl():
    from transformers import (
        Qwen2VLImageProcessor,
        Qwen3VLConfig,
        Qwen3VLForConditionalGeneration,
        Qwen3VLProcessor,
        Qwen3VLVideoProcessor,
    )

    tokenizer = qwen_tokenizer()
    sizes = {"patch_size": 16, "min_pixels": 64 * 64, "max_pixels": 128 * 128}
    config = Qwen3VLConfig(
        text_config=_text(
            tokenizer,
            head_dim=8,
            rope_scaling={"rope_type": "default", "mrope_section": [2, 1, 1], "mrope_interleaved": True},
        ),
        vision_config=dict(
            depth=LAYERS,
            hidden_size=HIDDEN,
            intermediate_size=2 * HIDDEN,
            num_heads=4,
            patch_size=16,
            out_hidden_size=HIDDEN,
            num_position_embeddings=64,
            deepstack_visual_indexes=[0],
        ),
        image_token_id=tokenizer.convert_tokens_to_ids("<|image_pad|>"),
        video_token_id=tokenizer.convert_tokens_to_ids("<|video_pad|>"),
        vision_start_token_id=tokenizer.convert_tokens_to_ids("<|vision_start|>"),
        vision_end_token_id=tokenizer.convert_tokens_to_ids("<|vision_end|>"),
        tie_word_embeddings=True,
    )
    processor = Qwen3VLProcessor(
        Qwen2VLImageProcessor(**sizes),
        tokenizer,
        Qwen3VLVideoProcessor(**sizes),
        chat_template=chatml("<|vision_start|><|image_pad|><|vision_end|>"),
    )
    return _finished(Qwen3VLForConditionalGeneration(config), tokenizer), processor


_IDEFICS_TOKENS = (
    "<fake_token_around_image>",
    "<image>",
    "<global-img>",
    *(f"<row_{row}_col_{column}>" for row in range(1, 7) for column in range(1, 7)),
)
_IDEFICS_TURNS = turns(
    "",
    "<image>",
    "<end_of_utterance>\n",
    "Assistant:",
    "<|im_start|>",
    "message['role'] | capitalize",
    "{% if message['content'][0]['type'] == 'image' %}:{% else %}: {% endif %}",
)


def _idefics_parts(config_class) -> tuple:
    """Tokenizer, config and image processor of Idefics3 and SmolVLM, which split a picture into tiles of 56 pixels."""
    tokenizer = small_tokenizer("<|im_start|>", "<end_of_utterance>", "<|im_end|>", *_IDEFICS_TOKENS)
    config = config_class(
        text_config=_text(tokenizer, model_type="llama"),
        vision_config=_vision(image_size=56, patch_size=14),
        image_token_id=tokenizer.convert_tokens_to_ids("<image>"),
        scale_factor=2,
        tie_word_embeddings=True,
        pad_token_id=tokenizer.pad_token_id,
    )
    return tokenizer, config, {"size": {"longest_edge": 112}, "max_image_size": {"longest_edge": 56}}


def _idefics3():
    from transformers import Idefics3Config, Idefics3ForConditionalGeneration, Idefics3ImageProcessor, Idefics3Processor

    tokenizer, config, sizes = _idefics_parts(Idefics3Config)
    processor = Idefics3Processor(
        Idefics3ImageProcessor(**sizes), tokenizer, image_seq_len=4, chat_template=_IDEFICS_TURNS
    )
    return _finished(Idefics3ForConditionalGeneration(config), tokenizer), processor


def _smolvlm():
    from transformers import (
        SmolVLMConfig,
        SmolVLMForConditionalGeneration,
        SmolVLMImageProcessor,
        SmolVLMProcessor,
        SmolVLMVideoProcessor,
    )

    tokenizer, config, sizes = _idefics_parts(SmolVLMConfig)
    video = SmolVLMVideoProcessor(
        **sizes, video_sampling={"fps": 1, "max_frames": 2, "video_size": {"longest_edge": 56}}
    )
    processor = SmolVLMProcessor(
        SmolVLMImageProcessor(**sizes), tokenizer, video, image_seq_len=4, chat_template=_IDEFICS_TURNS
    )
    return _finished(SmolVLMForConditionalGeneration(config), tokenizer), processor


# A system message becomes the beginning of the first question, and other roles than these two are refused.
_GEMMA_TURNS = (
    "{{ bos_token }}{% set told = '' %}{% if messages[0]['role'] == 'system' %}{% set told ="
    " messages[0]['content'][0]['text'] + '\n\n' %}{% set messages = messages[1:] %}{% endif %}{% for message in"
    " messages %}{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}{{ raise_exception('user and assistant"
    " must take turns') }}{% endif %}<start_of_turn>{{ 'model' if message['role'] == 'assistant' else message['role']"
    " }}\n{{ told if loop.first else '' }}{% for part in message['content'] %}{% if part['type'] == 'image'"
    " %}<start_of_image>{% else %}{{ part['text'] | trim }}{% endif %}{% endfor %}<end_of_turn>\n{% endfor %}{% if"
    " add_generation_prompt %}<start_of_turn>model\n{% endif %}"
)


def _gemma3():
    from transformers import Gemma3Config, Gemma3ForConditionalGeneration, Gemma3ImageProcessor, Gemma3Processor

    tokenizer = small_tokenizer(
        "<bos>",
        "<eos>",
        "<pad>",
        "<start_of_turn>",
        "<end_of_turn>",
        begins=True,
        boi_token="<start_of_image>",
        eoi_token="<end_of_image>",
        image_token="<image_soft_token>",
    )
    config = Gemma3Config(
        # The window is shorter than any question, as it is for the real model with a large picture.
        text_config=_text(
            tokenizer,
            num_hidden_layers=3,
            head_dim=8,
            sliding_window=24,
            query_pre_attn_scalar=8,
            layer_types=["sliding_attention", "full_attention", "sliding_attention"],
        ),
        vision_config=_vision(image_size=56, patch_size=14),
        mm_tokens_per_image=4,
        boi_token_index=tokenizer.convert_tokens_to_ids("<start_of_image>"),
        eoi_token_index=tokenizer.convert_tokens_to_ids("<end_of_image>"),
        image_token_index=tokenizer.convert_tokens_to_ids("<image_soft_token>"),
    )
    processor = Gemma3Processor(
        Gemma3ImageProcessor(size={"height": 56, "width": 56}),
        tokenizer,
        chat_template=_GEMMA_TURNS,
        image_seq_length=4,
    )
    ends = [tokenizer.eos_token_id, tokenizer.convert_tokens_to_ids("<end_of_turn>")]
    return (
        _finished(
            Gemma3ForConditionalGeneration(config),
            tokenizer,
            eos_token_id=ends,
            cache_implementation="hybrid",
            do_sample=True,
            top_k=64,
            top_p=0.95,
        ),
        processor,
    )


def _internvl():
    from transformers import (
        GotOcr2ImageProcessor,
        InternVLConfig,
        InternVLForConditionalGeneration,
        InternVLProcessor,
        InternVLVideoProcessor,
    )

    tokenizer = qwen_tokenizer(
        start_image_token="<img>", end_image_token="</img>", context_image_token="<IMG_CONTEXT>", video_token="<video>"
    )
    config = InternVLConfig(
        text_config=_text(tokenizer, model_type="qwen2"),
        vision_config=_vision(image_size=[56, 56], patch_size=[14, 14]),
        image_token_id=tokenizer.convert_tokens_to_ids("<IMG_CONTEXT>"),
        image_seq_length=4,
        tie_word_embeddings=True,
    )
    size = {"height": 56, "width": 56}
    processor = InternVLProcessor(
        GotOcr2ImageProcessor(size=size, crop_to_patches=True, min_patches=1, max_patches=4),
        tokenizer,
        InternVLVideoProcessor(size=size),
        image_seq_length=4,
        chat_template=chatml("<IMG_CONTEXT>\n"),
    )
    return _finished(InternVLForConditionalGeneration(config), tokenizer), processor


def _llava_onevision():
    from transformers import (
        LlavaOnevisionConfig,
        LlavaOnevisionForConditionalGeneration,
        LlavaOnevisionImageProcessor,
        LlavaOnevisionProcessor,
        LlavaOnevisionVideoProcessor,
    )

    tokenizer = qwen_tokenizer("<image>", "<video>")
    pinpoints = [[56, 56], [56, 112], [112, 56], [112, 112]]
    config = LlavaOnevisionConfig(
        text_config=_text(tokenizer, model_type="qwen2"),
        vision_config=_vision(model_type="siglip_vision_model", image_size=56, patch_size=14, vision_use_head=False),
        image_token_index=tokenizer.convert_tokens_to_ids("<image>"),
        tie_word_embeddings=True,
        video_token_index=tokenizer.convert_tokens_to_ids("<video>"),
        image_grid_pinpoints=pinpoints,
    )
    size = {"height": 56, "width": 56}
    processor = LlavaOnevisionProcessor(
        LlavaOnevisionImageProcessor(size=size, image_grid_pinpoints=pinpoints),
        tokenizer,
        LlavaOnevisionVideoProcessor(size=size),
        num_image_tokens=16,
        vision_feature_select_strategy="full",
        chat_template=turns("<|im_start|>", "<image>\n", "<|im_end|>", "<|im_start|>assistant\n", separator="\n"),
    )
    return _finished(LlavaOnevisionForConditionalGeneration(config), tokenizer), processor


ARCHITECTURES = {
    each.model_type: each
    for each in (
        Architecture("qwen2_5_vl", PIXELS, _qwen2_5_vl),
        Architecture("qwen3_vl", THOUSANDTHS, _qwen3_vl),
        Architecture("idefics3", THOUSANDTHS, _idefics3),
        Architecture("smolvlm", THOUSANDTHS, _smolvlm),
        Architecture("gemma3", Y_FIRST, _gemma3),
        Architecture("internvl", THOUSANDTHS, _internvl),
        Architecture("llava_onevision", FRACTIONS, _llava_onevision),
    )
}
"""The families by model_type. SmolVLM's processor needs the package num2words."""
