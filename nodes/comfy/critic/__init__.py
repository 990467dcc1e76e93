"""Critics under ComfyUI's memory manager, and critiques as IMAGE, MASK and text."""
