"""Questions to one server: which model, in which form, and what a refusal means."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from ..backend import Answer, Ask, CriticError, Sampling
from . import completions, dialect, endings, errors
from .http import HttpClient, HttpReply, Patience
from .settings import ServerSettings


@dataclass
class Learned:
    """What a server has shown: the first model that it lists, the names of the changes that requests to it need, and
    whether it is Ollama, None while that is not known.
    """

    model: str = ""
    changes: set[str] = field(default_factory=set)
    is_ollama: bool | None = None


class ChatSession:
    """Asks through an open client and updates ``learned``. No result or error holds the ``key``."""

    def __init__(self, client: HttpClient, settings: ServerSettings, learned: Learned, key: str):
        self._client, self._settings, self._learned, self._key = client, settings, learned, key
        self._address = settings.address

    async def model(self) -> str:
        """The model to ask: that of the settings, or the first that the server lists. Raises CriticError."""
        if not (self._settings.model or self._learned.model):
            self._learned.model = await self._first_model()
        return self._settings.model or self._learned.model

    async def answer(self, ask: Ask, picture: str | None, sampling: Sampling) -> Answer:
        """The answer to a question about the picture of a data URL. Raises CriticError."""
        model, limit = await self.model(), self._settings.max_tokens
        choice = await self._choice(completions.answer_request(model, ask, picture, limit, sampling))
        answer = endings.answer_of(choice, self._shown(model), limit, self._shown(str(choice.finish_reason)))
        return replace(answer, text=errors.without_key(answer.text, self._key))

    async def probability_of_yes(self, ask: Ask, picture: str | None) -> float | None:
        """P(yes) / (P(yes) + P(no)) of the next word; None for a refusal, and for probabilities that are no numbers.

        Raises NeitherYesNorNo if the model says something else, CannotDo if the server reports no probabilities, and
        CriticError.
        """
        model = await self.model()
        choice = await self._choice(completions.next_word_request(model, ask, picture))
        if endings.is_refused(choice):
            return None
        tokens = completions.top_tokens(choice)
        if tokens is None:
            raise errors.no_probabilities(self._address, self._shown(model))
        if not tokens:
            return None
        value = completions.probability_of_yes(tokens)
        if value is None:
            next_word = self._shown(completions.likeliest(tokens))
            raise errors.NeitherYesNorNo(
                f"The model {self._shown(model)} answers neither yes nor no: its likeliest next word is "
                f"{next_word!r}. Turn its thinking off on the server, or score by grounded, per claim or rubric."
            )
        return value

    async def _choice(self, request: dict) -> completions.Choice:
        """The first answer to a request, in the form that the server takes."""
        patience, changes = self._patience(), set(self._learned.changes)
        while True:
            reply = await self._client.send("/chat/completions", dialect.changed(request, changes), patience)
            if reply.is_success:
                self._learned.changes |= changes
                return completions.read_choice(reply, self._address, self._key)
            if errors.is_filtered(reply):
                return completions.refused()
            needed = dialect.needed_change(request, reply, changes)
            if not needed:
                raise await self._refusal(reply, request["model"], patience.tries)
            changes.add(needed)

    async def _refusal(self, reply: HttpReply, model: str, tries: int) -> CriticError:
        names = None
        if errors.is_about_model(reply):
            # The server may have loaded another model since it listed its first.
            self._learned.model = ""
            try:
                models = await self._client.send("/models", None, Patience(0, 0))
                names = self._names(models) if models.is_success else None
            except CriticError:
                names = None
        return errors.refusal(reply, self._address, model, self._key, tries, names)

    async def _first_model(self) -> str:
        patience = self._patience()
        reply = await self._client.send("/models", None, patience)
        if reply.status == 404:
            raise CriticError(
                f"The critic's server at {self._address} does not list its models (404). Correct url, which "
                "usually ends in /v1, or write the model's name."
            )
        if not reply.is_success:
            raise errors.refusal(reply, self._address, "", self._key, patience.tries)
        # LM Studio also lists models that only embed text.
        name = next((name for name in self._names(reply) if "embed" not in name.lower()), None)
        if name is None:
            raise CriticError(
                f"The critic's server at {self._address} lists no model that can answer. Load a "
                "vision-language model there, or write its name."
            )
        return name

    def _names(self, reply: HttpReply) -> list[str]:
        return [model.id for model in completions.read(completions.Models, reply, self._address, self._key).data or []]

    def _patience(self) -> Patience:
        return Patience(self._settings.retries, self._settings.timeout)

    def _shown(self, text: str) -> str:
        return errors.one_line(text, self._key)
