"""A custom node for the tests: a dataset from a folder, so that training can be tested without drawing anything
first.
"""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path

from comfy_api.latest import ComfyExtension, io


class LoadDataset(io.ComfyNode):
    """The dataset that lies in a folder."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="LoadDataset",
            inputs=[io.String.Input("folder")],
            outputs=[io.Custom("XLARD_DATASET").Output("dataset")],
        )

    @classmethod
    def execute(cls, folder: str) -> io.NodeOutput:
        # ComfyUI imports a pack under its path, so that its classes are others than those of `import xlard`.
        pack = next(name for name in sys.modules if name.replace("\\", "/").endswith("custom_nodes/xlard"))
        return io.NodeOutput(import_module(f"{pack}.xlard.training.dataset").Dataset.load(Path(folder)))


class Extension(ComfyExtension):
    """What ComfyUI asks for."""

    async def get_node_list(self) -> list[type[io.ComfyNode]]:
        """The one node."""
        return [LoadDataset]


async def comfy_entrypoint() -> Extension:
    """ComfyUI's way in."""
    return Extension()
