"""What tests of critics on a server share."""

from __future__ import annotations

import pytest

from tests.support.chat_server import ChatServer
from tests.support.server_critics import KEY
from xlard.critics.server import http


@pytest.fixture
def server(stand_in: ChatServer, monkeypatch: pytest.MonkeyPatch) -> ChatServer:
    """The stand-in without memory of earlier tests, a key in the environment, and short waits."""
    stand_in.forget()
    monkeypatch.setenv("XLARD_API_KEY", KEY)
    monkeypatch.delenv("XLARD_API_HOST", raising=False)
    monkeypatch.setattr(http, "FIRST_WAIT", 0.02)
    return stand_in
