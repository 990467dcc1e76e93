"""Teach the critic, which lists objects with boxes, to answer the other questions too."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from ....critics import questions
from ....critics.boxes import THOUSANDTHS
from ....detections import Detection
from ....prompts import claims_from_prompt
from ....training.trainer import Trainer, default_device, machine
from ..critic_model import COORDINATE_STEP, build_processor, list_answer, save
from ..prompts import PROMPTS
from ..vocabulary import COLOR_NAMES, SHAPES, SIDE
from .boxes import Annotated, mirrored, training_sources, use_linear_patches
from .statements import judged_claim, reason

TASKS = (
    "yes",
    "list",
    "yes",
    "verdict",
    "yes",
    "decompose",
    "yes",
    "list",
    "rating",
    "yes",
    "region",
    "verdict",
    "yes",
    "list",
    "describe",
    "decompose",
)
"""What the steps teach, in turn."""

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


def listed(objects: Sequence[Detection], rng: random.Random) -> tuple[str, str]:
    """Question and answer: all objects with boxes."""
    nouns = rng.sample(SHAPES, rng.randint(1, len(SHAPES)))
    question = questions.list_objects([claim for noun in nouns for claim in claims_from_prompt(f"a {noun}")])
    return question, list_answer(objects)


def yes(objects: Sequence[Detection], rng: random.Random) -> tuple[str, str]:
    """Question and answer: whether a claim is true, as often as not."""
    verdict = judged_claim(objects, rng, rng.random() < 0.5)
    return questions.yes_or_no(verdict.claim), "yes" if verdict.passed else "no"


def verdict(objects: Sequence[Detection], rng: random.Random) -> tuple[str, str]:
    """Question and answer: a reason and a verdict."""
    judged = judged_claim(objects, rng, rng.random() < 0.5)
    return questions.verdict(judged.claim), json.dumps(
        {"reason": reason(judged, objects), "verdict": "yes" if judged.passed else "no"}
    )


def rating(objects: Sequence[Detection], rng: random.Random) -> tuple[str, str]:
    """Question and answer: a reason and the claim's reward in tenths."""
    judged = judged_claim(objects, rng, rng.random() < 0.5)
    return questions.rating(judged.claim), json.dumps(
        {"reason": reason(judged, objects), "score": round(10 * (judged.score or 0.0))}
    )


def describe(objects: Sequence[Detection], rng: random.Random) -> tuple[str, str]:
    """Question and answer: something true."""
    return questions.DESCRIBE, questions.statement(judged_claim(objects, rng, True).claim)


def region(objects: Sequence[Detection], rng: random.Random) -> tuple[str, str]:
    """Question and answer: whether a thing is in a box, its own or another's."""
    things = [detection for detection in objects if detection.noun in SHAPES]
    label = f"{rng.choice(COLOR_NAMES)} {rng.choice(SHAPES)}"
    if not things:
        x, y = (rng.uniform(0, 0.6) for _ in range(2))
        return questions.region(THOUSANDTHS.write((x, y, x + 0.3, y + 0.3), SIDE, SIDE, COORDINATE_STEP), label), "no"
    thing = rng.choice(things)
    if rng.random() < 0.5:
        label = thing.label
    elif rng.random() < 0.5:
        label = rng.choice(things).label
    edges = [edge / SIDE for edge in (thing.x, thing.y, thing.x + thing.width, thing.y + thing.height)]
    shifts = [rng.gauss(0, 0.01) for _ in range(4)]
    box = [min(max(edge + shift, 0.0), 1.0) for edge, shift in zip(edges, shifts)]
    question = questions.region(THOUSANDTHS.write(box, SIDE, SIDE, COORDINATE_STEP), label)
    return question, "yes" if label == thing.label else "no"


def decompose(rng: random.Random) -> tuple[str, str]:
    """Question and answer: the claims of a prompt of the generator's or the critic's split."""
    prompt = PROMPTS.sample_prompts(rng.choice(("generator", "critic")), 1, rng)[0].text
    fields = ("type", "noun", "number", "color", "direction", "other", "other_color")
    claims = [
        {
            key: value
            for key, value in claim.to_dict().items()
            if key in fields and not (key == "number" and claim.type == "position")
        }
        for claim in claims_from_prompt(prompt)
    ]
    return questions.decompose(prompt), json.dumps(
        {"claims": [{key: claim[key] for key in fields if key in claim} for claim in claims]}
    )


