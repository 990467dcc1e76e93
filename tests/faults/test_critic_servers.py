"""A critic's server that goes away, comes back, is slow or sends elsewhere while a loop runs."""

from __future__ import annotations

import pytest

from tests.support.broken_loops import best, broken_loop, report
from tests.support.chat_server import LATER, ChatServer

pytestmark = pytest.mark.faults


def judged_by(url: str, model: str, **settings) -> dict:
    """A loop whose critic is a model on a server; what that says does not change with the picture."""
    graph = broken_loop(critic=["asked", 0])
    graph["asked"] = {
        "class_type": "XLARDCriticServer",
        "inputs": {"url": url, "model": model, "retries": 0, "timeout": 5, **settings},
    }
    return graph


@pytest.fixture(scope="module")
def first(faulty):
    """The first picture, which no later one is better than by a critic that says the same of each."""
    return best(faulty, faulty.run(broken_loop(0)))


GOES_WRONG = {
    "hang": "did not answer within 1 s",
    "drip": "did not answer within 1 s",
    "endless": "sends more than",
    "reset": "the connection broke",
    "half": "the connection broke",
    "redirect": "which is not followed",
    "bad-gateway": "502",
    "busy": "429",
    "fail-500": "500",
    "page": "Correct url",
    "not-json": "",
    "deep-json": "",
}
"""What a server does from the second question on, and what the report says then."""


@pytest.mark.parametrize("behaviour", GOES_WRONG)
def test_a_server_that_goes_wrong_after_the_first_picture(faulty, first, server, key: str, behaviour: str) -> None:
    result = faulty.run(judged_by(server.url, f"{LATER}{behaviour}", timeout=1))
    assert (best(faulty, result) == first).all()
    assert GOES_WRONG[behaviour] in report(result) and key not in report(result) + faulty.log()
    assert (best(faulty, faulty.run(judged_by(server.url, "shapes"))) == first).all()


def test_a_server_that_is_slow_is_waited_for(faulty, first, server) -> None:
    result = faulty.run(judged_by(server.url, "slow"))
    assert (best(faulty, result) == first).all() and "ended" not in report(result)


def test_a_server_that_ends_for_good(faulty, first) -> None:
    with ChatServer() as mortal:
        result = faulty.run(judged_by(mortal.url, f"{LATER}ends"))
    assert (best(faulty, result) == first).all() and "The loop ended there." in report(result)


def test_a_server_that_ends_and_comes_back(faulty, first) -> None:
    with ChatServer() as mortal:
        port = mortal.port
        mortal.kill()
        with ChatServer(port, delay=2.0) as back:
            result = faulty.run(judged_by(back.url, "shapes", retries=8))
            assert len(back.requests()) == 3
    assert (best(faulty, result) == first).all() and "ended" not in report(result)
