"""Custom nodes for the tests: an edit model of another pack, which paints, and notes what it was told; and text that
becomes a picture, as a node of a remote service gives it.
"""

from __future__ import annotations

from typing import Any

import torch
from comfy_api.latest import ComfyExtension, io
from torch import Tensor

TOLD: list[str] = []
"""What the painter was told, since it was made."""


class Painter:
    """Gives a picture, or raises."""

    def __init__(self, picture: Tensor, fault: str):
        self._picture, self._fault = picture, fault

    def edit(self, images: Tensor, instructions: list[str], seeds: list[int]) -> Tensor:
        """The picture in the place of each."""
        TOLD.extend(instructions)
        if self._fault:
            raise RuntimeError(self._fault)
        return self._picture[:1].expand(len(images), -1, -1, -1)

    def nfe(self) -> int:
        """As many calls as no model makes."""
        return 123


class PaintingEditModel(io.ComfyNode):
    """That painter as an edit model; without a picture, what cannot edit."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="PaintingEditModel",
            category="test",
            outputs=[io.Custom("XLARD_EDIT_MODEL").Output()],
            inputs=[io.Image.Input("picture", optional=True), io.String.Input("fault", default="")],
        )

    @classmethod
    def execute(cls, picture: Any = None, fault: str = "") -> io.NodeOutput:
        TOLD.clear()
        return io.NodeOutput("no painter" if picture is None else Painter(picture, fault))


class WhatWasTold(io.ComfyNode):
    """What the painter was told before a state was there."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="WhatWasTold",
            category="test",
            outputs=[io.String.Output("told")],
            inputs=[io.Custom("XLARD_STATE").Input("state")],
        )

    @classmethod
    def execute(cls, state: list) -> io.NodeOutput:
        return io.NodeOutput("\n".join(TOLD))


class RemoteEdit(io.ComfyNode):
    """An edit as a node of a remote service makes it: a picture and a text in, a picture out.

    It gives ``right`` where the text holds ``word``, and otherwise the picture, darker.
    """

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="RemoteEdit",
            category="test",
            outputs=[io.Image.Output()],
            inputs=[
                io.Image.Input("image"),
                io.String.Input("prompt", force_input=True),
                io.Image.Input("right"),
                io.String.Input("word"),
                io.Int.Input("seed"),
            ],
        )

    @classmethod
    def execute(cls, image: Tensor, prompt: str, right: Tensor, word: str, seed: int) -> io.NodeOutput:
        return io.NodeOutput(right if word in prompt else torch.clamp(image * 0.9, 0, 1))


class OnlyJudges(io.ComfyNode):
    """A critic that cannot be asked in words."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(node_id="OnlyJudges", category="test", outputs=[io.Custom("XLARD_CRITIC").Output()], inputs=[])

    @classmethod
    def execute(cls) -> io.NodeOutput:
        return io.NodeOutput(_Judge())


class _Judge:
    def judge(self, images: Tensor, claims: list) -> list:
        """Never called."""
        raise AssertionError


class EditorExtension(ComfyExtension):
    """The nodes as an extension."""

    async def get_node_list(self) -> list[type[io.ComfyNode]]:
        return [PaintingEditModel, WhatWasTold, RemoteEdit, OnlyJudges]


async def comfy_entrypoint() -> EditorExtension:
    return EditorExtension()
