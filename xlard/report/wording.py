"""A prompt and its other wording as one line of HTML: words that went are struck out, words that came are
underlined."""

from __future__ import annotations

from difflib import SequenceMatcher
from html import escape


def wording(before: str, after: str) -> str:
    """The words of ``after``, those that ``before`` lacks in ``<ins>``, with words of ``before`` that are gone in
    ``<del>``.

    Text is escaped; white space counts for one space. Empty where ``after`` is: the wording was not changed.
    """
    old, new = before.split(), after.split()
    if not new:
        return ""
    parts = []
    for kind, start, end, new_start, new_end in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if kind == "equal":
            parts.append(escape(" ".join(new[new_start:new_end])))
            continue
        parts += [
            f"<{tag}>{escape(' '.join(words))}</{tag}>"
            for tag, words in (("del", old[start:end]), ("ins", new[new_start:new_end]))
            if words
        ]
    return " ".join(parts)
