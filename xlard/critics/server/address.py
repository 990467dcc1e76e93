"""The address of a critic's server: which hosts are this machine, and which get the key."""

from __future__ import annotations

import ipaddress
import os
import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from ..backend import CriticError

KEY, KEY_HOST = "XLARD_API_KEY", "XLARD_API_HOST"
"""Environment variables: a server's key, and the only host besides this machine that may have it."""

_FIX = "Write it like http://127.0.0.1:8080/v1."
_NAME = re.compile(r"[a-z0-9_](?:[a-z0-9._-]*[a-z0-9])?")
_PATH = re.compile(r"[A-Za-z0-9._~/-]*")


@dataclass(frozen=True)
class Address:
    """The base of an OpenAI-compatible API: http or https, host in lower case, port, path without a slash at its end.

    Its text is the base URL. It consists of the checked fields only: no other host can hide in it.
    """

    scheme: str
    host: str
    port: int
    path: str

    @classmethod
    def parse(cls, url: str) -> Address:
        """The address in a base URL, with or without ``/v1``, or in the URL of the chat endpoint.

        Raises ValueError for anything else.
        """
        text = url.strip()
        # No message may show a password, or a key in a query.
        if "@" in text or "?" in text or "#" in text:
            raise ValueError(
                "The URL of the critic's server holds a user name, a query or a fragment. A key belongs into "
                f"the environment variable {KEY}. {_FIX}"
            )
        try:
            parts = urlsplit(text)
            host, port = (parts.hostname or "").lower(), parts.port
        except ValueError as error:
            raise ValueError(f"The URL {url!r} cannot be read ({error}). {_FIX}") from error
        if parts.scheme not in ("http", "https"):
            raise ValueError(f"The URL {url!r} does not begin with http:// or https://. {_FIX}")
        if not (_ip(host) or _NAME.fullmatch(host)) or "%" in host or port == 0:
            raise ValueError(f"The URL {url!r} names no host and port. {_FIX}")
        path = parts.path.rstrip("/").removesuffix("/chat/completions")
        if not _PATH.fullmatch(path) or not text.isprintable():
            raise ValueError(f"The path of the URL {url!r} cannot be read. {_FIX}")
        return cls(parts.scheme, host, port or (443 if parts.scheme == "https" else 80), path or "/v1")

    @property
    def netloc(self) -> str:
        """Host and port."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def is_loopback(self) -> bool:
        """Whether the host is this machine by its very name: 127.0.0.0/8, ::1 or localhost."""
        address = _ip(self.host)
        return address.is_loopback if address else self.host == "localhost"

    @property
    def is_trusted(self) -> bool:
        """Whether the host may have the key: this machine, or the host that ``XLARD_API_HOST`` names."""
        trusted_host = os.environ.get(KEY_HOST, "").strip().lower()
        return self.is_loopback or trusted_host in (self.host, self.netloc)

    def __str__(self) -> str:
        return f"{self.scheme}://{self.netloc}{self.path}"


def api_key() -> str:
    """The key in ``XLARD_API_KEY``, empty if it is not set.

    Raises CriticError, which does not show the value, if it cannot be a key.
    """
    key = os.environ.get(KEY, "").strip()
    if not key.isascii() or not key.isprintable() or " " in key:
        raise CriticError(
            f"The environment variable {KEY} holds characters that no key has. Set it again without spaces "
            "or line breaks inside, and restart ComfyUI."
        )
    return key


def _ip(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None
