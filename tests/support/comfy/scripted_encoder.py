"""A custom node for the tests: a CLIP whose text encoder answers what it is told to.

Shaped like ComfyUI's, in what XLARDCriticFromCLIP looks at, so that any ComfyUI can run it. Each character is a token.
It gives every next one, of its answer and of what it reads, a probability of 0.8, of 0.4 beside an empty picture, and
shares the rest among all others.
"""

from __future__ import annotations

import math
from types import SimpleNamespace

import torch
from comfy_api.latest import ComfyExtension, io
from torch import Tensor, nn

VOCABULARY = 0x250
SURE, EMPTY = 0.8, 0.4
LEAST = 2048
"""Tokens that an encoder which lacks brevity reads at least: it fills them up on the left, as that of LTX-2 does."""


class Network(nn.Module):
    """The part that writes; without stop tokens it cannot end an answer, without ``preprocess_embed`` it is blind."""

    def __init__(self, lacks: str):
        super().__init__()
        self.model = nn.Module()
        self.model.config = SimpleNamespace() if lacks == "words" else SimpleNamespace(stop_tokens=[0])
        if lacks != "sight":
            self.preprocess_embed = lambda embed, device: None
        self.is_broken = lacks == "numbers"

    def logits(self, states: Tensor) -> Tensor:
        """Logits (1, 1, V) of the token after the last one; states (1, L, 2) hold what follows each, how surely."""
        token, sure = states[0, -1].tolist()
        logits = torch.full((1, 1, VOCABULARY), (1 - sure) / (VOCABULARY - 1)).log()
        logits[..., int(token)] = math.log(sure)
        return logits * math.nan if self.is_broken else logits

    def generate(self) -> None:
        """Never called: the CLIP below answers."""


class SilentNetwork(Network):
    """One that keeps its words' probabilities to itself."""

    logits = None


class Wrapper(nn.Module):
    """What ComfyUI puts around a network."""

    def __init__(self, lacks: str):
        super().__init__()
        self.transformer = (
            nn.Module() if lacks == "generation" else (SilentNetwork if lacks == "logits" else Network)(lacks)
        )

    def generate(self) -> None:
        """Never called."""


class ScriptedClip:
    """Answers ``answer`` to every question, or with what it was asked if the answer is ``echo``."""

    def __init__(self, encoder: str, answer: str, lacks: str):
        self.encoder, self.answer = encoder, answer
        self.tokenizer, self.cond_stage_model = SimpleNamespace(), Wrapper(lacks)
        self.asked, self.is_padded = "", lacks == "brevity"

    def tokenize(self, text: str, image=None, skip_template: bool = False) -> dict:
        """Keeps the text; a picture becomes one token."""
        shape, template = None if image is None else tuple(image.shape), "left out" if skip_template else "used"
        # Reports show white space as blanks.
        self.asked = f"picture {shape}, template {template}: " + text.replace("\n", "/")
        seen = [] if image is None else [({"type": "image", "data": image}, 1.0)]
        # Some tokenizers put an option for the encoder beside its tokens, as Qwen-Image 2.1's does.
        words = [(ord(character), 1.0) for character in text]
        if self.is_padded:
            seen = [(0, 1.0)] * max(0, LEAST - len(seen) - len(words)) + seen
        return {self.encoder: [[*seen, *words]], "keep_vision": image is not None}

    def generate(
        self,
        tokens: dict,
        do_sample: bool,
        max_length: int,
        temperature: float,
        top_k: int,
        top_p: float,
        min_p: float,
        repetition_penalty: float,
        seed: int,
    ) -> list[int]:
        """The answer's characters as tokens, at most ``max_length``."""
        answer = [ord(character) for character in (self.asked if self.answer == "echo" else self.answer)][:max_length]
        network, (row,) = self.cond_stage_model.transformer, tokens[self.encoder]
        read = [token for token, _ in row if isinstance(token, int)]
        is_empty = any(bool(((token["data"] - 0.5).abs() < 0.01).all()) for token, _ in row if isinstance(token, dict))
        for index, token in enumerate(answer):
            # The first time it sees all that it reads, then what it wrote last.
            following = torch.tensor([*(read[1:] if index == 0 else ()), token], dtype=torch.float32)
            if network.logits:
                network.logits(
                    torch.stack([following, torch.full_like(following, EMPTY if is_empty else SURE)], 1)[None]
                )
        return answer

    def decode(self, ids: list[int]) -> str:
        """The text of tokens."""
        return "".join(map(chr, ids))


class ScriptedEncoder(io.ComfyNode):
    """A scripted CLIP; ``lacks``: generation, words, sight, logits, numbers, brevity or nothing."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="ScriptedEncoder",
            category="test",
            outputs=[io.Clip.Output("clip")],
            inputs=[
                io.String.Input("encoder"),
                io.String.Input("answer", default="[]"),
                io.String.Input("lacks", default=""),
            ],
        )

    @classmethod
    def execute(cls, encoder: str, answer: str, lacks: str) -> io.NodeOutput:
        return io.NodeOutput(ScriptedClip(encoder, answer, lacks))


class ScriptedExtension(ComfyExtension):
    """The node as an extension."""

    async def get_node_list(self) -> list[type[io.ComfyNode]]:
        return [ScriptedEncoder]


async def comfy_entrypoint() -> ScriptedExtension:
    return ScriptedExtension()
