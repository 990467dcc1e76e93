"""Collecting and training inside of ComfyUI."""
