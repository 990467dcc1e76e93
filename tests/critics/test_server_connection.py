"""The connection to a critic's server: waiting, cancelling, keys, and addresses where nobody answers."""

from __future__ import annotations

import socket
import threading
import time

import pytest

from tests.support.server_critics import IMAGE, KEY, backend, failure, judge
from xlard.critics.backend import Ask, CriticError
from xlard.critics.server import ServerBackend, ServerSettings
from xlard.critics.server.address import Address


def test_retry_after_is_honoured(server):
    start = time.monotonic()
    assert judge(backend(server, "busy-once")).passed
    assert 0.4 <= time.monotonic() - start < 3 and len(server.requests()) == 2


@pytest.mark.parametrize("parallel, least, most", [(1, 1, 1), (3, 2, 3)])
def test_requests_overlap_as_far_as_is_set(server, parallel, least, most):
    done = []
    critic = ServerBackend(
        ServerSettings(server.url, "slow", parallel=parallel), on_progress=lambda *now: done.append(now)
    )
    critic.answer([Ask("What is it?", image) for image in IMAGE.expand(3, -1, -1, -1)])
    assert least <= max(seen["at_once"] for seen in server.requests()) <= most
    assert done == sorted(set(done)) and done[-1] == (3, 3)


class Stop(Exception):
    """What the artist's click on Cancel raises."""


@pytest.mark.parametrize("model, parallel", [("hang", 1), ("hang", 4), ("drip", 1), ("busy-for-an-hour", 1)])
def test_cancelling_ends_a_wait_in_under_a_second_and_closes_the_connections(server, model, parallel):
    cancelled = threading.Event()

    def check() -> None:
        if cancelled.is_set():
            raise Stop

    critic = ServerBackend(ServerSettings(server.url, model, parallel=parallel), check)
    clock = []
    timer = threading.Timer(0.4, lambda: (clock.append(time.monotonic()), cancelled.set()))
    timer.start()
    with pytest.raises(Stop):
        critic.answer([Ask("What is it?", IMAGE[0])] * parallel)
    assert time.monotonic() - clock[0] < 1
    if model == "hang":
        time.sleep(0.2)
        assert [seen["closed"] for seen in server.requests()] == [True] * parallel


def test_one_fault_ends_the_other_requests(server):
    asks = [Ask("What is it?", IMAGE[0])] * 3
    with pytest.raises(CriticError, match="too large"):
        backend(server, "too-large", parallel=3, timeout=60).answer(asks)


def test_the_key_is_sent_to_this_machine_and_stored_nowhere(server, caplog):
    caplog.set_level("DEBUG")
    critic = backend(server, "needs-key")
    message = failure(critic)
    assert [seen["key"] for seen in server.requests()] == [f"Bearer {KEY}"]
    assert KEY not in message + repr(critic) + str(vars(critic)) + repr(critic.settings) + caplog.text


def test_without_a_key_none_is_sent_and_the_message_says_how_to_set_one(server, monkeypatch):
    monkeypatch.delenv("XLARD_API_KEY")
    assert "Set the environment variable XLARD_API_KEY to its key" in failure(backend(server, "needs-key"))
    assert server.requests()[0]["key"] is None


@pytest.mark.parametrize("key", ["two words", "line\nbreak", "umläut"])
def test_a_key_that_is_none_is_refused_without_being_shown(server, monkeypatch, key):
    monkeypatch.setenv("XLARD_API_KEY", key)
    message = failure(backend(server, "shapes"))
    assert "XLARD_API_KEY holds characters that no key has" in message and key not in message
    assert server.requests() == []


def test_a_server_elsewhere_that_wants_a_key_gets_none_and_the_message_says_so(server, monkeypatch):
    # The stand-in plays a host elsewhere: only the name decides, and here no name is this machine's.
    monkeypatch.setattr(Address, "is_loopback", False)
    critic = backend(server, "needs-key", allow_remote=True)
    message = failure(critic)
    assert "no key was sent" in message and "XLARD_API_HOST to 127.0.0.1" in message
    monkeypatch.setenv("XLARD_API_HOST", "127.0.0.1")
    failure(critic)
    assert [seen["key"] for seen in server.requests()] == [None, f"Bearer {KEY}"]


def test_no_server_at_the_address(server):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        message = failure(backend(server, "shapes", url=f"http://127.0.0.1:{taken.getsockname()[1]}"))
    assert "No server answers at http://127.0.0.1:" in message and "Start llama.cpp, Ollama" in message


def test_a_host_name_that_nobody_knows(server):
    message = failure(backend(server, "shapes", url="http://no-such-host.invalid", allow_remote=True))
    assert "The host name no-such-host.invalid of the critic's server is not known. Correct url" in message


def test_a_server_without_tls_is_not_asked_in_plain_words(server):
    message = failure(backend(server, "shapes", url=server.url.replace("http", "https")))
    assert "Write http:// for a server without TLS" in message
    assert server.requests() == []


def test_proxies_of_the_environment_are_not_used(server, monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    monkeypatch.delenv("no_proxy", raising=False)
    assert judge(backend(server, "shapes")).passed


def test_a_cookie_is_not_sent_back(server):
    # Of an address in numbers no cookie is kept.
    critic = backend(server, "sets-a-cookie", url=server.url.replace("127.0.0.1", "localhost"), parallel=1)
    critic.answer([Ask("What is it?", image) for image in IMAGE.expand(2, -1, -1, -1)])
    assert [seen["cookie"] for seen in server.requests()] == [None, None]


def test_it_works_where_an_event_loop_runs(server):
    import asyncio

    async def inside() -> bool:
        return judge(backend(server, "shapes")).passed

    assert asyncio.run(inside())
