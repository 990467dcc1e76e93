"""Text in pictures: every character in a font that has it, and none as a box."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from xlard.fonts import text
from xlard.fonts.text import MISSING, OWN, TextFont

EUROPEAN = "two \u00d7 \u00b7 Gr\u00f6\u00dfe \u0141\u00f3d\u017a \u0420\u043e\u0441\u0441 \u0395\u03bb \u2212 \u2026"
NOWHERE = "\U0003fffd"
"""Of a plane that holds no characters: no font has it."""

CAT = "\u732b"
"""In Chinese."""


@pytest.fixture(autouse=True)
def forgetful(monkeypatch) -> None:
    """Fonts that were found for one test are not known to the next."""
    monkeypatch.setattr(text, "_FOUND", {})
    monkeypatch.setattr(text, "_NOWHERE", set())


def written(line: str, size: int = 20) -> np.ndarray:
    picture = Image.new("RGB", (600, 40), (255, 255, 255))
    TextFont(size).write(ImageDraw.Draw(picture), (4, 4), line, (0, 0, 0))
    return np.asarray(picture)


def boxes(line: str) -> set[str]:
    """The characters that the pack's own font draws as what it lacks."""
    font = ImageFont.truetype(str(OWN), 20)
    lacking = bytes(font.getmask("\uffff"))
    return {char for char in line if not char.isspace() and bytes(font.getmask(char)) == lacking}


def test_european_letters_and_signs_are_in_the_font_that_ships():
    assert boxes(EUROPEAN) == set() and boxes(CAT) == {CAT}
    assert OWN.stat().st_size < 200_000 and "SIL Open Font License" in (OWN.parent / "OFL.txt").read_text("utf-8")


def test_text_of_one_font_is_as_pillow_draws_it():
    font, picture = ImageFont.truetype(str(OWN), 20), Image.new("RGB", (600, 40), (255, 255, 255))
    ImageDraw.Draw(picture).text((4, 4), "two red circles", (0, 0, 0), font)
    assert (written("two red circles") == np.asarray(picture)).all()
    assert TextFont(20).getlength("two red circles") == font.getlength("two red circles")


def test_what_the_own_font_lacks_comes_from_one_of_the_systems(monkeypatch, tmp_path: Path):
    """Here the own font is Pillow's, which has no Cyrillic, and the one that ships is the system's."""
    own, system = tmp_path / "own.ttf", tmp_path / "system" / "shared.otf"
    system.parent.mkdir()
    own.write_bytes(ImageFont.load_default(20).font_bytes)
    system.write_bytes(OWN.read_bytes())
    (tmp_path / "system" / "broken.ttf").write_bytes(b"no font")
    (tmp_path / "system" / "other-bold.ttf").write_bytes(OWN.read_bytes())
    monkeypatch.setattr(text, "OWN", own)
    monkeypatch.setattr(text, "_font_folders", lambda: [tmp_path / "system"])
    text._system_fonts.cache_clear()
    parts = [(Path(font.path), part) for font, part in TextFont(20)._parts("a \u0416\u0438 \u00d7b")]
    text._system_fonts.cache_clear()
    assert parts == [(own, "a "), (system, "\u0416\u0438 \u00d7"), (own, "b")]


def test_what_no_font_has_is_a_question_mark_and_is_named_once(monkeypatch, caplog):
    monkeypatch.setattr(text, "_system_fonts", tuple)
    with caplog.at_level(logging.WARNING):
        assert (written(f"a {NOWHERE}") == written(f"a {MISSING}")).all()
        assert TextFont(20).getlength(NOWHERE) == TextFont(20).getlength(MISSING)
    assert [NOWHERE in record.getMessage() for record in caplog.records] == [True]
    assert "Install one that has it" in caplog.text


def test_marks_stay_with_their_letter():
    parts = [part for _, part in TextFont(20)._parts("e\u0301 \u200b x\n")]
    assert parts == ["e\u0301 \u200b x "]
