"""The questions to a critic, with right answers about annotated pictures."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from ...claims import Claim
from ...critics import questions
from ...critics.boxes import THOUSANDTHS
from ...detections import Detection
from ...prompts import claims_from_prompt
from ..critic_model import COORDINATE_STEP, list_answer
from ..world import World
from .annotated import Annotated, mirrored
from .statements import judged_claim, reason

TASKS = (
    "list",
    "yes",
    "list",
    "verdict",
    "list",
    "yes",
    "list",
    "decompose",
    "list",
    "region",
    "list",
    "yes",
    "list",
    "rating",
    "list",
    "verdict",
    "list",
    "yes",
    "list",
    "describe",
)
"""What the steps teach, in turn. Lists decide most claims, and are the hardest to write."""

TURNS = {"yes": 6, "verdict": 3, "rating": 3, "region": 6, "describe": 4, "list": 1}
"""Questions about one picture in one conversation: a word as answer teaches little, looking at a picture costs much."""

_TEXTS = 3
"""Decompositions in place of one picture: they have no picture to look at."""

_WORDS = (
    "ignore",
    "the",
    "rules",
    "all",
    "claims",
    "hold",
    "score",
    "10",
    "yes",
    "answer",
    "passed",
    "true",
    "no",
    "objects",
)
_WRITTEN = 0.15


Turn = tuple[str, str]
"""A question and its answer."""


class Lessons:
    """A world's questions about annotated pictures and the answers to them: a method ``ask_`` for each task."""

    def __init__(self, world: World):
        self.world = world

    def ask_list(self, objects: Sequence[Detection], rng: random.Random) -> Turn:
        """All objects with boxes."""
        nouns = rng.sample(self.world.nouns, rng.randint(1, min(3, len(self.world.nouns))))
        question = questions.list_objects([claim for noun in nouns for claim in claims_from_prompt(f"a {noun}")])
        return question, list_answer(objects, self.world.side)

    def ask_yes(self, objects: Sequence[Detection], rng: random.Random) -> Turn:
        """Whether a claim is true, as often as not."""
        verdict = judged_claim(self.world, objects, rng, rng.random() < 0.5)
        return questions.yes_or_no(verdict.claim), "yes" if verdict.passed else "no"

    def ask_verdict(self, objects: Sequence[Detection], rng: random.Random) -> Turn:
        """A reason and a verdict."""
        judged = judged_claim(self.world, objects, rng, rng.random() < 0.5)
        return questions.verdict(judged.claim), json.dumps(
            {"reason": reason(judged, objects, self.world.side), "verdict": "yes" if judged.passed else "no"}
        )

    def ask_rating(self, objects: Sequence[Detection], rng: random.Random) -> Turn:
        """A reason and the claim's reward in tenths."""
        judged = judged_claim(self.world, objects, rng, rng.random() < 0.5)
        return questions.rating(judged.claim), json.dumps(
            {"reason": reason(judged, objects, self.world.side), "score": round(10 * (judged.score or 0.0))}
        )

    def ask_describe(self, objects: Sequence[Detection], rng: random.Random) -> Turn:
        """Something true."""
        return questions.DESCRIBE, questions.statement(judged_claim(self.world, objects, rng, True).claim)

    def ask_region(self, objects: Sequence[Detection], rng: random.Random) -> Turn:
        """Whether a thing is in a box, its own or another's."""
        side = self.world.side
        things = [detection for detection in objects if detection.noun in self.world.nouns]
        label = self._some_label(rng)
        if not things:
            x, y = (rng.uniform(0, 0.6) for _ in range(2))
            box = THOUSANDTHS.write((x, y, x + 0.3, y + 0.3), side, side, COORDINATE_STEP)
            return questions.region(box, label), "no"
        thing = rng.choice(things)
        if rng.random() < 0.5:
            label = thing.label
        elif rng.random() < 0.5:
            label = rng.choice(things).label
        edges = [edge / side for edge in (thing.x, thing.y, thing.x + thing.width, thing.y + thing.height)]
        shifts = [rng.gauss(0, 0.01) for _ in range(4)]
        moved = [min(max(edge + shift, 0.0), 1.0) for edge, shift in zip(edges, shifts)]
        question = questions.region(THOUSANDTHS.write(moved, side, side, COORDINATE_STEP), label)
        return question, "yes" if label == thing.label else "no"

    def ask_decompose(self, rng: random.Random) -> Turn:
        """The claims of a prompt of the generator's or the critic's split."""
        prompt = self.world.prompts.sample_prompts(rng.choice(("generator", "critic")), 1, rng)[0].text
        claims = [
            {key: claim[key] for key in _FIELDS if key in claim} for claim in map(_fields, claims_from_prompt(prompt))
        ]
        return questions.decompose(prompt), json.dumps({"claims": claims})

    def batch_of(
        self, task: str, source: Annotated, size: int, rng: random.Random
    ) -> tuple[list[list[Turn]], list[Tensor] | None]:
        """Conversations, and their pictures: mirrored half of the time, some with words written on them."""
        if task == "decompose":
            return [[self.ask_decompose(rng)] for _ in range(_TEXTS * size)], None
        conversations, pictures = [], []
        for _ in range(size):
            row, flipped = rng.randrange(len(source.pictures)), rng.random() < 0.5
            objects = mirrored(source.objects[row], self.world.side) if flipped else source.objects[row]
            conversations.append([getattr(self, f"ask_{task}")(objects, rng) for _ in range(TURNS[task])])
            picture = source.pictures[row].flip(-1) if flipped else source.pictures[row]
            pictures.append(written_on(picture, rng) if rng.random() < _WRITTEN else picture)
        return conversations, pictures

    def _some_label(self, rng: random.Random) -> str:
        noun = rng.choice(self.world.nouns)
        colors = self.world.colors_of(noun)
        return f"{rng.choice(colors)} {noun}" if colors else noun


_FIELDS = ("type", "noun", "number", "color", "direction", "other", "other_color")


def _fields(claim: Claim) -> dict[str, Any]:
    """What the answer to ``decompose`` says of a claim."""
    if claim.type in ("attribute", "relation", "custom"):
        return {"type": claim.type, "text": claim.text}
    fields = claim.to_dict()
    return {key: fields[key] for key in _FIELDS if key in fields and (key, claim.type) != ("number", "position")}


def written_on(picture: Tensor, rng: random.Random) -> Tensor:
    """A picture (3, H, W) in bytes with some words written on it, which are no object and no instruction."""
    canvas = Image.fromarray(picture.permute(1, 2, 0).numpy())
    text = " ".join(rng.choices(_WORDS, k=rng.randint(1, 5)))
    shade = rng.choice((0, 40, 235, 255))
    ImageDraw.Draw(canvas).text(
        (rng.randint(0, canvas.width // 2), rng.randint(0, canvas.height - 12)),
        text,
        (shade,) * 3,
        ImageFont.load_default(rng.randint(7, 12)),
    )
    return torch.from_numpy(np.array(canvas)).permute(2, 0, 1)
