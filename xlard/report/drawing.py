"""Pictures of a critique: boxes on the image, a card of its claims, a mask of wrong objects."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Sequence

import torch
from PIL import Image, ImageDraw
from torch import Tensor

from ..claims import NOTHING_TO_CHECK
from ..critique import Critique, Verdict
from ..detections import Detection, matching
from ..fonts.text import TextFont
from ..rewards import decidable

Box = tuple[int, int, int, int]
"""Left, top, right and bottom in pixels."""

RIGHT, WRONG, UNASKED = "right", "wrong", "unasked"

STATE_COLORS = {RIGHT: (11, 110, 79), WRONG: (178, 34, 52), UNASKED: (90, 96, 104)}
"""One colour per state, dark enough for white text (WCAG AA). Line style and mark repeat what the colour says."""

NO_CLAIM = "The prompt holds no claim that can be checked."

_READABLE_SIDE = 384
_LONGEST_NOTE, _LONGEST_TEXT, _LONGEST_LABEL = 200, 1000, 80
_PAPER, _INK, _FAINT = (252, 252, 250), (28, 30, 34), (100, 104, 112)


def to_picture(image: Tensor) -> Image.Image:
    """Convert an image (H, W, 3) in [0, 1] to an 8-bit RGB picture; NaN becomes black.

    Raises ValueError for another shape or for an empty image.
    """
    if image.ndim != 3 or image.shape[-1] != 3 or image.numel() == 0:
        raise ValueError(
            f"An image to draw on must have the shape (H, W, 3), not {tuple(image.shape)}. "
            "Pass one picture of the batch, without its alpha channel."
        )
    pixels = torch.nan_to_num(image.detach().float().cpu(), nan=0.0).clamp(0, 1)
    return Image.fromarray((pixels * 255).round().to(torch.uint8).numpy())


def enlarge(picture: Image.Image, scale: int) -> Image.Image:
    """Enlarge a picture by a whole factor."""
    if scale == 1:
        return picture
    return picture.resize((picture.width * scale, picture.height * scale), Image.Resampling.LANCZOS)


def readable_scale(height: int, width: int) -> int:
    """The whole factor that makes labels on an image of this size in pixels readable; 1 for ordinary sizes."""
    return max(1, math.ceil(_READABLE_SIDE / max(height, width)))


def object_state(detection: Detection, critique: Critique) -> str:
    """``wrong`` if a failed claim rests on the object, ``right`` if only passed ones do, else ``unasked``."""
    verdicts = [verdict for verdict in critique.verdicts if detection in boxes_of(verdict, critique)]
    if any(verdict.passed is False for verdict in verdicts):
        return WRONG
    return RIGHT if any(verdict.passed for verdict in verdicts) else UNASKED


def boxes_of(verdict: Verdict, critique: Critique) -> tuple[Detection, ...]:
    """The objects that a verdict is about: its evidence, and without any those of the claim's noun and colour. A critic
    that is asked about a relation or an attribute gives no boxes with its answer.
    """
    if verdict.evidence or decidable(verdict.claim):
        return verdict.evidence
    return tuple(matching(critique.detections, verdict.claim.noun, verdict.claim.color))


def seen_objects(critique: Critique) -> tuple[Detection, ...]:
    """Every object that the critique names, as a detection or as evidence, each once."""
    evidence = (detection for verdict in critique.verdicts for detection in verdict.evidence)
    return tuple(dict.fromkeys((*critique.detections, *evidence)))


def wrong_mask(critique: Critique, height: int, width: int) -> Tensor:
    """A mask (H, W) that is 1 inside the boxes of objects that failed claims rest on, else 0.

    A missing object has no box, and a claim that fails because of it leaves no mark. Edges are rounded outwards to
    whole pixels; boxes are cut off at the image's edge.
    """
    mask = torch.zeros(height, width)
    for detection in seen_objects(critique):
        if object_state(detection, critique) == WRONG:
            _fill(mask, detection)
    return mask


def object_masks(critique: Critique, height: int, width: int) -> Tensor:
    """A mask (N, H, W) for each of the critique's detections: its own, or else the inside of its box.

    Raises ValueError for a mask of another size than the picture's, ``height`` and ``width`` in pixels.
    """
    masks = torch.zeros(len(critique.detections), height, width)
    for mask, detection in zip(masks, critique.detections):
        if detection.mask is None:
            _fill(mask, detection)
        elif detection.mask.shape != mask.shape:
            raise ValueError(
                f"The mask of the {detection.label} has the shape {tuple(detection.mask.shape)}, the picture "
                f"{tuple(mask.shape)}. The critic that made it must give masks in the size of the picture."
            )
        else:
            mask.copy_(detection.mask)
    return masks


def _fill(mask: Tensor, detection: Detection) -> None:
    left, top = max(0, math.floor(detection.x)), max(0, math.floor(detection.y))
    right, bottom = math.ceil(detection.x + detection.width), math.ceil(detection.y + detection.height)
    mask[top : max(bottom, 0), left : max(right, 0)] = 1.0


def annotate(image: Tensor, critique: Critique, scale: int | None = None) -> Image.Image:
    """Draw the critic's boxes on an image (H, W, 3) in [0, 1].

    Objects that failed claims rest on get a dashed box and a cross, right ones a solid box and a tick, others a
    thin box. ``scale`` enlarges the picture by a whole factor; None takes the one that makes labels readable.
    """
    picture = to_picture(image)
    scale = readable_scale(picture.height, picture.width) if scale is None else scale
    picture = enlarge(picture, scale)
    draw = ImageDraw.Draw(picture)
    unit = max(1, round(max(picture.size) / 256))
    objects = [(detection, object_state(detection, critique)) for detection in seen_objects(critique)]
    for detection, state in objects:
        _draw_box(draw, _scaled(detection, scale, picture.size), state, unit)
    # Labels last: no box line may run through a word.
    taken: list[Box] = []
    for detection, state in objects:
        taken.append(
            _draw_label(draw, detection, _scaled(detection, scale, picture.size), state, unit, picture.size, taken)
        )
    return picture


def card(critique: Critique, width: int, notes: Sequence[str] = ()) -> Image.Image:
    """Draw the claims under each other, each with a tick, a cross or (no verdict) a dash; below them the ``notes``.

    ``width`` is in pixels; the height follows from the text, of which very long claims and reasons are shortened.
    """
    size = max(11, min(22, width // 24))
    font, small_font = TextFont(size), TextFont(size - 2)
    gap, indent = size // 2, size * 2
    rows: list[tuple[Verdict | None, str, str]] = [
        (verdict, shortened(verdict.claim.shown, _LONGEST_TEXT), shortened(_detail(verdict), _LONGEST_TEXT))
        for verdict in critique.verdicts
    ]
    if not rows:
        rows = [(None, NO_CLAIM, "")]
    rows += [(None, "", shortened(note)) for note in notes]
    wrapped_rows = [
        (verdict, wrap(text, font, width - indent - gap), wrap(detail, small_font, width - indent - gap))
        for verdict, text, detail in rows
    ]
    line_height, small_line_height = round(size * 1.35), round((size - 2) * 1.35)
    summary_lines = wrap(summarise(critique), font, width - 2 * gap)
    rows_height = sum(
        gap + len(text_lines) * line_height + len(detail_lines) * small_line_height
        for _, text_lines, detail_lines in wrapped_rows
    )
    picture = Image.new("RGB", (width, gap + len(summary_lines) * line_height + rows_height + gap), _PAPER)
    draw = ImageDraw.Draw(picture)
    y = gap
    for line in summary_lines:
        font.write(draw, (gap, y), line, _INK)
        y += line_height
    for verdict, text_lines, detail_lines in wrapped_rows:
        y += gap
        if verdict is not None:
            draw_mark(draw, (gap, y + size // 6, gap + size, y + size // 6 + size), verdict.passed)
        for line in text_lines:
            font.write(draw, (indent, y), line, _INK)
            y += line_height
        for line in detail_lines:
            small_font.write(draw, (indent, y), line, _FAINT)
            y += small_line_height
    return picture


def summarise(critique: Critique) -> str:
    """One line: how many claims hold, how many have no verdict, and the score; or that there is nothing to check."""
    if critique.abstained:
        return "The critic abstained: no verdict"
    if not critique.verdicts:
        return NOTHING_TO_CHECK
    held = sum(bool(verdict.passed) for verdict in critique.verdicts)
    without_verdict = f", no verdict on {critique.abstentions}" if critique.abstentions else ""
    score = "" if critique.score is None else f", score {_with_spread(critique.score, critique.spread)}"
    return f"{held} of {len(critique.verdicts)} claims hold{without_verdict}{score}"


def _with_spread(score: float, spread: float) -> str:
    return f"{score:.2f} \u00b1 {spread:.2f}" if spread else f"{score:.2f}"


def draw_mark(
    draw: ImageDraw.ImageDraw, box: Box, passed: bool | None, color: tuple[int, int, int] | None = None
) -> None:
    """Draw a tick, a cross or (``passed`` None) a dash into a box (left, top, right, bottom) in pixels.

    Lines, because a font may have no such characters, and marks of other weights.
    """
    left, top, right, bottom = box
    side = min(right - left, bottom - top)
    pen = max(2, side // 7)

    def at(x: float, y: float) -> tuple[float, float]:
        return left + x * side, top + y * side

    if passed is None:
        draw.line((at(0.2, 0.5), at(0.8, 0.5)), color or STATE_COLORS[UNASKED], pen)
    elif passed:
        draw.line((at(0.1, 0.55), at(0.4, 0.85), at(0.9, 0.15)), color or STATE_COLORS[RIGHT], pen, joint="curve")
    else:
        draw.line((at(0.15, 0.15), at(0.85, 0.85)), color or STATE_COLORS[WRONG], pen)
        draw.line((at(0.85, 0.15), at(0.15, 0.85)), color or STATE_COLORS[WRONG], pen)


def wrap(text: str, font: TextFont, width: int) -> list[str]:
    """Break text into lines of at most ``width`` pixels; a word longer than a line is broken inside."""
    lines: list[str] = []
    current = ""
    for word in text.split():
        longer = f"{current} {word}" if current else word
        if _fits(longer, font, width):
            current = longer
            continue
        if current:
            lines.append(current)
        while len(word) > 1 and not _fits(word, font, width):
            ends = range(2, min(len(word), max(width, 2)))
            fits = bisect_left(ends, True, key=lambda end: not _fits(word[:end], font, width)) + 1
            lines.append(word[:fits])
            word = word[fits:]
        current = word
    return [*lines, current] if current else lines


def _fits(text: str, font: TextFont, width: int) -> bool:
    # A letter is at least a pixel wide: what is far too long need not be measured, which takes long.
    return len(text) <= width and font.getlength(text) <= width


def shortened(text: str, longest: int = _LONGEST_NOTE) -> str:
    """The beginning of a text that is too long to be read in a picture."""
    return text if len(text) <= longest else f"{text[:longest].rstrip()} ..."


def _detail(verdict: Verdict) -> str:
    score = "no score" if verdict.score is None else _with_spread(verdict.score, verdict.spread)
    if verdict.claim.weight != 1:
        score += f" \u00d7 {verdict.claim.weight:g}"
    return f"{score} \u00b7 {verdict.reason}" if verdict.reason else score


def _scaled(detection: Detection, scale: int, size: tuple[int, int]) -> Box:
    """The box in pixels of the enlarged picture, held inside it, at least one pixel wide and high."""
    left = min(max(0, round(detection.x * scale)), size[0] - 1)
    top = min(max(0, round(detection.y * scale)), size[1] - 1)
    right = min(max(left, round((detection.x + detection.width) * scale) - 1), size[0] - 1)
    bottom = min(max(top, round((detection.y + detection.height) * scale) - 1), size[1] - 1)
    return left, top, right, bottom


def _draw_box(draw: ImageDraw.ImageDraw, box: Box, state: str, unit: int) -> None:
    left, top, right, bottom = box
    pen = unit if state == UNASKED else 2 * unit
    if state != WRONG:
        draw.rectangle(box, outline=STATE_COLORS[state], width=pen)
        return
    # A white line under the dashes keeps the box visible on a red object.
    draw.rectangle(box, outline=(255, 255, 255), width=pen)
    dash, step = 6 * unit, 10 * unit
    for x in range(left, right + 1, step):
        end = min(x + dash, right)
        draw.rectangle((x, top, end, min(top + pen - 1, bottom)), STATE_COLORS[state])
        draw.rectangle((x, max(bottom - pen + 1, top), end, bottom), STATE_COLORS[state])
    for y in range(top, bottom + 1, step):
        end = min(y + dash, bottom)
        draw.rectangle((left, y, min(left + pen - 1, right), end), STATE_COLORS[state])
        draw.rectangle((max(right - pen + 1, left), y, right, end), STATE_COLORS[state])


def _draw_label(
    draw: ImageDraw.ImageDraw,
    detection: Detection,
    box: Box,
    state: str,
    unit: int,
    size: tuple[int, int],
    taken: Sequence[Box],
) -> Box:
    """Draw a chip with the label at the box's edge, clear of earlier chips if possible, and return its place."""
    font_size = 9 * unit
    font = TextFont(font_size)
    label = shortened(detection.label, _LONGEST_LABEL)
    text = label if detection.score >= 1 else f"{label} {detection.score:.2f}"
    marked = state != UNASKED
    height = round(font_size * 1.35)
    width = round(font.getlength(text)) + 4 * unit + (height if marked else 0)
    left = max(0, min(box[0], size[0] - width))
    # Above the box, inside at its top, below it, inside at its bottom.
    tops = [top for top in (box[1] - height, box[1], box[3] + 1, box[3] - height) if 0 <= top <= size[1] - height - 1]
    chips = [(left, top, left + width, top + height) for top in tops or [box[1]]]
    chip = next((chip for chip in chips if not any(_overlap(chip, earlier) for earlier in taken)), chips[0])
    top = chip[1]
    draw.rectangle(chip, STATE_COLORS[state])
    if marked:
        inset = 2 * unit
        draw_mark(
            draw,
            (left + inset, top + inset, left + height - inset, top + height - inset),
            state == RIGHT,
            (255, 255, 255),
        )
    font.write(draw, (left + 2 * unit + (height if marked else 0), top), text, (255, 255, 255))
    return chip


def _overlap(first: Box, second: Box) -> bool:
    return first[0] <= second[2] and second[0] <= first[2] and first[1] <= second[3] and second[1] <= first[3]
