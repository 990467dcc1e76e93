"""Odd values on each input of each node of a real server: used, or refused in words, and the next job runs."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

import pytest

from tests.support.fuzzing import Fuzzer, fuzz, prepare
from tests.support.graphs import demo_graph, pictures
from tests.support.servers import ServerWithNodes
from xlard.comfy_server.server import ComfyServer


@pytest.fixture(scope="module")
def odd() -> Iterator[ComfyServer]:
    with ServerWithNodes("odd_values.py") as server:
        prepare(server)
        yield server


def held(odd: ComfyServer, seed: int, number: int, first: int = 0, seconds: float = 1e9) -> None:
    fuzzer = Fuzzer(odd)
    outcome = fuzz(odd, fuzzer, list(islice(fuzzer.cases(seed), first, first + number)), seconds)
    print(outcome)
    assert not outcome.raw, "\n".join(outcome.raw)
    assert outcome.cases > 20
    assert pictures(odd, demo_graph(steps=1), "decoded").shape[0] == 1


def test_a_share_of_odd_values_is_used_or_refused_in_words(odd) -> None:
    held(odd, seed=0, number=2000, seconds=20)


@pytest.mark.big
@pytest.mark.parametrize("first", range(0, 24_000, 3000))
def test_every_odd_value_on_every_input_is_used_or_refused_in_words(odd, first: int) -> None:
    """In parts, so that what one of them finds costs no other, and each can be run alone: ``-k 6000``."""
    held(odd, seed=1, number=3000, first=first)
