"""One command that runs the demo world in a real ComfyUI, and one that runs the tests.

Everything imported before the virtual environment exists uses the standard library only.
"""
