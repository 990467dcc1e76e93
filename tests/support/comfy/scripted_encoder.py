"""A custom node for the tests: a CLIP whose text encoder answers what it is told to.

Shaped like ComfyUI's, in what XLARDCriticFromCLIP looks at, so that any ComfyUI can run it.
"""

from __future__ import annotations

from types import SimpleNamespace

from comfy_api.latest import ComfyExtension, io
from torch import nn


class Network(nn.Module):
    """The part that writes; without stop tokens it cannot end an answer, without ``preprocess_embed`` it is blind."""

    def __init__(self, lacks: str):
        super().__init__()
        self.model = nn.Module()
        self.model.config = SimpleNamespace() if lacks == "words" else SimpleNamespace(stop_tokens=[0])
        if lacks != "sight":
            self.preprocess_embed = lambda embed, device: None

    def generate(self) -> None:
        """Never called: the CLIP below answers."""


class Wrapper(nn.Module):
    """What ComfyUI puts around a network."""

    def __init__(self, lacks: str):
        super().__init__()
        self.transformer = nn.Module() if lacks == "generation" else Network(lacks)

    def generate(self) -> None:
        """Never called."""


class ScriptedClip:
    """Answers ``answer`` to every question, or with what it was asked if the answer is ``echo``."""

    def __init__(self, encoder: str, answer: str, lacks: str):
        self.encoder, self.answer = encoder, answer
        self.tokenizer, self.cond_stage_model = SimpleNamespace(), Wrapper(lacks)
        self.asked = ""

    def tokenize(self, text: str, image=None, skip_template: bool = False) -> dict:
        """Keeps the text; a picture becomes one token."""
        shape, template = None if image is None else tuple(image.shape), "left out" if skip_template else "used"
        # Reports show white space as blanks.
        self.asked = f"picture {shape}, template {template}: " + text.replace("\n", "/")
        seen = [] if image is None else [({"type": "image", "data": image}, 1.0)]
        # Some tokenizers put an option for the encoder beside its tokens, as Qwen-Image 2.1's does.
        return {self.encoder: [[*seen, (1, 1.0)]], "keep_vision": image is not None}

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
        answer = self.asked if self.answer == "echo" else self.answer
        return [ord(character) for character in answer][:max_length]

    def decode(self, ids: list[int]) -> str:
        """The text of tokens."""
        return "".join(map(chr, ids))


class ScriptedEncoder(io.ComfyNode):
    """A scripted CLIP; ``lacks`` is what it cannot do: generation, words, sight or nothing."""

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
