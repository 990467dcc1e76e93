"""Conversations with a critic as the inputs and labels of its model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from ...critics import questions


def use_linear_patches(model: Any) -> None:
    """Run the patch embedding as the matrix product that it is: its 3-D convolution's backward is slow on CPUs."""
    embed = model.model.visual.patch_embed

    def forward(pixels: Tensor) -> Tensor:
        return torch.nn.functional.linear(pixels, embed.proj.weight.flatten(1), embed.proj.bias)

    embed.forward = forward


class Conversations:
    """Turns questions, answers and pictures into the model's inputs."""

    def __init__(self, processor: Any, side: int, device: str):
        self.processor, self.tokenizer, self.device = processor, processor.tokenizer, device
        self.image_token = self.tokenizer.convert_tokens_to_ids("<|image_pad|>")
        self.image_tokens = (side // (processor.image_processor.patch_size * processor.image_processor.merge_size)) ** 2

    def segments(self, turns: Sequence[tuple[str, str]], picture: bool) -> list[str]:
        """A conversation in the critic's chat template: what comes before each answer, and the answer, in turn."""
        content = [*([{"type": "image"}] if picture else []), {"type": "text", "text": turns[0][0]}]
        text = self.processor.apply_chat_template(
            [
                {"role": "system", "content": [{"type": "text", "text": questions.SYSTEM}]},
                {"role": "user", "content": content},
            ],
            add_generation_prompt=True,
            tokenize=False,
        )
        segments = [text.replace("<|image_pad|>", "<|image_pad|>" * self.image_tokens), turns[0][1]]
        for question, answer in turns[1:]:
            segments += [
                "\n"
                + self.processor.apply_chat_template(
                    [{"role": "user", "content": question}], add_generation_prompt=True, tokenize=False
                ),
                answer,
            ]
        return segments

    def inputs(
        self, conversations: Sequence[Sequence[tuple[str, str]]], pictures: Sequence[Tensor] | None
    ) -> dict[str, Tensor]:
        """Inputs and labels of one batch; only the answers count."""
        end = self.tokenizer.eos_token_id
        id_rows, label_rows = [], []
        for turns in conversations:
            encoded = self.tokenizer(self.segments(turns, pictures is not None)).input_ids
            segments = [(tokens, False) for tokens in encoded]
            segments[1::2] = [([*tokens, end], True) for tokens in encoded[1::2]]
            id_rows.append(torch.tensor([token for tokens, _ in segments for token in tokens]))
            label_rows.append(
                torch.tensor([token if is_answer else -100 for tokens, is_answer in segments for token in tokens])
            )
        padding = self.tokenizer.pad_token_id
        ids = torch.nn.utils.rnn.pad_sequence(id_rows, batch_first=True, padding_value=padding)
        inputs = {
            "input_ids": ids,
            "attention_mask": (ids != padding).long(),
            "labels": torch.nn.utils.rnn.pad_sequence(label_rows, batch_first=True, padding_value=-100),
            "mm_token_type_ids": (ids == self.image_token).int(),
        }
        if pictures is not None:
            images = self.processor.image_processor(images=pictures, return_tensors="pt")
            inputs |= {"pixel_values": images["pixel_values"], "image_grid_thw": images["image_grid_thw"]}
        return {name: value.to(self.device) for name, value in inputs.items()}
