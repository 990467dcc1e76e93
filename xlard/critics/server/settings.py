"""The settings of a critic on a server."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

from ..boxes import CONVENTIONS
from .address import Address

AUTO = "auto"
URL = "http://127.0.0.1:8080/v1"


@dataclass(frozen=True)
class ServerSettings:
    """Which model to ask at which ``url``, and how; an empty ``model`` is the first that the server lists.

    ``boxes`` is the name of a convention of boxes, or ``auto`` for that of the model's name. ``timeout`` is in seconds
    for one answer, and again for a server that still loads its model; ``retries`` is how often a request is repeated
    after the first try, ``parallel`` how many run at once, ``max_tokens`` the longest answer. Without ``allow_remote``
    the server must be on this machine. ``keep_alive`` is for how many seconds an Ollama on this machine keeps its model
    in memory after a judgement: none, so that a sampler has it; below 0, for good. Raises ValueError for settings that
    cannot work.
    """

    url: str = URL
    model: str = ""
    boxes: str = AUTO
    timeout: float = 120.0
    retries: int = 2
    parallel: int = 1
    max_tokens: int = 2048
    allow_remote: bool = False
    keep_alive: int = 0

    def __post_init__(self) -> None:
        if self.boxes != AUTO and self.boxes not in CONVENTIONS:
            raise ValueError(f"There is no box convention {self.boxes!r}; there are {', '.join([AUTO, *CONVENTIONS])}.")
        if not (math.isfinite(self.timeout) and self.timeout > 0):
            raise ValueError(f"The time for an answer must be above 0 seconds, not {self.timeout}.")
        for name, least in (("retries", 0), ("parallel", 1), ("max_tokens", 1)):
            if getattr(self, name) < least:
                raise ValueError(f"{name} must be at least {least}, not {getattr(self, name)}.")
        if not self.address.is_loopback and not self.allow_remote:
            raise ValueError(
                f"The critic's server {self.address.netloc} is not on this machine, and pictures would be sent "
                "to it. Turn on allow_remote if you want that; for a server on this machine write 127.0.0.1."
            )

    @cached_property
    def address(self) -> Address:
        """The address of the server."""
        return Address.parse(self.url)
