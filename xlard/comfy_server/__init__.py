"""Driving a ComfyUI server over HTTP: start one, queue jobs, follow them, fetch what they made.

The quickstart imports this before any package is installed: only the standard library at module level.
"""
