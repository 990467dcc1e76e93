"""What comes into a node, checked by what the node declares: type, range, membership in a list, length.

ComfyUI checks these for values that stand in a widget, and for nothing that comes over a wire; of a number in a widget
it does not check that it is finite.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any

import numpy as np
import torch
from torch import Tensor

from .characters import shown_value, whole_characters

LONGEST_LINE, LONGEST_TEXT = 2000, 1_000_000
"""Characters of an input of one line, and of several."""

FARTHEST_PLACE = 9_999
"""The last place in the noise of a seed that a picture may be drawn from: ComfyUI draws all noise before it, too."""

_SHOWN_CHOICES = 12
_ROUNDING = 1e-6
"""By so much, relative to a bound of 1 or more, a number may pass its bound: arithmetic nodes round."""

_METHODS = {"MODEL": ("clone", "get_model_object"), "CLIP": ("tokenize",), "VAE": ("decode",)}
_NAMES = {"MODEL": "a model", "CLIP": "a CLIP", "VAE": "a VAE"}


@dataclass(frozen=True)
class Declared:
    """An input as a node declares it: the name that people see, and ComfyUI's name of its type.

    ``minimum`` and ``maximum`` are those of a number, ``choices`` those of a list; a text has several ``lines`` or one.
    """

    name: str
    kind: str
    minimum: float | None = None
    maximum: float | None = None
    choices: Sequence[str] = ()
    lines: bool = False

    def checked(self, value: object) -> Any:
        """The value as the node can use it: 20.0 as 20, 1 as True; all else as it came.

        Raises TypeError for a value of another type, ValueError for one that the node does not take; both name the
        input, the value and the mend.
        """
        if isinstance(value, np.generic):
            value = value.item()
        check = _CHECKS.get(self.kind)
        return value if check is None else check(self, value)

    def refused(self, kind: type[Exception], needed: str, value: object, mend: str) -> Exception:
        """The error for a value."""
        came = "nothing" if value is None else shown_value(value)
        return kind(f"The {self.name} input takes {needed}; {came} came. {mend}")


def _whole_number(declared: Declared, value: Any) -> int:
    mend = "Connect a whole number in this range, or write one into the node."
    needed = f"a whole number{_range(declared)}"
    if isinstance(value, bool) or not isinstance(value, Real):
        raise declared.refused(TypeError, needed, value, mend)
    if not isinstance(value, Integral) and not _as_float(value).is_integer():
        raise declared.refused(ValueError, needed, value, mend)
    number = int(value) if isinstance(value, Integral) else int(float(value))
    if _outside(declared, number, 0.0):
        raise declared.refused(ValueError, needed, number, mend)
    return number


def _number(declared: Declared, value: Any) -> float:
    mend = "Connect a number in this range, or write one into the node."
    needed = f"a number{_range(declared)}"
    if isinstance(value, bool) or not isinstance(value, Real):
        raise declared.refused(TypeError, needed, value, mend)
    number = _as_float(value)
    if not math.isfinite(number) or _outside(declared, value, _ROUNDING):
        raise declared.refused(ValueError, needed, value, mend)
    low = number if declared.minimum is None else max(number, float(declared.minimum))
    return low if declared.maximum is None else min(low, float(declared.maximum))


def _as_float(value: Any) -> float:
    """A number as a float; infinity for one that no float holds."""
    try:
        return float(value)
    except OverflowError:
        return math.inf


def _range(declared: Declared) -> str:
    if declared.minimum is not None and declared.maximum is not None:
        return f" from {declared.minimum:g} to {_shown_bound(declared.maximum)}"
    if declared.minimum is not None:
        return f" of {declared.minimum:g} or more"
    return "" if declared.maximum is None else f" of at most {_shown_bound(declared.maximum)}"


def _shown_bound(bound: float) -> str:
    return str(bound) if isinstance(bound, int) else f"{bound:g}"


def _outside(declared: Declared, number: Any, share: float) -> bool:
    low, high = declared.minimum, declared.maximum
    below = low is not None and number < low - share * max(1.0, abs(low))
    # A whole bound stays one: seeds are larger than the whole numbers that a float can hold.
    return bool(below or (high is not None and number > (high + share * max(1.0, abs(high)) if share else high)))


def _switch(declared: Declared, value: object) -> bool:
    if isinstance(value, (bool, int, float)) and value in (0, 1):
        return bool(value)
    raise declared.refused(TypeError, "true or false", value, "Connect a boolean, or set the switch in the node.")


def _text(declared: Declared, value: object) -> str:
    if not isinstance(value, str):
        raise declared.refused(TypeError, "a text", value, "Connect a text, or write one into the node.")
    most = LONGEST_TEXT if declared.lines else LONGEST_LINE
    if len(value) > most:
        raise declared.refused(ValueError, f"at most {most} characters", value, "Shorten the text.")
    try:
        return value if value.isascii() else whole_characters(value, errors="strict")
    except UnicodeDecodeError as error:
        raise declared.refused(
            ValueError, "whole characters", value, "It holds half of a character (a lone surrogate): write it again."
        ) from error


def _choice(declared: Declared, value: object) -> str:
    shown = ", ".join(declared.choices[:_SHOWN_CHOICES])
    more = len(declared.choices) - _SHOWN_CHOICES
    needed = f"one of {shown}{f' and {more} more' if more > 0 else ''}" if declared.choices else "a name from its list"
    if not isinstance(value, str):
        raise declared.refused(TypeError, needed, value, "Choose one in the node.")
    if value not in declared.choices:
        mend = "Choose one in the node." if declared.choices else "The list is empty: see the input's tooltip."
        raise declared.refused(ValueError, needed, value, mend)
    return value


def _tensor(declared: Declared, value: object, needed: str, dimensions: range, mend: str) -> Tensor:
    if not isinstance(value, Tensor):
        raise declared.refused(TypeError, needed, value, mend)
    lacking = not_plain(value)
    if lacking:
        raise ValueError(f"The {declared.name} input takes {needed}; {lacking} came. {mend}")
    if value.ndim not in dimensions or not value.is_floating_point():
        which = f"a tensor of {str(value.dtype).removeprefix('torch.')} with the shape {tuple(value.shape)}"
        raise ValueError(f"The {declared.name} input takes {needed}; {which} came. {mend}")
    return value


def not_plain(tensor: Tensor) -> str:
    """What kind of tensor it is, if not one that simply holds its numbers, as all that follows needs; else nothing."""
    if tensor.is_nested or tensor.layout != torch.strided:
        return f"a {'nested' if tensor.is_nested else 'sparse'} tensor"
    return "a tensor without values, on the device meta," if tensor.is_meta else ""


def _image(declared: Declared, value: object) -> Tensor:
    needed = "an image (batch, height, width, 3) of floats"
    image = _tensor(declared, value, needed, range(4, 5), "Check the node that made it.")
    if image.shape[-1] < 3:
        raise ValueError(
            f"The {declared.name} input takes {needed}; one of the shape {tuple(image.shape)} came. Convert it to RGB."
        )
    return image


def _mask(declared: Declared, value: object) -> Tensor:
    return _tensor(
        declared, value, "a mask (batch, height, width) of floats", range(2, 5), "Check the node that made it."
    )


def _latent(declared: Declared, value: object) -> Mapping[str, Any]:
    needed, mend = "a latent", "Connect an empty latent, VAE Encode or a sampler."
    if not isinstance(value, Mapping) or "samples" not in value:
        raise declared.refused(TypeError, needed, value, mend)
    _tensor(
        declared,
        value["samples"],
        "a latent whose samples are floats (batch, channels, height, width)",
        range(1, 6),
        "Check the node that made it.",
    )
    mask = value.get("noise_mask")
    if mask is not None:
        mend = "Check the node that set it."
        needed = "a latent whose noise mask is (batch, height, width) of floats"
        if not _tensor(declared, mask, needed, range(2, 6), mend).numel():
            raise ValueError(f"The {declared.name} input takes {needed}; an empty one {tuple(mask.shape)} came. {mend}")
        if not mask.isfinite().all():
            raise ValueError(f"The {declared.name} input takes {needed}; one with NaN or infinite values came. {mend}")
    places = value.get("batch_index")
    return value if places is None else {**value, "batch_index": _places(declared, places, len(value["samples"]))}


def _places(declared: Declared, value: Any, pictures: int) -> list[int]:
    """The places in the noise of its seed from which each picture of a latent is drawn."""
    needed = f"a latent with one batch_index from 0 to {FARTHEST_PLACE} for each of its {pictures} pictures"
    mend = "Check the node that set it, or connect Latent From Batch anew."
    places = value.tolist() if hasattr(value, "tolist") else value
    if not isinstance(places, (list, tuple)):
        raise declared.refused(TypeError, needed, value, mend)
    if len(places) != pictures or not all(_is_place(place) for place in places):
        raise ValueError(f"The {declared.name} input takes {needed}; {shown_value(str(places))} came. {mend}")
    return [int(place) for place in places]


def _is_place(place: object) -> bool:
    whole = isinstance(place, Integral) or (isinstance(place, float) and place.is_integer())
    return whole and 0 <= float(place) <= FARTHEST_PLACE  # type: ignore[arg-type]  # a number


def _conditioning(declared: Declared, value: object) -> list:
    pairs = isinstance(value, list) and all(
        isinstance(pair, (list, tuple)) and len(pair) == 2 and _is_embedding(pair[0]) and isinstance(pair[1], Mapping)
        for pair in value
    )
    if not isinstance(value, list) or not pairs:
        raise declared.refused(TypeError, "a conditioning", value, "Connect CLIP Text Encode.")
    return value


def _is_embedding(value: object) -> bool:
    # Some models take no text at all.
    return value is None or (isinstance(value, Tensor) and value.ndim >= 2 and not not_plain(value))


def _with_methods(declared: Declared, value: object) -> object:
    lacking = [method for method in _METHODS[declared.kind] if not callable(getattr(value, method, None))]
    if value is None and declared.kind != "MODEL":
        part = "text encoder" if declared.kind == "CLIP" else "VAE"
        raise TypeError(
            f"The {declared.name} input is empty: the checkpoint holds no {part}. Load one, and connect it."
        )
    if lacking:
        mend = f"It has no {' and no '.join(f'{method}()' for method in lacking)}: connect a loader of ComfyUI."
        raise declared.refused(TypeError, _NAMES[declared.kind], value, mend)
    return value


_CHECKS: dict[str, Callable[[Declared, Any], Any]] = {
    "INT": _whole_number,
    "FLOAT": _number,
    "BOOLEAN": _switch,
    "STRING": _text,
    "COMBO": _choice,
    "IMAGE": _image,
    "MASK": _mask,
    "LATENT": _latent,
    "CONDITIONING": _conditioning,
    "MODEL": _with_methods,
    "CLIP": _with_methods,
    "VAE": _with_methods,
}
