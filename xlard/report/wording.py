"""A prompt and its other wording as one line: removed words are struck out, new ones underlined."""

from __future__ import annotations

from difflib import SequenceMatcher
from typing import TYPE_CHECKING

from .rendering import render

if TYPE_CHECKING:
    from markupsafe import Markup


def wording(before: str, after: str) -> Markup | str:
    """The words of ``after``; those that ``before`` lacks stand in ``<ins>``, and words of ``before`` that are gone in
    ``<del>``.

    Any white space counts as one space. Empty text if ``after`` is empty: the wording was not changed.
    """
    old_words, new_words = before.split(), after.split()
    if not new_words:
        return ""
    spans: list[tuple[str, list[str]]] = []
    matcher = SequenceMatcher(None, old_words, new_words, autojunk=False)
    for operation, start, end, new_start, new_end in matcher.get_opcodes():
        if operation == "equal":
            spans.append(("", new_words[new_start:new_end]))
        else:
            spans += [("del", old_words[start:end]), ("ins", new_words[new_start:new_end])]
    return render("wording.html.jinja", spans=[(tag, " ".join(words)) for tag, words in spans if words])
