"""A world's critic: a small Qwen3-VL with its own word-level tokenizer, saved as an ordinary transformers folder."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..critics import questions
from ..critics.boxes import THOUSANDTHS
from ..detections import Detection
from ..english import NUMBER_WORDS, plural

COORDINATE_STEP = 10
"""Coordinates are multiples of this many thousandths: about one pixel of a picture."""

_PATCH, _MERGE = 8, 2
_SPECIAL = (
    "<|endoftext|>",
    "<|im_start|>",
    "<|im_end|>",
    "<|vision_start|>",
    "<|vision_end|>",
    "<|image_pad|>",
    "<|video_pad|>",
    "<|unknown|>",
)
_OBJECTS, _LISTED, _NONE = questions.LIST_OBJECTS
_FORM = THOUSANDTHS.example()
_OPEN, _NEXT, _LABEL, _CLOSE = '[{"bbox_2d": [', ', {"bbox_2d": [', '], "label": "', '"}'
_TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n"
    "{% if message['content'] is string %}{{ message['content'] }}{% else %}{% for part in message['content'] %}"
    "{% if part['type'] == 'image' %}<|vision_start|><|image_pad|><|vision_end|>{% else %}{{ part['text'] }}{% endif %}"
    "{% endfor %}{% endif %}<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


_ANSWERS = (
    '{"reason": "',
    '", "verdict": "',
    '", "score": ',
    "}",
    " at ",
    '{"claims": [{"type": "',
    ', {"type": "',
    '", "noun": "',
    '", "number": ',
    ', "color": "',
    '", "color": "',
    '", "direction": "',
    '", "other": "',
    '", "other_color": "',
    "]}",
)
"""Pieces of the answers to the questions, as ``training/lessons.py`` writes them."""


@dataclass(frozen=True)
class CriticDesign:
    """What a critic sees and says.

    ``side`` is that of its pictures in pixels. It lists objects by ``nouns`` and ``colors``. ``words`` are those of
    prompts and claims, and pieces of answers that only this world needs; their order is that of the token ids.
    """

    side: int
    nouns: tuple[str, ...]
    colors: tuple[str, ...]
    words: tuple[str, ...]


def _words(design: CriticDesign) -> list[str]:
    numbers = range(0, 1001, COORDINATE_STEP)
    labels = [*design.nouns, *design.colors]
    listed = [
        _OBJECTS,
        _LISTED + _FORM + _NONE,
        "user\n",
        "assistant\n",
        "\n",
        "[",
        "]",
        _OPEN,
        _NEXT,
        _LABEL,
        _CLOSE,
        ", ",
        *(str(number) for number in numbers),
        *(f", {number}" for number in numbers),
        *labels,
        *(f" {label}" for label in labels),
    ]
    instructions = [
        "system\n",
        questions.SYSTEM,
        questions.DESCRIBE,
        questions.REGION[0],
        questions.REGION[1] + '"',
        '"',
        *(
            piece
            for start, end in (questions.YES_OR_NO, questions.VERDICT, questions.RATING, questions.DECOMPOSE)
            for piece in (start + '"', '"' + end)
        ),
    ]
    words = [
        "yes",
        "no",
        "exactly",
        "at",
        "least",
        "there",
        "is",
        "are",
        "count",
        "color",
        "position",
        "object",
        *design.words,
        *(plural(noun) for noun in design.nouns),
        *NUMBER_WORDS.values(),
    ]
    return [
        *listed,
        *instructions,
        *_ANSWERS,
        *(str(number) for number in range(10)),
        *words,
        *(f" {word}" for word in words),
    ]


def list_answer(detections: Sequence[Detection], side: int) -> str:
    """The answer that lists these objects of a picture with this side in pixels."""
    objects = []
    for d in detections:
        edges = (d.x, d.y, d.x + d.width, d.y + d.height)
        corners = THOUSANDTHS.write([min(max(edge / side, 0.0), 1.0) for edge in edges], side, side, COORDINATE_STEP)
        objects.append(f'{{"{THOUSANDTHS.key}": {corners}, "label": "{d.label}"}}')
    return "[" + ", ".join(objects) + "]"


def build_tokenizer(design: CriticDesign) -> Any:
    """A PreTrainedTokenizerFast whose words are whole pieces of question and answer: an object costs nine tokens."""
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    words = _words(design)
    vocabulary = {word: index for index, word in enumerate(dict.fromkeys([*_SPECIAL, *words]))}
    pieces = sorted((word for word in words if not re.fullmatch(r"(, )?\d+|[ ]?[a-z]+", word)), key=len, reverse=True)
    # oniguruma knows no possessive difference here: longer pieces come first, then numbers, words, single characters.
    pattern = "|".join(
        [*(re.escape(piece) for piece in pieces if piece != ", "), r", \d+", r"\d+", ", ", r" ?[a-z]+", r"[\s\S]"]
    )
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="<|unknown|>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(pattern), behavior="isolated")
    tokenizer.decoder = decoders.Fuse()
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        unk_token="<|unknown|>",
        eos_token="<|im_end|>",
        pad_token="<|endoftext|>",
        additional_special_tokens=[
            token for token in _SPECIAL if token not in ("<|unknown|>", "<|im_end|>", "<|endoftext|>")
        ],
        model_max_length=512,
        clean_up_tokenization_spaces=False,
    )


def build_processor(design: CriticDesign) -> Any:
    """A Qwen3VLProcessor around the small tokenizer; every picture is resized to the design's side."""
    from transformers import Qwen2VLImageProcessor, Qwen3VLProcessor, Qwen3VLVideoProcessor

    sizes = {
        "patch_size": _PATCH,
        "merge_size": _MERGE,
        "temporal_patch_size": 2,
        "size": {"shortest_edge": design.side**2, "longest_edge": design.side**2},
        "image_mean": [0.5] * 3,
        "image_std": [0.5] * 3,
    }
    return Qwen3VLProcessor(
        Qwen2VLImageProcessor(**sizes), build_tokenizer(design), Qwen3VLVideoProcessor(**sizes), chat_template=_TEMPLATE
    )


