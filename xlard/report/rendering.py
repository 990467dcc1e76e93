"""Fills the templates of the report page.

Templates escape every text. What one returns is ``Markup``, which the next inserts as it is; nothing else is marked
safe.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

# Jinja is imported where a page is rendered: ComfyUI's start does not pay for it.
if TYPE_CHECKING:
    from jinja2 import Environment
    from markupsafe import Markup

_TEMPLATES = Path(__file__).parent / "templates"


def render(template: str, **values: object) -> Markup:
    """Fill a file of ``templates/``. Raises jinja2.UndefinedError for a name that the template uses and ``values``
    lacks.
    """
    from markupsafe import Markup

    return Markup(_environment().get_template(template).render(values))


def style_sheet() -> Markup:
    """The style sheet of the page, without the colours of the aspects."""
    from markupsafe import Markup

    return Markup((_TEMPLATES / "report.css").read_text(encoding="utf-8"))


def decimal(score: float | None) -> str:
    """A score with two decimals."""
    return "no score" if score is None else f"{score:.2f}"


def counted(number: int, noun: str) -> str:
    """``1 round``, ``2 rounds``."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


@cache
def _environment() -> Environment:
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["decimal"] = decimal
    environment.filters["counted"] = counted
    return environment
