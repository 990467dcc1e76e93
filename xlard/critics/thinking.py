"""What a model thought before it answered, in whatever marks: tags of any name, channels, or a heading in plain words.

All work on a text whose JSON values are blanked: what is written inside of a value is data and marks nothing.
"""

from __future__ import annotations

import math
import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from itertools import pairwise

BLANK = "\0"
"""What stands for each sign of a value: no space, and no letter."""

Span = tuple[int, int]
"""Beginning and end in a text."""

_THOUGHT = r"(?:think|thought|reason|reflec|analy|scratch|delib|monolog|ponder|plan|draft|internal|inner|cot\b)"
_THOUGHT_TAG = re.compile(rf"(?:\w+[:_.-])*{_THOUGHT}", re.IGNORECASE)
_ANSWER_TAG = re.compile(
    r"(?:final.?)?(?:answer|solution|output|result|response|json|final|list|object|detection|b?box|code|tool_call)\w*",
    re.IGNORECASE,
)
"""Names of tags that hold an answer. What other tags hold is none, whatever it is."""

_TAG = re.compile(
    rf"<\|?(?P<end>/?)\|?(?P<name>[a-z_][\w:.-]*)[^<>\n]{{0,80}}>"
    rf"|\[(?P<end2>/?)(?P<name2>{_THOUGHT}\w*)\]"
    r"|\u25c1(?P<end3>/?)(?P<name3>\w+)\u25b7",
    re.IGNORECASE,
)
_BEGIN_END = re.compile(r"(begin|start|end)_(?:of_)?(\w+)", re.IGNORECASE)
_CHANNEL = re.compile(
    r"<\|?channel\|?>\s*(?!final)\w+.*?(?:<\|end\|>|<channel\|>|(?=<\|channel\|?>\s*final)|\Z)",
    re.DOTALL | re.IGNORECASE,
)
_BEFORE_FINAL = re.compile(r"\A.*assistantfinal", re.DOTALL | re.IGNORECASE)
"""The same where the tokenizer has left out the marks."""

_HEADING = re.compile(
    r"^[ \t#*_>-]*(?:\w+[ \t]+){0,3}?"
    r"(?:thinking|thoughts?|reasoning|analysis|scratch ?pad|deliberation|plan|planning|drafts?|rationale|monologue"
    # Chinese: thinking.
    r"|\u601d\u8003\w*)(?:[ \t]+(?:process|steps?|trace|phase|section|aloud|out loud))?[ \t*_]*(?:[:\uff1a]|$)",
    re.IGNORECASE | re.MULTILINE,
)
_ANSWER_LABEL = re.compile(
    r"^[ \t#*_>-]*(?:\w+[ \t]+){0,3}?(?:answer|output|result|response|json)[ \t*_]*(?::|$)",
    re.IGNORECASE | re.MULTILINE,
)
DRAFT = re.compile(
    r"\b(?:draft|attempt|first (?:look|pass|try|guess|version)|initial|tentative|rough|maybe|step \d+|for example)\b",
    re.IGNORECASE,
)
"""Words before a value that is not meant as the answer."""


def thoughts(blanked: str, values: Sequence[Span]) -> list[Span]:
    """The parts of a text that are thought. ``values`` are the places of its JSON values, which are blanked."""
    spans = [match.span() for marks in (_CHANNEL, _BEFORE_FINAL) for match in marks.finditer(blanked)]
    spans = merged(spans + _tagged(blanked))
    return spans + _headed(blanked, [value for value in values if not inside(value, spans)], spans)


def merged(spans: Iterable[Span]) -> list[Span]:
    """Spans in their order, those that overlap as one."""
    result: list[Span] = []
    for start, end in sorted(spans):
        if result and start <= result[-1][1]:
            result[-1] = result[-1][0], max(end, result[-1][1])
        else:
            result.append((start, end))
    return result


def inside(place: Span, spans: Sequence[Span]) -> bool:
    """Whether a place begins inside of one of the spans, which are ``merged``."""
    before = bisect_right(spans, (place[0], math.inf)) - 1
    return before >= 0 and place[0] < spans[before][1]


def _tagged(text: str) -> list[Span]:
    """What stands between tags; before an end without a beginning; after a beginning of thought without an end."""
    spans: list[Span] = []
    open_tags: list[tuple[str, int]] = []
    outermost: dict[str, int] = {}
    for tag in _TAG.finditer(text):
        name, ends = _name(tag)
        if _ANSWER_TAG.fullmatch(name) or name == "channel":
            continue
        if not ends:
            outermost.setdefault(name, len(open_tags))
            open_tags.append((name, tag.start()))
            continue
        if name in outermost:
            # The outermost: thoughts may speak of their own tags.
            beginning = outermost[name]
            spans.append((open_tags[beginning][1], tag.end()))
            for opened, _ in open_tags[beginning:]:
                if outermost.get(opened, -1) >= beginning:
                    del outermost[opened]
            del open_tags[beginning:]
        elif _THOUGHT_TAG.match(name):
            # Some chat templates open the block themselves: the answer then holds only its end.
            spans.append((0, tag.end()))
    closed = merged(spans)
    unclosed = [start for name, start in open_tags if _THOUGHT_TAG.match(name) and not inside((start, start), closed)]
    return spans + [(min(unclosed), len(text))] if unclosed else spans


def _name(tag: re.Match[str]) -> tuple[str, bool]:
    """The name of a tag in lower case, and whether it ends something."""
    name = (tag["name"] or tag["name2"] or tag["name3"]).lower()
    ends = bool(tag["end"] or tag["end2"] or tag["end3"])
    worded = _BEGIN_END.fullmatch(name)
    return (worded[2], worded[1] == "end") if worded else (name, ends)


def _headed(text: str, values: Sequence[Span], spans: Sequence[Span]) -> list[Span]:
    """From each heading such as "Thinking Process:" to the answer, if one follows."""
    headings = [match.start() for match in _HEADING.finditer(text) if not inside(match.span(), spans)]
    headed, alone = [], [value[0] for value in values if headings and _stands_alone(text, value)]
    for start, end in pairwise([*headings, len(text)]):
        label = _ANSWER_LABEL.search(text, start + 1, end)
        answers = alone[bisect_right(alone, start) : bisect_left(alone, end)][:1]
        stop = min([end, *([label.end()] if label else []), *answers])
        headed.append((start, stop))
    return headed


def _stands_alone(text: str, value: Span) -> bool:
    """Whether a value has its lines to itself, after an empty line or in a block of code, and is called no draft."""
    before, end = text[: value[0]], text.find("\n", value[1])
    lines = before.rsplit("\n", 2)[-2:]
    in_code = len(lines) > 1 and lines[-2].lstrip().startswith("```")
    alone = not lines[-1].strip() and not text[value[1] : end if end >= 0 else None].strip(" \t.,;`")
    parted = in_code or (len(lines) > 1 and not lines[-2].strip())
    label = label_of(before)
    return alone and parted and not DRAFT.search(label) and (in_code or not _HEADING.match(label))


def label_of(before: str) -> str:
    """The last line of prose before a value and after the one before, without a block's beginning."""
    prose = before.rpartition(BLANK)[2]
    lines = [line for line in prose.split("\n") if line.strip() and not line.lstrip().startswith("```")]
    return lines[-1] if lines else ""