class Conversations:
    """Turns questions, answers and pictures into the model's inputs."""

    def __init__(self, processor: Any, device: str):
        self.processor, self.tokenizer, self.device = processor, processor.tokenizer, device
        self.image_token = self.tokenizer.convert_tokens_to_ids("<|image_pad|>")
        self.image_tokens = (SIDE // (processor.image_processor.patch_size * processor.image_processor.merge_size)) ** 2

    def segments(self, turns: Sequence[tuple[str, str]], picture: bool) -> list[str]:
        """A conversation in the critic's chat template: what comes before each answer, and the answer, in turn."""
        content = [*([{"type": "image"}] if picture else []), {"type": "text", "text": turns[0][0]}]
        text = self.processor.apply_chat_template(
            [
                {"role": "system", "content": [{"type": "text", "text": questions.SYSTEM}]},
                {"role": "user", "content": content},
            ],
            add_generation_prompt=True,
            tokenize=False,
        )
        segments = [text.replace("<|image_pad|>", "<|image_pad|>" * self.image_tokens), turns[0][1]]
        for question, answer in turns[1:]:
            segments += [
                "\n"
                + self.processor.apply_chat_template(
                    [{"role": "user", "content": question}], add_generation_prompt=True, tokenize=False
                ),
                answer,
            ]
        return segments

    def inputs(
        self, conversations: Sequence[Sequence[tuple[str, str]]], pictures: Sequence[Tensor] | None
    ) -> dict[str, Tensor]:
        """Inputs and labels of one batch; only the answers count."""
        end = self.tokenizer.eos_token_id
        id_rows, label_rows = [], []
        for turns in conversations:
            encoded = self.tokenizer(self.segments(turns, pictures is not None)).input_ids
            segments = [(tokens, False) for tokens in encoded]
            segments[1::2] = [([*tokens, end], True) for tokens in encoded[1::2]]
            id_rows.append(torch.tensor([token for tokens, _ in segments for token in tokens]))
            label_rows.append(
                torch.tensor([token if is_answer else -100 for tokens, is_answer in segments for token in tokens])
            )
        padding = self.tokenizer.pad_token_id
        ids = torch.nn.utils.rnn.pad_sequence(id_rows, batch_first=True, padding_value=padding)
        inputs = {
            "input_ids": ids,
            "attention_mask": (ids != padding).long(),
            "labels": torch.nn.utils.rnn.pad_sequence(label_rows, batch_first=True, padding_value=-100),
            "mm_token_type_ids": (ids == self.image_token).int(),
        }
        if pictures is not None:
            images = self.processor.image_processor(images=pictures, return_tensors="pt")
            inputs |= {"pixel_values": images["pixel_values"], "image_grid_thw": images["image_grid_thw"]}
        return {name: value.to(self.device) for name, value in inputs.items()}


def written_on(picture: Tensor, rng: random.Random) -> Tensor:
    """A picture (3, H, W) in bytes with some words written on it, which are no object and no instruction."""
    canvas = Image.fromarray(picture.permute(1, 2, 0).numpy())
    text = " ".join(rng.choices(_WORDS, k=rng.randint(1, 5)))
    shade = rng.choice((0, 40, 235, 255))
    ImageDraw.Draw(canvas).text(
        (rng.randint(0, SIDE // 2), rng.randint(0, SIDE - 12)),
        text,
        (shade,) * 3,
        ImageFont.load_default(rng.randint(7, 12)),
    )
    return torch.from_numpy(np.array(canvas)).permute(2, 0, 1)


_MAKERS = {"list": listed, "yes": yes, "verdict": verdict, "rating": rating, "describe": describe, "region": region}


def batch_of(
    task: str, source: Annotated, size: int, rng: random.Random
) -> tuple[list[list[tuple[str, str]]], list[Tensor] | None]:
    """Conversations, and their pictures: mirrored half of the time, some with words written on them."""
    if task == "decompose":
        return [[decompose(rng)] for _ in range(_TEXTS * size)], None
    conversations, pictures = [], []
    for _ in range(size):
        row, flipped = rng.randrange(len(source.pictures)), rng.random() < 0.5
        objects = mirrored(source.objects[row]) if flipped else source.objects[row]
        conversations.append([_MAKERS[task](objects, rng) for _ in range(TURNS[task])])
        picture = source.pictures[row].flip(-1) if flipped else source.pictures[row]
        pictures.append(written_on(picture, rng) if rng.random() < _WRITTEN else picture)
    return conversations, pictures


def train(
    folder: Path,
    steps: int,
    batch: int,
    seed: int,
    pool: int,
    max_seconds: float | None = None,
    learning_rate: float = 1e-3,
) -> dict:
    """Continue from ``folder/boxes``, on the same pictures; writes ``folder/critic``."""
    from transformers import AutoModelForImageTextToText

    device = default_device()
    torch.manual_seed(seed)
    processor = build_processor()
    model = AutoModelForImageTextToText.from_pretrained(folder / "boxes", dtype=torch.float32)
    model.resize_token_embeddings(len(processor.tokenizer))
    trainer = Trainer(folder / "critic_run", model, steps, learning_rate, seed, device, decay=0.998)
    use_linear_patches(trainer.module)
    sources = training_sources(folder, pool, seed, device)
    conversations = Conversations(processor, device)

    def batch_loss(step: int, generator: torch.Generator) -> Tensor:
        rng = random.Random(generator.initial_seed())
        talks, pictures = batch_of(TASKS[step % len(TASKS)], rng.choice(sources), batch, rng)
        return trainer.module(**conversations.inputs(talks, pictures)).loss

    trainer.run(batch_loss, max_seconds=max_seconds)
    figures = {
        "model": "critic",
        "steps": trainer.step,
        "batch": batch,
        "seed": seed,
        "seconds": round(trainer.seconds),
        "machine": machine(),
        "loss": trainer.losses[-1][1],
        "boxes": json.loads((folder / "boxes.json").read_text()),
    }
    model.load_state_dict(trainer.average.module.state_dict())
    save(folder / "critic", model.eval(), processor)
    return figures
