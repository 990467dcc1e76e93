"""What a ComfyUI server declares about its nodes, made for tests without a server."""

from __future__ import annotations


def declaration(required: dict, optional: dict | None = None, outputs: tuple = ()) -> dict:
    """The declaration of one node, as /object_info has it."""
    groups = {"required": required, "optional": optional or {}}
    return {"input": groups, "input_order": {name: list(group) for name, group in groups.items()}, "output": outputs}
