"""A CONDITIONING with another wording of its prompt: what is replaced, what stays, with a CLIP of this file."""

from __future__ import annotations

import importlib
import sys
import types
from collections.abc import Iterator

import pytest
import torch
from torch import Tensor

from tests.support.paths import CHECKOUT

OLD, NEW = "two cats", "exactly two cats, side by side, and no third one"


@pytest.fixture
def rewriting(monkeypatch) -> Iterator[type]:
    """The class, which needs nothing of ComfyUI; the other adapters beside it do."""
    for name, folder in (("xlard_pack", CHECKOUT), ("xlard_pack.nodes", CHECKOUT / "nodes")):
        package = types.ModuleType(name)
        package.__path__ = [str(folder)]
        monkeypatch.setitem(sys.modules, name, package)
    yield importlib.import_module("xlard_pack.nodes.comfy.sampling.rewriting").ConditioningRewriter
    for name in [name for name in sys.modules if name.startswith("xlard_pack.")]:
        del sys.modules[name]


def embedding(text: str) -> Tensor:
    generator = torch.Generator().manual_seed(len(text))
    return torch.randn(1, len(text.split()), 4, generator=generator)


class Clip:
    """Makes an embedding for each of ``keyframes``, with a mask only where a text is longer than two words."""

    def __init__(self, *keyframes: float):
        self.keyframes, self.encoded = keyframes or (0.0,), []

    def tokenize(self, text: str) -> str:
        return text

    def encode_from_tokens_scheduled(self, tokens: str) -> list:
        self.encoded.append(tokens)
        return [
            [
                embedding(tokens) + start,
                {
                    "pooled_output": embedding(tokens)[:, 0] + start,
                    "hooks": f"own at {start}",
                    **({"attention_mask": tokens} if len(tokens.split()) > 2 else {}),
                },
            ]
            for start in self.keyframes
        ]


def test_only_the_text_is_replaced(rewriting) -> None:
    options = {
        "pooled_output": embedding(OLD)[:, 0],
        "control": object(),
        "guidance": 3.5,
        "start_percent": 0.2,
        "hooks": "the artist's",
    }
    positive = [[embedding("a dog"), {"mask": 1, "pooled_output": 2}], [embedding(OLD), options]]
    untouched, (new, new_options) = rewriting(None, Clip(), OLD, positive).reworded(positive, NEW)
    assert untouched is not positive[0] and untouched[0] is positive[0][0]
    assert untouched[1] == {"mask": 1, "pooled_output": 2}
    assert torch.equal(new, embedding(NEW)) and torch.equal(new_options.pop("pooled_output"), embedding(NEW)[:, 0])
    assert new_options == {
        "control": options["control"],
        "guidance": 3.5,
        "start_percent": 0.2,
        "hooks": "the artist's",
        "attention_mask": NEW,
    }
    assert "attention_mask" not in options and torch.equal(positive[1][0], embedding(OLD))


def test_what_only_the_old_text_needed_goes(rewriting) -> None:
    positive = Clip().encode_from_tokens_scheduled(NEW)
    ((_, options),) = rewriting(None, Clip(), NEW, positive).reworded(positive, OLD)
    assert options.keys() == {"pooled_output", "hooks"}


def test_each_part_of_a_scheduled_clip_gets_its_own(rewriting) -> None:
    clip = Clip(0.0, 0.5)
    first, second = clip.encode_from_tokens_scheduled(OLD)
    replaced = rewriting(None, clip, OLD, [second, first]).reworded([second, first], NEW)
    assert [torch.equal(new, embedding(NEW) + start) for (new, _), start in zip(replaced, (0.5, 0.0))] == [True, True]


def test_a_text_is_encoded_once_and_nothing_before_it_is_needed(rewriting) -> None:
    clip = Clip()
    parts = [[embedding(OLD) * 1.001, {}], [None, {}]]
    made = rewriting(None, clip, OLD, parts)
    assert clip.encoded == []
    conditionings = [made.reworded(parts, NEW) for _ in range(3)]
    assert (
        clip.encoded == [OLD, NEW]
        and torch.equal(conditionings[2][0][0], embedding(NEW))
        and conditionings[2][1][0] is None
    )


def test_what_is_avoided_too_stands_behind_the_negative_with_its_controls(rewriting) -> None:
    control = object()
    negative = [[embedding("blurry"), {"control": control, "pooled_output": 1, "attention_mask": "blurry"}]]
    made = rewriting(None, Clip(), NEW, [[embedding(NEW), {}]])
    first, (avoided, options) = made.avoiding(negative, OLD)
    assert first is negative[0] and torch.equal(avoided, embedding(OLD)) and options["control"] is control
    assert options.keys() == {"control", "pooled_output", "hooks"}
    assert len(made.avoiding([], OLD)) == 1


def test_prompts_of_parts_are_taken_where_the_prompt_is_the_conditioning_s(rewriting) -> None:
    taken = [
        rewriting(None, Clip(), prompt, [[embedding(text), {}]]).takes_prompts
        for prompt, text in ((OLD, OLD), (OLD, NEW), (" ", " "))
    ]
    assert taken == [True, False, False]


def test_another_text_of_the_same_length_is_another_text(rewriting) -> None:
    made = rewriting(None, Clip(), OLD, [[embedding("one caterpillar"), {}]])
    assert embedding("one caterpillar").shape == embedding(OLD).shape
    assert made(OLD, None) is None and "no part of the positive conditioning" in made.refusal
