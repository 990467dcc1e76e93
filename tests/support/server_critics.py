"""A critic on the stand-in for a server, a picture, and claims that the stand-in's answers make true or false."""

from __future__ import annotations

import pytest
import torch

from tests.support.chat_server import ChatServer
from xlard.claims import Claim, color_claim, count_claim
from xlard.critics.backend import CriticError
from xlard.critics.mllm import MLLMCritic
from xlard.critics.scoring import make_scoring
from xlard.critics.server import ServerBackend, ServerSettings

KEY = "sk-secret/0123+456"
RIGHT = [
    count_claim("circle", 2),
    count_claim("square", 1),
    color_claim("circle", 2, "red", 2),
    color_claim("square", 1, "blue", 1),
]
WRONG = [
    count_claim("circle", 3),
    count_claim("square", 2),
    color_claim("circle", 3, "red", 3),
    color_claim("square", 2, "green", 2),
]
IMAGE = torch.rand(1, 60, 90, 3, generator=torch.Generator().manual_seed(0))


def backend(server: ChatServer, model: str, **settings) -> ServerBackend:
    return ServerBackend(ServerSettings(**{"url": server.url, "model": model, "timeout": 5, "retries": 1, **settings}))


def judge(backend: ServerBackend, claims: list[Claim] = RIGHT, scoring: str = "grounded"):
    (critique,) = MLLMCritic(backend, make_scoring(scoring)).judge(IMAGE, [claims])
    return critique


def failure(backend: ServerBackend, scoring: str = "grounded", kind: type[Exception] = CriticError) -> str:
    """Judge, which must fail, and return the message, which must be one line without the key."""
    with pytest.raises(kind) as caught:
        judge(backend, scoring=scoring)
    message = str(caught.value)
    assert len(message.splitlines()) == 1 and message.isprintable() and message.endswith(".") and len(message) < 700
    assert "secret" not in repr(caught.value) and caught.value.__cause__ is None
    return message
