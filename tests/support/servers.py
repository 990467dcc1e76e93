"""A ComfyUI with custom nodes of the tests beside the pack."""

from __future__ import annotations

import shutil

from tests.support.paths import CHECKOUT
from xlard.comfy_server.server import ComfyServer
from xlard.quickstart.comfyui import find_comfyui


class ServerWithNodes(ComfyServer):
    """ComfyUI with the pack and with files of tests/support/comfy as custom nodes; use it as a context manager."""

    def __init__(self, *files: str):
        super().__init__(find_comfyui(), pack=CHECKOUT, variables={"OMP_NUM_THREADS": "1"})
        self.files = files

    def _fill_base(self) -> None:
        super()._fill_base()
        for file in self.files:
            shutil.copy(CHECKOUT / "tests" / "support" / "comfy" / file, self.base / "custom_nodes")
