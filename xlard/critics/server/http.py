"""HTTP to a critic's server: limited in time and size, with retries if they may help."""

from __future__ import annotations

import asyncio
import math
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

from ..backend import CriticError
from .address import Address

if TYPE_CHECKING:
    from aiohttp import ClientConnectorError, StreamReader

LIMIT = 16 * 1024 * 1024
"""The longest body that is read, in bytes."""

FIRST_WAIT, LONGEST_WAIT = 0.5, 30.0
"""Seconds before the second try, doubled for each further try, and the longest wait, even if the server wants more."""


@dataclass(frozen=True)
class HttpReply:
    """A server's whole reply. ``retry_after`` is in seconds, None if the server does not say."""

    status: int
    body: bytes
    content_type: str = ""
    location: str = ""
    retry_after: float | None = None

    @property
    def is_success(self) -> bool:
        """Whether the status is between 200 and 299."""
        return 200 <= self.status < 300

    @property
    def text(self) -> str:
        """The body as text; bytes that are no UTF-8 are replaced."""
        return self.body.decode("utf-8-sig", errors="replace")


class TimedOut(CriticError):
    """No whole reply came in time: the server hangs, or the model writes without end."""


class Patience:
    """How long a question is tried: ``retries`` times after the first, or ``loading`` seconds for a server that
    starts.
    """

    def __init__(self, retries: int, loading: float):
        self.tries, self._retries, self._end = 1, retries, time.monotonic() + loading

    async def wait(self, retry_after: float | None = None, loading: bool = False) -> bool:
        """Wait until the next try is due; False at once if no try is left."""
        if time.monotonic() > self._end if loading else self.tries > self._retries:
            return False
        wait = FIRST_WAIT * 2 ** (self.tries - 1) if retry_after is None else retry_after
        self.tries += 1
        await asyncio.sleep(min(wait, LONGEST_WAIT))
        return True


class HttpClient:
    """Requests to one server, without proxies, cookies or redirects; an asynchronous context manager.

    ``timeout`` is in seconds for one reply. A request is repeated after replies that ``is_passing`` accepts, and after
    those that ``is_loading`` accepts for as long as the server may take to start.
    """

    def __init__(
        self,
        address: Address,
        key: str,
        timeout: float,
        is_passing: Callable[[HttpReply], bool],
        is_loading: Callable[[HttpReply], bool],
    ):
        self.address, self._timeout = address, timeout
        self._is_passing, self._is_loading = is_passing, is_loading
        # No compression: a small body could become far larger than the limit.
        self._headers = {"Accept-Encoding": "identity", **({"Authorization": f"Bearer {key}"} if key else {})}

    async def __aenter__(self) -> HttpClient:
        import aiohttp

        self._session = aiohttp.ClientSession(
            headers=self._headers,
            timeout=aiohttp.ClientTimeout(total=self._timeout),
            trust_env=False,
            connector=aiohttp.TCPConnector(limit=0),
            cookie_jar=aiohttp.DummyCookieJar(),
        )
        return self

    async def __aexit__(self, *exception: object) -> None:
        await self._session.close()

    async def send(self, path: str, body: dict | None, patience: Patience) -> HttpReply:
        """GET a path below the base URL, or POST a JSON body to it, and return the reply, whatever its status.

        Raises CriticError if all tries fail to bring a whole reply.
        """
        while True:
            try:
                reply = await self._once(path, body)
            except _Broken as broken:
                if not await patience.wait():
                    raise CriticError(str(broken)) from None
                continue
            loading = self._is_loading(reply)
            if not (loading or self._is_passing(reply)) or not await patience.wait(reply.retry_after, loading):
                return reply

    async def _once(self, path: str, body: dict | None) -> HttpReply:
        import aiohttp

        # No error is chained: aiohttp's errors hold the request with its key.
        server = f"The critic's server at {self.address}"
        try:
            async with self._session.request(
                "GET" if body is None else "POST", f"{self.address}{path}", json=body, allow_redirects=False
            ) as response:
                return HttpReply(
                    response.status,
                    await self._read(response.content),
                    response.content_type,
                    response.headers.get("Location", ""),
                    _seconds(response.headers.get("Retry-After", "")),
                )
        except asyncio.TimeoutError:
            raise TimedOut(
                f"{server} did not answer within {self._timeout:g} s. Raise timeout, lower max_tokens, or check "
                "whether the server hangs."
            ) from None
        except aiohttp.ClientSSLError:
            raise CriticError(
                f"{server} offers no secure connection that can be trusted. Write http:// for a server without "
                "TLS, or install its certificate."
            ) from None
        except aiohttp.ClientConnectorDNSError:
            raise _Broken(
                f"The host name {self.address.host} of the critic's server is not known. Correct url, or check "
                "the network connection."
            ) from None
        except aiohttp.ClientConnectorError as error:
            raise _Broken(
                f"No server answers at {self.address} ({_cause(error)}). Start llama.cpp, Ollama, LM Studio or "
                "vLLM there, or correct url."
            ) from None
        except (aiohttp.ClientConnectionError, aiohttp.ClientPayloadError):
            raise _Broken(
                f"{server} did not finish its answer: the connection broke. The server's log says why; it may have "
                "run out of memory: lower parallel, or take a smaller model."
            ) from None
        except aiohttp.ClientError:
            raise CriticError(
                f"What answers at {self.address} does not speak HTTP as a server of models does. Correct url."
            ) from None

    async def _read(self, content: StreamReader) -> bytes:
        body = bytearray()
        async for chunk in content.iter_any():
            body += chunk
            if len(body) > LIMIT:
                raise CriticError(
                    f"The critic's server at {self.address} sends more than {LIMIT // 2**20} MB for one "
                    "answer. Correct url, or restart the server."
                )
        return bytes(body)


class _Broken(Exception):
    """No whole reply came; the next try may bring one."""


def _cause(error: ClientConnectorError) -> str:
    """Why a connection failed, as the operating system says it."""
    number = error.os_error.errno
    return os.strerror(number).lower() if number else "no connection"


def _seconds(value: str) -> float | None:
    """The seconds in a Retry-After header, which holds seconds or a date; None if it holds neither."""
    try:
        seconds = float(value)
    except ValueError:
        try:
            seconds = parsedate_to_datetime(value).timestamp() - time.time()
        except (TypeError, ValueError, OverflowError):
            return None
    return max(seconds, 0.0) if math.isfinite(seconds) else None
