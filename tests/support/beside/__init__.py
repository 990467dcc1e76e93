"""Whether other packs and ours are well in one ComfyUI: ``python -m tests.support.beside FOLDER``."""
