"""GenEval (arXiv 2310.11513) on one's own machine: its prompts through a running ComfyUI, scored by its published
rules.
"""
