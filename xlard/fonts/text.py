"""Text in pictures: each character in a font that has it, the pack's own or one of the system's."""

from __future__ import annotations

import itertools
import logging
import os
import re
import sys
import unicodedata
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

from PIL import ImageDraw, ImageFont

OWN = Path(__file__).parent / "NotoSans-Regular.ttf"

MISSING = "?"
"""What stands for a character that no font has."""

_LIKELY = re.compile(
    r"cjk|sourcehan|notosans(sc|jp|kr|tc)|wqy|droidsansfallback|msyh|yugothr|meiryo|malgun|pingfang|hiragino|stheiti"
    r"|applesdgothic|arial ?unicode|dejavusans|segoeui|seguisym",
    re.IGNORECASE,
)
"""Fonts of many characters: they are looked at first."""

_OTHER_STYLES = re.compile(r"bold|italic|oblique|black|thin|light|medium|condensed|mono|serif", re.IGNORECASE)

_NO_CHARACTER = "\uffff"
"""What no font has: it is drawn as each font draws what it lacks."""

_TEST_SIZE = 20

_LOG = logging.getLogger(__name__)


class TextFont:
    """A font of one size in pixels for any text.

    A character that the pack's own font lacks is drawn with one of the system's; where none has it, ``MISSING`` stands
    for it, and the log names it once.
    """

    def __init__(self, size: int):
        self._size = size

    def getlength(self, text: str) -> float:
        """The width of a line of text in pixels."""
        return sum(font.getlength(part) for font, part in self._parts(text))

    def write(
        self, draw: ImageDraw.ImageDraw, place: tuple[float, float], text: str, color: tuple[int, int, int]
    ) -> None:
        """Write a line of text with its upper left corner at a place (x, y) in pixels."""
        x, baseline = place[0], place[1] + _font(OWN, self._size).getmetrics()[0]
        for font, part in self._parts(text):
            draw.text((x, baseline), part, color, font, anchor="ls")
            x += font.getlength(part)

    def _parts(self, text: str) -> Iterator[tuple[ImageFont.FreeTypeFont, str]]:
        """The text in parts of one font each; ends of lines and other control characters are spaces."""
        text = "".join(" " if unicodedata.category(char) == "Cc" else char for char in text)
        lacking = {char for char in text if not _stays_with_others(char) and not _has(OWN, char)}
        found = _found(frozenset(lacking))
        place, places = OWN, []
        for char in text:
            # Combining marks are part of the letter before.
            place = place if _stays_with_others(char) else found.get(char, OWN)
            places.append(place)
        shown = "".join(MISSING if char in lacking and char not in found else char for char in text)
        for place, pairs in itertools.groupby(zip(places, shown), key=lambda pair: pair[0]):
            yield _font(place, self._size), "".join(char for _, char in pairs)


@cache
def _font(path: Path, size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(str(path), size)


def _stays_with_others(char: str) -> bool:
    return unicodedata.category(char) in ("Cf", "Mc", "Me", "Mn", "Zl", "Zp", "Zs")


@cache
def _has(path: Path, char: str) -> bool:
    font = _font(path, _TEST_SIZE)
    return _drawn(font, char) != _drawn(font, _NO_CHARACTER)


def _drawn(font: ImageFont.FreeTypeFont, char: str) -> tuple[tuple[int, int], bytes]:
    mask = font.getmask(char)
    return mask.size, bytes(mask)


_FOUND: dict[str, Path] = {}
_NOWHERE: set[str] = set()


def _found(chars: frozenset[str]) -> dict[str, Path]:
    """For each character that one of the system's fonts has, the file of that font."""
    wanted = {char for char in chars if char not in _FOUND and char not in _NOWHERE}
    # Whatever had the last characters may have these.
    for path in itertools.chain(dict.fromkeys(_FOUND.values()), _system_fonts()) if wanted else ():
        had = {char for char in wanted if _usable(path) and _has(path, char)}
        _FOUND.update(dict.fromkeys(had, path))
        wanted -= had
        if not wanted:
            break
    if wanted:
        _NOWHERE.update(wanted)
        _LOG.warning(
            "xLARD: no font of this system has %s: in pictures %s stands for it. Install one that has it, such as Noto "
            "Sans CJK, and start ComfyUI again.",
            " ".join(sorted(wanted)),
            MISSING,
        )
    return {char: _FOUND[char] for char in chars if char in _FOUND}


@cache
def _usable(path: Path) -> bool:
    try:
        _font(path, _TEST_SIZE)
    except OSError:
        # Fonts of pictures, such as those of emojis, have sizes of their own.
        return False
    return True


@cache
def _system_fonts() -> tuple[Path, ...]:
    """The upright fonts of the system: those of many characters first."""
    files = {path for folder in _font_folders() for path in folder.rglob("*") if path.suffix.lower() in _KINDS}
    upright = [path for path in files if not _OTHER_STYLES.search(path.stem)]
    return tuple(sorted(upright, key=lambda path: (not _LIKELY.search(path.stem), path.name, str(path))))


_KINDS = (".ttf", ".ttc", ".otf")


def _font_folders() -> Iterable[Path]:
    """The folders in which a system keeps fonts, as far as they are there."""
    home, variables = Path.home(), os.environ
    if sys.platform == "win32":
        folders = [
            Path(variables.get("WINDIR", r"C:\Windows"), "Fonts"),
            Path(variables.get("LOCALAPPDATA", home), "Microsoft", "Windows", "Fonts"),
        ]
    elif sys.platform == "darwin":
        folders = [Path("/System/Library/Fonts"), Path("/Library/Fonts"), home / "Library" / "Fonts"]
    else:
        shared = variables.get("XDG_DATA_DIRS") or "/usr/local/share:/usr/share"
        own = variables.get("XDG_DATA_HOME") or home / ".local" / "share"
        folders = [Path(folder, "fonts") for folder in (own, *shared.split(":"))] + [home / ".fonts"]
    return [folder for folder in folders if folder.is_dir()]
