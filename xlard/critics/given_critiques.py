"""Critiques that somebody else's code gave: each part is what it has to be, or the part that is not is named."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import replace
from numbers import Real
from typing import Any, TypeVar

from torch import Tensor

from ..characters import shown_value
from ..claims import Claim
from ..critique import Critique, RegionScore, Verdict
from ..detections import Detection

Kind = TypeVar("Kind")

_MEND = "Tell the authors of its pack, or take another critic."


def plain_critiques(given: object) -> list[Critique]:
    """The critiques that a judge gave, with plain numbers in place of NumPy's and torch's.

    Raises TypeError and ValueError, which name the part, where one is no critique or holds what does not belong there:
    a critique is shown, saved and compared long after its judge could be blamed.
    """
    if not isinstance(given, Iterable) or isinstance(given, (str, bytes, Mapping)):
        raise _refused("no list of critiques", given)
    return [plain_critique(critique) for critique in given]


def plain_critique(given: object) -> Critique:
    """One critique, as ``plain_critiques``."""
    critique = _of(Critique, given, "critiques")
    if not isinstance(critique.rewards, Mapping):
        raise _refused("rewards that are no numbers by aspect", critique.rewards)
    if not isinstance(critique.answer, str):
        raise _refused("an answer that is no text", critique.answer)
    return replace(
        critique,
        verdicts=tuple(_verdict(_of(Verdict, value, "verdicts")) for value in _items(critique.verdicts, "verdicts")),
        detections=tuple(map(_detection, _items(critique.detections, "detections"))),
        rewards={str(aspect): _number(value, f"reward for {aspect}") for aspect, value in critique.rewards.items()},
        confidence=_number(critique.confidence, "confidence"),
        regions=tuple(_region(_of(RegionScore, value, "regions")) for value in _items(critique.regions, "regions")),
    )


def _verdict(verdict: Verdict) -> Verdict:
    claim = _of(Claim, verdict.claim, "claims")
    if not isinstance(verdict.reason, str):
        raise _refused(f"a reason for '{claim.text}' that is no text", verdict.reason)
    return replace(
        verdict,
        passed=_switch(verdict.passed, f"verdict on '{claim.text}'"),
        score=None if verdict.score is None else _number(verdict.score, f"score of '{claim.text}'"),
        evidence=tuple(map(_detection, _items(verdict.evidence, "evidence"))),
        spread=_number(verdict.spread, f"spread of '{claim.text}'"),
    )


def _region(region: RegionScore) -> RegionScore:
    if not isinstance(region.reason, str):
        raise _refused("a reason for a box that is no text", region.reason)
    return replace(region, detection=_detection(region.detection), score=_number(region.score, "score of a box"))


def _detection(value: object) -> Detection:
    seen = _of(Detection, value, "boxes")
    if not isinstance(seen.noun, str) or not isinstance(seen.color, str | None):
        raise _refused("a box whose noun or colour is no text", seen.color if isinstance(seen.noun, str) else seen.noun)
    if not isinstance(seen.mask, Tensor | None):
        raise _refused("a box whose mask is no tensor", seen.mask)
    numbers: dict[str, Any] = {name: _number(getattr(seen, name), f"{name} of a box") for name in _OF_A_BOX}
    return replace(seen, **numbers)


_OF_A_BOX = ("x", "y", "width", "height", "score")


def _of(kind: type[Kind], value: object, what: str) -> Kind:
    if not isinstance(value, kind):
        raise _refused(f"something else among its {what}", value)
    return value


def _items(values: object, what: str) -> Iterable[object]:
    if not isinstance(values, (list, tuple)):
        raise _refused(f"no list of {what}", values)
    return values


def _plain(value: Any) -> Any:
    """A number or switch out of a tensor or an array that holds just it; anything else as it is."""
    return value.item() if hasattr(value, "item") and getattr(value, "ndim", None) == 0 else value


def _number(value: object, what: str) -> float:
    number = _plain(value)
    if isinstance(number, bool) or not isinstance(number, Real):
        raise _refused(f"a {what} that is no number", value)
    if not math.isfinite(number):
        raise ValueError(f"The critic gave a {what} of {number}, which is no number to count with. {_MEND}")
    return number if isinstance(number, int) else float(number)


def _switch(value: object, what: str) -> bool | None:
    passed = _plain(value)
    if not isinstance(passed, bool | None):
        raise _refused(f"a {what} that is neither yes nor no nor nothing", value)
    return passed


def _refused(what: str, value: object) -> TypeError:
    return TypeError(f"The critic gave {what}: {shown_value(value)}. {_MEND}")
