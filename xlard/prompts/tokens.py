"""Prompts as symbols: tags and weights are removed, quoted text is set apart, words are looked up in the lexicon."""

from __future__ import annotations

import re

from ..english import COLOR_NOUNS, COLORS, plural, singular
from .lexicon import FUNCTION_WORDS, LEXICON, LONGEST, Quantity, Symbol
from .vocabulary import COMPOUNDS

_WORD = r"[^\W_]+(?:['\u2019-][^\W_]+)*"
# No alternative may look far ahead of where it can fail, or long texts take quadratic time.
_TOKEN = re.compile(
    # Tags and weights: <lora:x:0.8>, embedding:x, score_9_up, __wildcard__, --ar 16:9, :1.3).
    r"<[^<>]{0,200}>|\bembedding:\S+|\b(?:score|rating|source)_\w+|__\w{1,100}?__|(?<!\S)--\w+(?:[ ]+[\d.:]+)?"
    r"|:\s{0,9}[-+]?\d{1,9}(?:\.\d{1,9})?(?=\s{0,9}[)\]])"
    r'|"(?P<double>[^"\n]{1,1000})"|[\u201c\u201e](?P<curly>[^\u201c\u201d\u201e\n]{1,1000})[\u201d\u201c]'
    r"|\u00ab(?P<angle>[^\u00ab\u00bb\n]{1,1000})\u00bb"
    r"|\u2018(?P<single>(?:[^\u2018\u2019\n]|\u2019(?=\w)){1,100})\u2019"
    r"|(?<!\w)'(?P<plain>(?:[^'\n]|'(?=\w)){1,100})'(?!\w)"
    r"|\b(?i:says|saying|reads)[ :]{1,9}(?P<capitals>[A-Z][A-Z0-9!?']{1,40}(?:[ ][A-Z0-9!?']{1,40}){0,9})(?!\w)"
    r"|(?P<stop>\bBREAK\b|\bAND\b|[.!?](?=\W|\Z)|\n[ \t\r]*\n)|(?P<line>\n)"
    r"|(?P<comma>[,;:/|\u2022\u00b7\u2013\u2014]|(?<=\s)-(?=\s))|(?P<and>&)"
    # Sizes and versions, then 2girls and 6+boys.
    r"|\d+(?:[.,:/]\d+)+"
    r"|(?P<counted>(?<!\w)\d{1,3})(?P<more>\+?)[ ]?(?=(?!dpi|fps|mph|koma|bit|iso|deg)[a-zA-Z]{3})"
    rf"|(?P<word>{_WORD})"
)
_SEPARATORS = {"comma": ",", "stop": ".", "line": "\n"}
_KINDS = {token: kind for kind, token in _SEPARATORS.items()}
_BEFORE_NAMES = frozenset({"of", "by", "called", "named", "like", "style", "from"})
_FIRST_WORDS = frozenset(words[0] for words in LEXICON)
_NEVER_NOUNS = FUNCTION_WORDS | COLORS - COLOR_NOUNS


def _tokens(prompt: str) -> list[str]:
    """Words in lower case, separators, and quoted text with a quotation mark before it."""
    tokens: list[str] = []
    for match in _TOKEN.finditer(prompt.replace("\\", "")):
        kind = match.lastgroup
        if kind is None:
            continue
        text = match[kind]
        if kind == "word":
            tokens += [word.replace("\u2019", "'") for word in re.findall(_WORD, text.lower())]
        elif kind == "more":
            tokens += [*(("at", "least") if text else ()), match["counted"]]
        elif kind == "capitals":
            tokens += ["says", '"' + text]
        elif kind == "and":
            tokens.append("and")
        elif kind in _SEPARATORS:
            tokens.append(_SEPARATORS[kind])
        else:
            tokens.append('"' + ("" if tokens and tokens[-1] in _BEFORE_NAMES else " ".join(text.split())))
    return tokens


def _is_content(token: str) -> bool:
    """Whether a token can continue a noun phrase."""
    return token not in _KINDS and token[0] != '"' and token not in FUNCTION_WORDS and not token.isdecimal()


def symbols(prompt: str, literal: bool = False) -> list[Symbol]:
    """The prompt as symbols, one for the longest known sequence of words at each place; never fails, takes linear time.

    ``literal`` is for texts of claims: numbers of more than three digits are counts, not years or sizes, and a place in
    the picture is ``on the left``, not ``on left``.
    """
    tokens = _tokens(prompt)
    result: list[Symbol] = []
    index = 0
    while index < len(tokens):
        token = tokens[index]
        length, symbol = 1, Symbol("word", text=token)
        if token in _KINDS:
            symbol = Symbol(_KINDS[token])
        elif token[0] == '"':
            symbol = Symbol("quote", token[1:])
        elif token.isdecimal():
            number = int(token) if len(token) <= (4000 if literal else 3) else None
            symbol = (
                Symbol("no") if number == 0 else Symbol("quantity", Quantity(number)) if number else Symbol("noise")
            )
        elif token in _FIRST_WORDS:
            length, symbol = _longest(tokens, index, literal)
        result.append(symbol)
        index += length
    return result


def _longest(tokens: list[str], index: int, literal: bool) -> tuple[int, Symbol]:
    for length in range(min(LONGEST, len(tokens) - index), 0, -1):
        symbol = LEXICON.get(tuple(tokens[index : index + length]))
        if symbol is None or (literal and symbol.form == "short"):
            continue
        after = tokens[index + length] if index + length < len(tokens) else "."
        if symbol.kind == "place" and after == "of":
            return length + 1, Symbol("link", f"{symbol.value} of")
        # "On the left shoe" is no place in the picture, and a "running shoe" does not run.
        named = length == 1 and f"{tokens[index]} {singular(after)}" in COMPOUNDS
        if not (named or (symbol.kind == "place" and _is_content(after))):
            return length, symbol
    return 1, Symbol("word", text=tokens[index])


def reads_back(noun: str) -> bool:
    """Whether a noun and its plural are read as that noun, and not as a colour or as words of the grammar."""
    if singular(noun) != noun:
        return False
    for form in (noun, plural(noun)):
        last = form.partition(" of ")[0].rpartition(" ")[2]
        if last in _NEVER_NOUNS or last.isdecimal():
            return False
        if not all(symbol.text or symbol.kind == "of" for symbol in symbols(form, literal=True)):
            return False
    return True
