"""What GenEval, GenEval 2 and DSG-1k say that their prompts ask for, and what our claims say of the same prompts.

The files come from the benchmarks' own repositories and none of them is in this one:

* GenEval, ``djghosh13/geneval``: ``prompts/evaluation_metadata.jsonl``
* GenEval 2, ``facebookresearch/GenEval2``: ``geneval2_data.jsonl``
* DSG-1k, ``j-min/DSG``: ``dsg/data/dsg-1k-anns.csv``
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ...claims import Claim
from ...english import COLORS, NUMBERS, normal_color, singular
from ...prompts import claims_from_prompt

Fact = tuple[str, ...]
"""A kind of fact, and what it is about: ``("count", "dog", "2")``."""

_DIRECTIONS = {"to the left of": "left of", "to the right of": "right of", "on top of": "above", "under": "below"}
_COUNT = re.compile(r"How many (.*) are in the image")
_BETWEEN = re.compile(
    r"(?:Is|Are) the (.*) (to the left of|to the right of|on top of|under|in front of|behind|\w+ing(?: \w+)?) the "
    r"(.*)\?"
)
_OF_A_PART = re.compile(r" of | with | in ")
_TEXTS = frozenset("word text letter title message phrase caption number slogan inscription".split())
"""What DSG calls a text: a claim of a text answers it."""


def noun_head(noun: str) -> str:
    """The head of a noun in the singular: the cup of a cup of tea; eyeglasses are glasses."""
    words = _OF_A_PART.split(noun.lower().strip())[0].split()
    head = singular(words[-1]) if words else ""
    return "glass" if head == "eyeglasses" else head


@dataclass
class Agreement:
    """How many of the prompts are read exactly as the benchmark means them, and which are not."""

    name: str
    prompts: int = 0
    exact: int = 0
    missing: dict[str, tuple[list[Fact], list[Fact]]] = field(default_factory=dict)
    """For prompts that are not: facts that no claim states, and facts that only a claim states."""

    def add(self, prompt: str, wanted: set[Fact], claimed: set[Fact]) -> None:
        """Count a prompt."""
        self.prompts += 1
        self.exact += wanted == claimed
        if wanted != claimed:
            self.missing[prompt] = sorted(wanted - claimed), sorted(claimed - wanted)


@dataclass
class Coverage:
    """DSG's entities against the nouns of claims, each by its head and once a prompt."""

    prompts: int = 0
    entities: int = 0
    found: int = 0
    nouns: int = 0
    named: int = 0
    named_anywhere: int = 0

    @property
    def recall(self) -> float:
        """Share of DSG's whole entities that a claim names."""
        return self.found / max(1, self.entities)

    @property
    def precision(self) -> float:
        """Share of counted or required nouns that DSG has as an entity, whole or part."""
        return self.named / max(1, self.nouns)

    @property
    def loose_precision(self) -> float:
        """Share of them that any of DSG's tuples names."""
        return self.named_anywhere / max(1, self.nouns)


def geneval(file: Path) -> Agreement:
    """GenEval: classes with their numbers, colours and positions."""
    agreement = Agreement("GenEval")
    for row in _rows(file):
        names = [thing["class"] for thing in row["include"]]
        wanted: set[Fact] = set()
        for thing in row["include"]:
            wanted.add(("count", thing["class"], str(thing["count"])))
            if "color" in thing:
                wanted.add(("color", thing["class"], thing["color"]))
            if "position" in thing:
                direction, other = thing["position"]
                wanted.add(("position", thing["class"], direction, names[other]))
        claimed = {_fact(claim) for claim in claims_from_prompt(row["prompt"])}
        agreement.add(row["prompt"], wanted, claimed)
    return agreement


def geneval2(file: Path) -> Agreement:
    """GenEval 2: numbers, attributes and relations, as its questions ask for them."""
    agreement = Agreement("GenEval 2")
    for row in _rows(file):
        wanted = set(_asked(row))
        claimed = {_merged(_fact(claim)) for claim in claims_from_prompt(row["prompt"])}
        agreement.add(row["prompt"], wanted, claimed)
    return agreement


def _asked(row: dict[str, Any]) -> Iterator[Fact]:
    for (question, answer), skill in zip(row["vqa_list"], row["skills"]):
        if skill == "count" and (match := _COUNT.match(question)):
            yield "count", singular(match[1]), str(NUMBERS.get(answer, answer))
        elif skill == "attribute":
            noun, _, attribute = question.rstrip("?").partition(" the ")[2].rpartition(" ")
            yield "attribute", singular(noun), normal_color(attribute)
        elif match := _BETWEEN.match(question):
            yield "relation", singular(match[1]), _DIRECTIONS.get(match[2], match[2]), singular(match[3])


def _fact(claim: Claim) -> Fact:
    if claim.type == "count":
        return "count", claim.noun, str(claim.number)
    if claim.type == "color":
        return "color", claim.noun, claim.color or ""
    if claim.type == "attribute":
        return "attribute", claim.noun, claim.text.rpartition(" ")[2]
    if claim.type == "position":
        return "position", claim.noun, claim.direction or "", claim.other or ""
    if claim.type == "relation":
        words = claim.text.partition(claim.noun + " ")[2].removesuffix(claim.other or "").split()
        return "relation", claim.noun, " ".join(word for word in words if word not in COLORS), claim.other or ""
    return claim.type, claim.text


def _merged(fact: Fact) -> Fact:
    """GenEval 2 asks for colours as attributes, and for positions as relations."""
    return ({"color": "attribute", "position": "relation"}.get(fact[0], fact[0]), *fact[1:])


def dsg(file: Path) -> Coverage:
    """DSG-1k: which of its entities claims name, and which nouns of claims are entities of it."""
    by_prompt: dict[str, list[tuple[str, str, list[str]]]] = {}
    with file.open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines):
            names = row["tuple"].partition("(")[2].rpartition(")")[0].split(",")
            by_prompt.setdefault(row["text"], []).append((row["category_broad"], row["category_detailed"], names))
    coverage = Coverage()
    for prompt, tuples in by_prompt.items():
        _cover(coverage, prompt, tuples)
    return coverage


def _cover(coverage: Coverage, prompt: str, tuples: list[tuple[str, str, list[str]]]) -> None:
    whole = {noun_head(names[0]) for broad, detailed, names in tuples if (broad, detailed) == ("entity", "whole")} - {
        ""
    }
    entities = {noun_head(names[0]) for broad, _, names in tuples if broad == "entity"}
    anywhere = {noun_head(name) for _, _, names in tuples for name in names}
    claims = claims_from_prompt(prompt)
    nouns = {noun_head(claim.noun) for claim in claims if claim.type in ("count", "object")}
    named = nouns | {noun_head(noun) for claim in claims for noun in (claim.noun, claim.other) if noun}
    if any(claim.type == "text" for claim in claims):
        named |= _TEXTS
    coverage.prompts += 1
    coverage.entities += len(whole)
    coverage.found += len(whole & named)
    coverage.nouns += len(nouns)
    coverage.named += len(nouns & entities)
    coverage.named_anywhere += len(nouns & anywhere)


def _rows(file: Path) -> Iterator[dict[str, Any]]:
    for line in file.read_text(encoding="utf-8").splitlines():
        if line.strip():
            yield json.loads(line)
