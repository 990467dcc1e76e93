"""A model on an OpenAI-compatible server (llama.cpp, Ollama, LM Studio, vLLM) as backend."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

from torch import Tensor

from ..backend import GREEDY, Answer, Ask, CannotDo, CriticError, Sampling
from ..boxes import CONVENTIONS, BoxConvention, convention_of
from ..pictures import resized_picture
from . import errors
from .address import api_key
from .http import TimedOut
from .interruptible import run_apart
from .settings import AUTO, ServerSettings

if TYPE_CHECKING:
    from .session import ChatSession

T = TypeVar("T")

_LOG = logging.getLogger(__name__)

_PATCH = 28
"""Models that write boxes in pixels (Qwen2.5-VL) do not resize a picture whose sides are multiples of this."""


class ServerBackend:
    """Asks a model over HTTP; implements ``backend.Backend``.

    ``check_interrupt`` is called about every 0.1 s; if it raises, the connections are closed, and the server stops too.
    ``on_progress(done, total)`` counts questions. Nothing is sent before the first question. Each call reads the key
    from the environment; it is not stored.
    """

    def __init__(
        self,
        settings: ServerSettings,
        check_interrupt: Callable[[], None] | None = None,
        on_progress: Callable[[float, int], None] | None = None,
    ):
        from .session import Learned

        self.settings, self._learned = settings, Learned()
        self._holders, self._asked = 0, False
        self.check_interrupt, self.on_progress = (
            check_interrupt or (lambda: None),
            on_progress or (lambda done, total: None),
        )

    @property
    def name(self) -> str:
        """The model, or the server's address before the model is known."""
        return self.settings.model or self._learned.model or self.settings.address.netloc

    @property
    def boxes(self) -> BoxConvention:
        """How the model writes boxes; may ask the server which model it has. Raises CriticError."""
        if self.settings.boxes != AUTO:
            return CONVENTIONS[self.settings.boxes]
        return convention_of(self.settings.model or self._learned.model or self._run(lambda session: session.model()))

    def seen_size(self, image: Tensor) -> tuple[int, int]:
        """Width and height of the picture that is sent for an image (H, W, 3)."""
        return resized_picture(image, self._multiple()).size

    def answer(self, asks: Sequence[Ask], sampling: Sampling = GREEDY) -> list[Answer]:
        """An answer for each question, without a confidence. Raises CriticError.

        A question whose answer takes too long has none, if others have one: the server does not hang.
        """
        answered, late = 0, []

        async def answer(session: ChatSession, ask: Ask, picture: str | None) -> Answer:
            nonlocal answered
            try:
                result = await session.answer(ask, picture, sampling)
            except TimedOut as error:
                late.append(error)
                if not answered and len(late) > 1:
                    raise
                return Answer("", fault=str(error), is_final=True)
            answered += 1
            return result

        answers = self._ask_all(asks, answer)
        if late and not answered:
            raise late[0]
        return answers

    def probability_of_yes(self, asks: Sequence[Ask]) -> list[float | None]:
        """P(yes) / (P(yes) + P(no)) in [0, 1] of the next word; None where the model refuses or says neither.

        Raises CriticError, also if the model says neither to any question, CannotDo if the server reports no
        probabilities.
        """
        neither: list[errors.NeitherYesNorNo] = []

        async def probability(session: ChatSession, ask: Ask, picture: str | None) -> float | None:
            try:
                return await session.probability_of_yes(ask, picture)
            except errors.NeitherYesNorNo as error:
                neither.append(error)
                return None

        values = self._ask_all(asks, probability)
        if neither and len(neither) == len(asks):
            raise neither[0]
        return values

    def log_likelihood(self, asks: Sequence[Ask], texts: Sequence[str]) -> list[float]:
        """Raises CannotDo: the API has no request for it."""
        raise CannotDo(
            "A critic on a server cannot say how likely a given text is, because its API has no request for it. "
            "Use xLARD Load Critic for this, or score by grounded, per claim or rubric."
        )

    def _ask_all(self, asks: Sequence[Ask], request: Callable[[ChatSession, Ask, str | None], Awaitable[T]]) -> list[T]:
        """The results of ``request`` for each question and the data URL of its picture, ``parallel`` at a time."""
        pictures = self._pictures(asks)
        done = shown = 0

        async def all_requests(session: ChatSession) -> list[T]:
            # Once, before all questions ask for it.
            await session.model()
            gate = asyncio.Semaphore(self.settings.parallel)

            async def in_turn(ask: Ask) -> T:
                nonlocal done
                async with gate:
                    result = await request(session, ask, pictures.get(id(ask.image)))
                done += 1
                return result

            tasks = [asyncio.create_task(in_turn(ask)) for ask in asks]
            try:
                return await asyncio.gather(*tasks)
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)

        def show() -> None:
            nonlocal shown
            if done != shown:
                shown = done
                self.on_progress(done, len(asks))

        results = self._run(all_requests, show) if asks else []
        show()
        self._asked = self._asked or bool(asks)
        self._give_back()
        return results

    @contextmanager
    def kept_loaded(self) -> Iterator[None]:
        """A context for several calls: an Ollama on this machine gives its memory back after the last one.

        Outside of it, it does so after each call.
        """
        self._holders += 1
        try:
            yield
        finally:
            self._holders -= 1
        self._give_back()

    def _give_back(self) -> None:
        if self._holders or not self._asked or not self.settings.address.is_loopback:
            return
        from . import ollama

        learned, settings = self._learned, self.settings
        self._asked = False

        async def give_back() -> None:
            async with ollama.client_of(settings.address) as client:
                if learned.is_ollama is None:
                    learned.is_ollama = await ollama.is_ollama(client)
                if learned.is_ollama:
                    await ollama.keep_alive(client, settings.model or learned.model, settings.keep_alive)

        try:
            if learned.is_ollama is not False:
                run_apart(give_back, self.check_interrupt)
        except CriticError as error:
            _LOG.warning("xLARD: %s The sampler may have too little memory beside it.", error)

    def _run(self, work: Callable[[ChatSession], Awaitable[T]], show: Callable[[], None] = lambda: None) -> T:
        from .http import HttpClient
        from .session import ChatSession

        settings = self.settings
        key = api_key() if settings.address.is_trusted else ""

        async def connected() -> T:
            async with HttpClient(
                settings.address, key, settings.timeout, errors.is_passing, errors.is_loading
            ) as client:
                return await work(ChatSession(client, settings, self._learned, key))

        def each_poll() -> None:
            self.check_interrupt()
            show()

        return run_apart(connected, each_poll)

    def _pictures(self, asks: Sequence[Ask]) -> dict[int, str]:
        """The data URL of each picture, by the image's id."""
        from .completions import data_url

        pictures: dict[int, str] = {}
        for ask in asks:
            if ask.image is not None and id(ask.image) not in pictures:
                self.check_interrupt()
                pictures[id(ask.image)] = data_url(resized_picture(ask.image, self._multiple()))
        return pictures

    def _multiple(self) -> int:
        return 1 if self.boxes.scale else _PATCH
