"""Adapters between ComfyUI (``comfy.*``) and the library's protocols."""
