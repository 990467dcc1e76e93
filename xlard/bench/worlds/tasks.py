"""The task of a prompt by what is read out of it: prompts in any wording are sorted as a world's own prompts are."""

from __future__ import annotations

from ...prompts import parse_prompt


def read_task(text: str) -> str:
    """One of GenEval's tasks of one thing or of two, or ``compose`` for all that asks for more at once."""
    phrases, relations = parse_prompt(text)
    colored = [phrase.color is not None for phrase in phrases]
    if len(phrases) == 1:
        return "counting" if phrases[0].number > 1 else "colors" if all(colored) else "single_object"
    if len(phrases) == 2 and len(relations) == 1:
        return "position"
    if len(phrases) == 2 and not relations and all(phrase.number == 1 for phrase in phrases):
        return "color_attr" if all(colored) else "two_object" if not any(colored) else "compose"
    return "compose"
