"""xLARD for ComfyUI: shows which claims of a prompt a picture breaks, and corrects them in the latent."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .nodes import XLARDExtension

WEB_DIRECTORY = "./web"


async def comfy_entrypoint() -> XLARDExtension:
    """The extension that ComfyUI loads."""
    from .nodes import XLARDExtension
    from .nodes.extensions import publish_api

    publish_api()
    return XLARDExtension()
