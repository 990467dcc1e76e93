"""Driving a ComfyUI server over HTTP: start one, queue jobs, follow them, fetch what they made."""
