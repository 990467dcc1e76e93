"""Boxes of one thing become one: detectors often put several around it, or one for each of two names."""

from __future__ import annotations

from collections.abc import Iterable

from ...detections import Detection, matching, overlap


def without_duplicates(detections: Iterable[Detection], most_overlap: float) -> list[Detection]:
    """The detections, surest first, without those that show what a surer one shows.

    Two show the same if they have one name, or one's name is the last word of the other's (a tabby cat is a cat), and
    overlap (IoU) by more than ``most_overlap`` in [0, 1]; or if their boxes are equal, whatever their names: then a
    detector has given two names to one box.
    """
    kept: list[Detection] = []
    for candidate in sorted(detections, key=lambda detection: -detection.score):
        if not any(_is_same(candidate, surer, most_overlap) for surer in kept):
            kept.append(candidate)
    return kept


def _is_same(a: Detection, b: Detection, most_overlap: float) -> bool:
    if (a.x, a.y, a.width, a.height) == (b.x, b.y, b.width, b.height):
        return True
    related = matching([a], b.noun, None) or matching([b], a.noun, None)
    return bool(related) and overlap(a, b) > most_overlap
