"""Critics that other packs add by name, and what counts as a critic."""

from __future__ import annotations

from collections.abc import Callable

from ..protocols import Judge
from .backend import Backend, check_backend
from .critic_pair import CriticPair
from .mllm import MLLMCritic
from .scoring import Scorer
from .segmenter.critic import MaskedCritic

_FACTORIES: dict[str, Callable[[], Judge | Backend]] = {}


def register_critic(name: str, make: Callable[[], Judge | Backend]) -> None:
    """Offer a critic under a name, beside the folders that xLARD Load Critic lists.

    ``make`` is called when the critic is first loaded, and returns a judge or a backend. Raises ValueError for an empty
    name or one that is taken.
    """
    if not name.strip():
        raise ValueError("A critic needs a name that people can choose it by.")
    if name in _FACTORIES:
        raise ValueError(f"There is a critic '{name}' already. Give this one another name.")
    _FACTORIES[name] = make


def critic_names() -> list[str]:
    """The names of the critics that other packs have registered."""
    return list(_FACTORIES)


def made_critic(name: str) -> Judge:
    """A registered critic. Raises ValueError for an unknown name, TypeError for what is no critic."""
    if name not in _FACTORIES:
        raise ValueError(
            f"No pack has registered a critic '{name}'. Install or enable its pack, or choose another critic."
        )
    return as_judge(_FACTORIES[name]())


def as_judge(value: object) -> Judge:
    """What has ``judge()`` as it is, and a backend as a critic with the default scoring.

    Raises TypeError, which says what is lacking, for anything else.
    """
    if callable(getattr(value, "judge", None)) and not isinstance(value, type):
        return value  # type: ignore[return-value]  # the protocol has this one member
    try:
        check_backend(value)
    except TypeError as error:
        raise TypeError(
            f"{type(value).__name__} is no critic: it has no judge(), and is no backend either. {error}"
        ) from error
    return MLLMCritic(value)  # type: ignore[arg-type]  # checked above


def as_writer(value: object) -> MLLMCritic:
    """A critic whose model can be asked in words, as splitting prompts and comparing pictures need: of a pair its
    language model, of one with a segmenter the critic.

    Raises TypeError for one that only judges.
    """
    critic = as_judge(value)
    if isinstance(critic, CriticPair):
        return as_writer(critic.language)
    if isinstance(critic, MaskedCritic):
        return as_writer(critic.critic)
    if not isinstance(critic, MLLMCritic):
        raise TypeError(
            f"The critic {type(value).__name__} can judge pictures, but not be asked in words, which this needs. "
            "Connect a language model: xLARD Load Critic, xLARD Critic Server or xLARD Critic From CLIP."
        )
    return critic


def with_scoring(value: object, scoring: Scorer) -> Judge:
    """A critic with another scoring; of a pair the language model gets it. Raises TypeError for one that only
    judges.
    """
    if isinstance(value, CriticPair):
        return CriticPair(value.detector, with_scoring(value.language, scoring))
    if isinstance(value, MaskedCritic):
        return MaskedCritic(with_scoring(value.critic, scoring), value.segmenter)
    return as_writer(value).with_scoring(scoring)
