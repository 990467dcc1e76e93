"""Ollama keeps a model in memory for minutes after its last answer; a sampler on the same GPU needs that memory."""

from __future__ import annotations

import json

from ..backend import CriticError
from .address import Address
from .http import HttpClient, HttpReply, Patience

_PATIENCE = 5.0
"""Seconds that Ollama may take for one of these replies; both are small."""


def own_api(address: Address) -> Address:
    """Where Ollama's own API is, beside the one that is OpenAI's."""
    return Address(address.scheme, address.host, address.port, address.path.removesuffix("/v1"))


def client_of(address: Address) -> HttpClient:
    """A client for Ollama's own API, for use as a context manager."""
    return HttpClient(own_api(address), "", _PATIENCE, _never, _never)


async def is_ollama(client: HttpClient) -> bool:
    """Whether the server is Ollama: others have no version at this path."""
    try:
        reply = await client.send("/api/version", None, Patience(0, 0))
        found = json.loads(reply.text) if reply.is_success else None
    except (CriticError, ValueError, RecursionError):
        return False
    return isinstance(found, dict) and isinstance(found.get("version"), str)


async def keep_alive(client: HttpClient, model: str, seconds: int) -> None:
    """Have Ollama keep a model in memory for so long; it goes at once for 0 seconds. Raises CriticError."""
    reply = await client.send("/api/generate", {"model": model, "keep_alive": seconds}, Patience(0, 0))
    if not reply.is_success:
        raise CriticError(f"Ollama at {client.address} does not take {model} out of memory ({reply.status}).")


def _never(reply: HttpReply) -> bool:
    return False
