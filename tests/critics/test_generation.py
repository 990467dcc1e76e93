"""How a local critic's answers end: by its own end, cut at the limit, or in numbers that are none."""

from __future__ import annotations

import copy
import json
import math
import shutil
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from transformers import GenerationConfig

from tests.support.architectures import ARCHITECTURES
from xlard.claims import count_claim
from xlard.critics.backend import NOT_FINITE, Ask, Sampling
from xlard.critics.folder import CriticFolder
from xlard.critics.generation import TokenWatch, lengths, without_own_settings
from xlard.critics.mllm import MLLMCritic
from xlard.critics.scoring import SCORINGS
from xlard.critics.transformers import TransformersBackend, loaded_backend

pytestmark = pytest.mark.model

IMAGE = torch.rand(64, 64, 3, generator=torch.Generator().manual_seed(3))
ASK, CLAIMS = Ask("Is there a circle?", IMAGE), [count_claim("circle", 2)]

BENDING = {
    "max_length": 5,
    "max_time": 1e-9,
    "bad_words_ids": [[5]],
    "suppress_tokens": [6, 7],
    "begin_suppress_tokens": [8],
    "forced_eos_token_id": 9,
    "forced_bos_token_id": 10,
    "repetition_penalty": 5.0,
    "no_repeat_ngram_size": 2,
    "encoder_no_repeat_ngram_size": 2,
    "min_length": 90,
    "min_new_tokens": 90,
    "length_penalty": 2.0,
    "num_beams": 3,
    "do_sample": True,
    "temperature": 9.0,
    "top_k": 3,
    "top_p": 0.1,
    "min_p": 0.1,
    "remove_invalid_values": True,
    "stop_strings": ["a"],
    "renormalize_logits": True,
    "sequence_bias": [[[5], -9.0]],
}
"""What a generation_config.json can say that changes answers."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """A tiny model's folder."""
    return ARCHITECTURES["idefics3"].save(tmp_path_factory.mktemp("critics") / "tiny")


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """The model is so small that threads mostly wait for one another."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def critic(folder) -> TransformersBackend:
    return loaded_backend(CriticFolder(folder, "fp32"), max_tokens=12)


@pytest.mark.parametrize("name", BENDING)
def test_each_setting_that_bends_answers_is_taken_away_and_said(caplog, name):
    model = SimpleNamespace(generation_config=GenerationConfig(eos_token_id=[1, 2], pad_token_id=0))
    setattr(model.generation_config, name, BENDING[name])
    without_own_settings(model, "bent")
    assert model.generation_config.to_diff_dict().keys() == {"eos_token_id", "pad_token_id", "transformers_version"}
    said = f"The critic in bent does not use what its generation_config.json sets: {name} {BENDING[name]}."
    assert said in caplog.text


def test_settings_of_the_folder_change_no_answer(folder, critic, tmp_path, caplog):
    bent = Path(shutil.copytree(folder, tmp_path / "bent"))
    path = bent / "generation_config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **BENDING}))
    asks = [ASK, Ask("What is it?", IMAGE)]
    assert [answer.text for answer in loaded_backend(CriticFolder(bent, "fp32"), max_tokens=12).answer(asks)] == [
        answer.text for answer in critic.answer(asks)
    ]
    assert "repetition_penalty 5.0" in caplog.text and "max_time 1e-09" in caplog.text


def test_a_folder_without_settings_of_its_own_is_not_spoken_of(caplog):
    without_own_settings(SimpleNamespace(generation_config=GenerationConfig(eos_token_id=1)), "plain")
    assert caplog.text == ""


def ending(critic: TransformersBackend, monkeypatch, at: int) -> None:
    """Have the model end its answer at a token."""
    end = critic.folder.processor.tokenizer.eos_token_id
    written = TokenWatch.__call__

    def ended(self, ids, scores):
        if len(self.logs) == at:
            scores = torch.full_like(scores, -50.0)
            scores[:, end] = 50.0
        return written(self, ids, scores)

    monkeypatch.setattr(TokenWatch, "__call__", ended)


@pytest.mark.parametrize("at", [0, 3, 11])
def test_an_answer_with_its_end_is_whole(critic, monkeypatch, at):
    ending(critic, monkeypatch, at)
    (answer,) = critic.answer([ASK])
    assert answer.fault == "" and 0 < answer.confidence <= 1


def test_an_answer_without_its_end_is_not_whole(critic, monkeypatch):
    ending(critic, monkeypatch, 12)
    (answer,) = critic.answer([ASK])
    assert "tiny was still writing after 12 tokens, so its answer is not whole. Raise max_tokens" in answer.fault
    (critique,) = MLLMCritic(critic).judge(IMAGE[None], [CLAIMS])
    assert critique.abstained and "Raise max_tokens" in critique.verdicts[0].reason


def test_a_model_without_an_end_token_ends_with_that_of_its_tokenizer(critic, monkeypatch):
    monkeypatch.setattr(critic.model().generation_config, "eos_token_id", None)
    ending(critic, monkeypatch, 3)
    assert critic.answer([ASK])[0].fault == ""


def broken(critic: TransformersBackend, monkeypatch, rows: slice = slice(None), at: int = 0) -> None:
    """Have the model compute no numbers for some rows from a token on."""
    written = TokenWatch.__call__

    def call(self, ids, scores):
        if len(self.logs) >= at:
            scores = scores.clone()
            scores[rows] = math.nan
        return written(self, ids, scores)

    monkeypatch.setattr(TokenWatch, "__call__", call)


@pytest.mark.parametrize("at", [0, 4])
@pytest.mark.parametrize("sampling", [Sampling(), Sampling(0.7, 3)])
def test_logits_that_are_no_numbers_are_no_verdict(critic, monkeypatch, sampling, at):
    broken(critic, monkeypatch, at=at)
    (answer,) = critic.answer([ASK], sampling)
    assert answer.fault == NOT_FINITE and answer.confidence is None
    (critique,) = MLLMCritic(critic).judge(IMAGE[None], [CLAIMS])
    assert critique.abstained and critique.score is None and critique.confidence == 0


@pytest.mark.parametrize("sampling", [Sampling(), Sampling(0.7, 3)])
def test_one_row_without_numbers_leaves_the_others_theirs(critic, monkeypatch, sampling):
    asks = [ASK, Ask("What is it?", 1 - IMAGE), Ask("What is it?", IMAGE)]
    before = critic.answer(asks)
    broken(critic, monkeypatch, slice(1, 2), 2)
    after = critic.answer(asks, sampling)
    assert [answer.fault == NOT_FINITE for answer in after] == [False, True, False]
    if not sampling.temperature:
        assert (after[0], after[2]) == (before[0], before[2])


@pytest.mark.parametrize("scoring", list(SCORINGS))
def test_a_model_whose_weights_are_no_numbers_gives_no_verdict_by_any_scoring(critic, monkeypatch, scoring):
    broken_model = copy.deepcopy(critic.model())
    with torch.no_grad():
        for parameter in broken_model.parameters():
            parameter.fill_(math.nan)
    monkeypatch.setattr(critic, "model", lambda: broken_model)
    (critique,) = MLLMCritic(critic, SCORINGS[scoring]).judge(IMAGE[None], [CLAIMS])
    assert critique.abstained and critique.score is None and critique.rewards == {}


@pytest.mark.parametrize(
    "tokens, ends, expected",
    [([[5, 2, 0, 0], [5, 6, 7, 8]], [2], [2, 5]), ([[5, 9, 2, 2], [2, 2, 2, 2]], [9, 2], [2, 1]), ([[5, 2]], [], [3])],
)
def test_a_row_is_as_long_as_it_is_until_its_first_end(tokens, ends, expected):
    assert lengths(torch.tensor(tokens), ends).tolist() == expected