def build_model(design: CriticDesign, tokenizer: Any) -> Any:
    """A two-million-parameter Qwen3VLForConditionalGeneration."""
    from transformers import Qwen3VLConfig, Qwen3VLForConditionalGeneration

    def token(name: str) -> int:
        return tokenizer.convert_tokens_to_ids(name)

    rope = {"rope_type": "default", "rope_theta": 10000.0, "mrope_section": [6, 5, 5], "mrope_interleaved": True}
    text = dict(
        vocab_size=len(tokenizer),
        hidden_size=128,
        intermediate_size=384,
        num_hidden_layers=3,
        num_attention_heads=4,
        num_key_value_heads=4,
        head_dim=32,
        max_position_embeddings=512,
        rope_parameters=rope,
        eos_token_id=token("<|im_end|>"),
        pad_token_id=token("<|endoftext|>"),
        bos_token_id=None,
    )
    vision = dict(
        depth=3,
        hidden_size=128,
        intermediate_size=384,
        num_heads=4,
        patch_size=_PATCH,
        spatial_merge_size=_MERGE,
        temporal_patch_size=2,
        out_hidden_size=128,
        num_position_embeddings=(design.side // _PATCH) ** 2,
        deepstack_visual_indexes=[1],
    )
    config = Qwen3VLConfig(
        text_config=text,
        vision_config=vision,
        tie_word_embeddings=True,
        image_token_id=token("<|image_pad|>"),
        video_token_id=token("<|video_pad|>"),
        vision_start_token_id=token("<|vision_start|>"),
        vision_end_token_id=token("<|vision_end|>"),
    )
    model = Qwen3VLForConditionalGeneration(config)
    model.generation_config.eos_token_id = token("<|im_end|>")
    model.generation_config.pad_token_id = token("<|endoftext|>")
    return model


def save(folder: Path, model: Any, processor: Any) -> None:
    """Write the critic as a transformers folder, weights in half precision."""
    model.half().save_pretrained(folder)
    processor.save_pretrained(folder)
    _add_for_transformers_4(folder)


def _add_for_transformers_4(folder: Path) -> None:
    """Say what transformers 4.57 looks for under other names than the later one that saved the folder."""

    def change(name: str, edit: Callable[[dict], None]) -> None:
        path = folder / name
        content = json.loads(path.read_text())
        edit(content)
        path.write_text(json.dumps(content, indent=2) + "\n")

    def config(content: dict) -> None:
        text = content["text_config"]
        rope = dict(text["rope_parameters"])
        text |= {"rope_theta": rope.pop("rope_theta"), "rope_scaling": rope, "tie_word_embeddings": True}

    def tokenizer(content: dict) -> None:
        content["tokenizer_class"] = "PreTrainedTokenizerFast"
        if "extra_special_tokens" in content:
            content["additional_special_tokens"] = content.pop("extra_special_tokens")

    change("config.json", config)
    change("tokenizer_config.json", tokenizer)
    processors = json.loads((folder / "processor_config.json").read_text())
    for processor, name in (
        ("image_processor", "preprocessor_config.json"),
        ("video_processor", "video_preprocessor_config.json"),
    ):
        (folder / name).write_text(json.dumps(processors[processor], indent=2) + "\n")
