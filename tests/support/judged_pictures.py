"""Two judged pictures beside each other, as the report of a loop shows before and after: from what the page holds of a
workflow that has run.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from PIL import Image, ImageDraw

from tests.support.comfy.browser import ComfyPage
from xlard.claims import Claim
from xlard.critique import Verdict, critique_of
from xlard.fonts.text import TextFont
from xlard.report.drawing import RIGHT, STATE_COLORS, WRONG, card
from xlard.report.pictures import fit

SIDE, MARGIN, FONT, LINE = 320, 16, 15, 21
PAPER, INK, FAINT = (240, 240, 236), (28, 30, 34), (100, 104, 112)
CARDS = """() => Object.fromEntries(window.app.graph._nodes.filter(node => node.properties['xlard.card'])
    .map(node => [node.title, JSON.parse(node.properties['xlard.card'])]))"""
PROMPT = "() => window.app.graph._nodes.find(node => node.title === 'Prompt').widgets[0].value"


@dataclass(frozen=True)
class Column:
    """A picture: what stands over it, the title of the node whose card has it, and its place there."""

    heading: str
    node: str
    place: int = 0


COLUMNS = {
    "demo_compare_best_of_n": (
        Column("The best of four pictures", "Critique of the four"),
        Column("The loop: one picture, corrected", "The loop: one picture, up to 3 corrections"),
    ),
    "demo_critique": (Column("The first picture", "xLARD Critique"), Column("The second", "xLARD Critique", 1)),
    "demo_gate": (Column("Passed", "xLARD Gate"), Column("Failed", "xLARD Gate", 1)),
    "demo_pick_best": (Column("Before: the first", "xLARD Critique"), Column("After: the best", "xLARD Critique", 1)),
    "demo_search_noise": (
        Column("Before: noise as it is", "Noise as it is", 3),
        Column("After: searched noise", "Searched noise", 3),
    ),
    "demo_step_by_step": (Column("Before", "Before"), Column("After: corrected once", "After")),
}
"""By workflow: the pictures that it is shown by."""


def judged_picture(page: ComfyPage, columns: Sequence[Column]) -> Image.Image:
    """The pictures of a workflow that has run, with the boxes of claims that fail or hold, and the claims below."""
    cards, font, title_font = page.page.evaluate(CARDS), TextFont(FONT), TextFont(FONT + 3)
    cells = [_cell(page, cards[column.node][column.place]) for column in columns]
    top = 2 * MARGIN + 2 * LINE
    size = (len(cells) * (SIDE + MARGIN) + MARGIN, top + max(cell.height for cell in cells) + MARGIN)
    picture = Image.new("RGB", size, PAPER)
    draw = ImageDraw.Draw(picture)
    title_font.write(draw, (MARGIN, MARGIN), page.page.evaluate(PROMPT), INK)
    for index, (column, cell) in enumerate(zip(columns, cells)):
        x = MARGIN + index * (SIDE + MARGIN)
        font.write(draw, (x, top - LINE), column.heading, FAINT)
        picture.paste(cell, (x, top))
    return picture


def _cell(page: ComfyPage, shown: dict) -> Image.Image:
    """A picture of a card with its claims."""
    address = f"{page.url}/view?{urlencode(shown['image'])}"
    seen = fit(Image.open(io.BytesIO(page.page.request.get(address).body())).convert("RGB"), SIDE)
    draw, scale = ImageDraw.Draw(seen), SIDE / max(shown["size"])
    # What fails is drawn over what holds.
    for claim in sorted(shown["claims"], key=lambda claim: not claim["passed"]):
        for x, y, width, height in claim["boxes"]:
            box = [scale * side for side in (x, y, x + width, y + height)]
            draw.rectangle(box, outline=STATE_COLORS[RIGHT if claim["passed"] else WRONG], width=3)
    verdicts = [
        Verdict(Claim("custom", claim["text"]), claim["passed"], claim["score"], reason=claim["reason"])
        for claim in shown["claims"]
    ]
    claims = card(critique_of(verdicts), SIDE)
    cell = Image.new("RGB", (SIDE, seen.height + claims.height), PAPER)
    cell.paste(seen, (0, 0))
    cell.paste(claims, (0, seen.height))
    return cell
