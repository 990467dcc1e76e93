"""What the pack's sockets accept: checks that name the socket, what came, and what it lacks.

ComfyUI compares the types of sockets by name only; another pack may put anything on a wire.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from typing import TYPE_CHECKING, TypeVar

from torch import nn

from ...xlard.claims import Claim, NotedClaims, check_number_of_claims
from ...xlard.critics.given_critiques import plain_critiques
from ...xlard.critique import Critique
from ...xlard.loop.rounds import BatchRound
from ...xlard.loop.state import LoopState
from ...xlard.models.corrector import CorrectorConfig
from ...xlard.models.head import HeadConfig
from ...xlard.protocols import Editor, Filler
from .graph_loop.flow import Flow
from .managed import ManagedModule
from .sampling.second_model import SecondModel

if TYPE_CHECKING:
    from ...xlard.training.dataset import Dataset

Item = TypeVar("Item")


def as_head(value: object) -> ManagedModule:
    """The module of a head socket, under ComfyUI's memory manager. Raises TypeError for anything but a reward head."""
    return _managed(value, "head", "a reward head, from xLARD Load Reward Head or xLARD Train Reward Head", HeadConfig)


def as_corrector(value: object) -> ManagedModule:
    """The module of a corrector socket, under ComfyUI's memory manager. Raises TypeError for anything but a
    corrector.
    """
    needed = "a corrector, from xLARD Load Corrector or xLARD Train Corrector"
    return _managed(value, "corrector", needed, CorrectorConfig)


def optional_head(value: object | None) -> ManagedModule | None:
    """``as_head`` for a socket that may be empty."""
    return None if value is None else as_head(value)


def optional_corrector(value: object | None) -> ManagedModule | None:
    """``as_corrector`` for a socket that may be empty."""
    return None if value is None else as_corrector(value)


def as_claims(value: object | None) -> NotedClaims | None:
    """The claims of a claims socket with their notes, None if it is empty. Raises TypeError for anything but a list of
    claims.
    """
    return None if value is None else needed_claims(value)


def needed_claims(value: object) -> NotedClaims:
    """``as_claims`` for a socket that must not be empty. Raises ValueError for more than a picture can have."""
    claims = _items(value, Claim, "claims", "a list of claims, from xLARD Claims")
    check_number_of_claims(claims)
    return NotedClaims(claims, getattr(value, "notes", ()))


def as_critiques(value: object) -> list[Critique]:
    """The critiques of a critique socket. Raises TypeError for anything but a list of critiques, and as
    ``plain_critiques`` for what is wrong within one.
    """
    return plain_critiques(
        _items(value, Critique, "critique", "a list of critiques, one for each picture, from xLARD Critique")
    )


def as_states(value: object) -> list[LoopState]:
    """The states of a state socket. Raises TypeError for anything but a list of states."""
    return _items(value, LoopState, "state", "the state of a loop, from xLARD Self-Correct or xLARD Loop End")


def as_finished_states(value: object) -> list[LoopState]:
    """``as_states`` where each has a picture. Raises ValueError for no states and for one without a picture."""
    states = as_states(value)
    if not states or not all(any(version.accepted for version in state.rounds) for state in states):
        raise ValueError("The state input holds no picture yet. Connect the state that xLARD Loop End gives out.")
    return states


def as_states_or_round(value: object | None) -> list[LoopState] | BatchRound | None:
    """What the state socket of xLARD Loop Start holds: nothing, states, or the round that its loop goes on with."""
    return value if value is None or isinstance(value, BatchRound) else as_states(value)


def as_flow(value: object) -> Flow:
    """The flow of a loop's start. Raises TypeError for anything else."""
    if not isinstance(value, Flow):
        raise TypeError(f"The flow input takes the flow of xLARD Loop Start; a {_kind(value)} came.")
    return value


def optional_editor(value: object | None) -> Editor | None:
    """The editor of an edit model socket; None if it is empty. Raises TypeError for what cannot edit."""
    if value is None or isinstance(value, Editor):
        return value
    raise TypeError(
        f"The edit_model input takes an edit model, from xLARD Edit Model; a {_kind(value)} came, which cannot edit."
    )


def optional_filler(value: object | None) -> Filler | None:
    """The filler of a fill model socket; None if it is empty. Raises TypeError for what cannot fill."""
    if value is None or isinstance(value, Filler):
        return value
    raise TypeError(
        f"The fill_model input takes a fill model, from xLARD Fill Model; a {_kind(value)} came, which cannot fill."
    )


def optional_second_model(value: object) -> SecondModel | None:
    """The second model of its socket; None if it is empty. Raises TypeError for anything else."""
    if value is None or isinstance(value, SecondModel):
        return value
    raise TypeError(f"The second_model input takes a second model, from xLARD Second Model; a {_kind(value)} came.")


def as_dataset(value: object) -> Dataset:
    """The dataset of a dataset socket. Raises TypeError for anything else."""
    # Imported late: training is no part of ComfyUI's start.
    from ...xlard.training.dataset import Dataset

    if not isinstance(value, Dataset):
        raise TypeError(f"The dataset input takes a dataset, from xLARD Collect; a {_kind(value)} came.")
    return value


def _items(value: object, kind: type[Item], socket: str, needed: str) -> list[Item]:
    if isinstance(value, str) or not isinstance(value, Sequence):
        raise TypeError(f"The {socket} input takes {needed}; a {_kind(value)} came.")
    foreign = next((item for item in value if not isinstance(item, kind)), None)
    if foreign is not None:
        raise TypeError(f"The {socket} input takes {needed}; a list came that holds a {_kind(foreign)}.")
    return list(value)


def _managed(
    value: object, socket: str, needed: str, config: type[HeadConfig] | type[CorrectorConfig]
) -> ManagedModule:
    lacking = [field.name for field in fields(config) if not hasattr(getattr(value, "config", None), field.name)]
    if lacking:
        raise TypeError(
            f"The {socket} input takes {needed}; a {_kind(value)} came, whose config lacks {', '.join(lacking)}."
        )
    if isinstance(value, ManagedModule):
        return value
    if isinstance(value, nn.Module):
        return ManagedModule(value)
    raise TypeError(f"The {socket} input takes {needed}; a {_kind(value)} came, which is no module of torch.")


def _kind(value: object) -> str:
    return type(value).__name__
