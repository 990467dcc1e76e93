"""What a dataset holds, in words."""

from __future__ import annotations

from ..aspects import ASPECT_OF
from .dataset import Dataset
from .dataset_rows import Picture


def summarise_dataset(dataset: Dataset) -> str:
    """Pictures and prompts, the share that passed in all and by aspect, prompts with both outcomes, bytes on disk.

    A prompt with right and wrong pictures shows a head what makes the difference; others only show how hard they
    are.
    """
    pictures = dataset.pictures()
    by_prompt: dict[str, list[bool]] = {}
    for picture in pictures:
        by_prompt.setdefault(picture.prompt, []).append(picture.passed)
    judged = [picture for picture in pictures if picture.confidence > 0]
    mixed = sum(len(set(passed)) == 2 for passed in by_prompt.values())
    lines = [
        (
            f"{len(pictures)} pictures of {len(by_prompt)} prompts, {sum(len(picture.rows) for picture in pictures)}"
            f" latents, {dataset.size / 1e6:.1f} MB in {dataset.folder}"
        ),
        f"The critic gave a verdict on {len(judged)} of them",
    ]
    if judged:
        lines.append(
            f"{_percent([picture.passed for picture in judged])} are right in everything that their prompt asks for"
        )
    for aspect in dataset.aspects:
        passed = [verdict for picture in judged if (verdict := _passed(picture, aspect)) is not None]
        if passed:
            lines.append(f"  {aspect}: {_percent(passed)} of {len(passed)}")
    repaired = sum(picture.repair is not None for picture in pictures)
    if repaired:
        lines.append(f"{repaired} of {sum(not picture.passed for picture in judged)} that failed were repaired")
    lines.append(f"{mixed} prompts have both right and wrong pictures")
    return "\n".join(lines)


def _passed(picture: Picture, aspect: str) -> bool | None:
    """Whether all claims of an aspect hold in a picture; None if there are none with a verdict."""
    verdicts = [
        claim["passed"]
        for claim in picture.critique["claims"]
        if ASPECT_OF[claim["type"]] == aspect and claim["passed"] is not None
    ]
    return all(verdicts) if verdicts else None


def _percent(passed: list[bool]) -> str:
    return f"{100 * sum(passed) / len(passed):.0f} %"
