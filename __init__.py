"""xLARD for ComfyUI: shows which claims of a prompt a picture breaks, and corrects them in the latent."""

WEB_DIRECTORY = "./web"


async def comfy_entrypoint():
    """The extension that ComfyUI loads."""
    from .nodes import XLARDExtension
    from .nodes.extensions import publish_api

    publish_api()
    return XLARDExtension()
