"""The bench's prompts with other wording than the shapes world's: they can be read and drawn, and no model was trained
on them.
"""

from __future__ import annotations

import json
import random
from collections import defaultdict
from pathlib import Path

import pytest

from tests.support.paths import CHECKOUT
from tests.support.prompts import shapes_claims
from xlard.prompts import claims_from_prompt
from xlard.worlds.shapes.architecture import PROMPT_TOKENS, WEIGHTS
from xlard.worlds.shapes.checker import check
from xlard.worlds.shapes.prompts import PROMPTS as SHAPES_PROMPTS
from xlard.worlds.shapes.render import render
from xlard.worlds.shapes.scenes import scene_of

CLAIMS = json.loads((Path(__file__).parent / "unseen_prompts.json").read_text())
PROMPTS = (CHECKOUT / "xlard" / "bench" / "worlds" / "unseen_prompts.txt").read_text().splitlines()


@pytest.fixture(scope="module")
def splits() -> dict[frozenset[str], set[str]]:
    """The splits of the shapes world's prompts by the claims that they make."""
    splits = defaultdict(set)
    for prompt, claims in shapes_claims().items():
        splits[frozenset(claim.text for claim in claims)].add(prompt.split)
    return splits


@pytest.fixture(scope="module")
def tokenizer():
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(WEIGHTS / "pipeline" / "tokenizer")


def test_each_prompt_is_there_once_with_its_claims() -> None:
    assert PROMPTS == list(CLAIMS) and len(set(PROMPTS)) == len(PROMPTS) >= 100


@pytest.mark.parametrize("prompt", PROMPTS)
def test_it_makes_the_claims_written_beside_it(prompt) -> None:
    assert sorted(claim.text for claim in claims_from_prompt(prompt)) == sorted(CLAIMS[prompt])


def test_no_wording_is_that_of_the_shapes_world_and_no_content_was_trained_on(splits) -> None:
    assert not {prompt.text for prompt in SHAPES_PROMPTS.all} & set(PROMPTS)
    assert [prompt for prompt in PROMPTS if splits.get(frozenset(CLAIMS[prompt]), set()) - {"test"}] == []


def test_the_text_encoder_knows_every_word(tokenizer) -> None:
    for prompt in PROMPTS:
        tokens = tokenizer(prompt).input_ids
        assert tokenizer.unk_token_id not in tokens and len(tokens) <= PROMPT_TOKENS, prompt


def test_all_claims_of_each_can_hold() -> None:
    scenes = [scene_of(prompt, random.Random(0)) for prompt in PROMPTS]
    for prompt, picture in zip(PROMPTS, render(scenes, 0)):
        assert check(picture, claims_from_prompt(prompt)).passed, prompt
