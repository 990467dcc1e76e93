"""What models write around a value: fences, headings, and thoughts in all kinds of marks."""

from __future__ import annotations

FRAMES = (
    *("{}", "```json\n{}\n```\n", "Circles: {}\n", "Answer:\n\n{}\n", "\n\n{}\n", "{} Wait.", "Draft: {}\n"),
    *("<think>{}</think>", "<think>{}", "{}</think>", "<notes>{}</notes>", "[THINK]{}", "Thinking Process:\n1. {}\n\n"),
    *("<|channel|>analysis<|message|>{}<|end|>", "analysis {} assistantfinal", "\u25c1think\u25b7{}\u25c1/think\u25b7"),
)
"""``{}`` stands for the value."""
