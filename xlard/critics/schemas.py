"""The forms of critics' answers. Importing this takes longer than the pack may add to ComfyUI's start: import it
late."""

from __future__ import annotations

from functools import lru_cache
from typing import Annotated, Any, Literal

from pydantic import AliasChoices, BaseModel, Field, TypeAdapter

Box = Annotated[list[float], Field(min_length=4, max_length=4)]


class Listed(BaseModel):
    """An object with its box, under any of the usual names."""

    box: Box = Field(validation_alias=AliasChoices("bbox_2d", "box_2d", "bbox", "box"))
    label: str


class Judged(BaseModel):
    """A verdict with its reason; what the verdict says is read by ``parsing.read_verdict``."""

    reason: str = ""
    verdict: Any


class Rated(BaseModel):
    """A score with its reason; its scale is read by ``parsing.read_score``."""

    reason: str = ""
    score: Any


class DecomposedClaim(BaseModel):
    """One claim of a prompt."""

    type: Literal["object", "count", "color", "position", "attribute", "relation", "text", "custom"]
    text: str | None = None
    noun: str | None = None
    number: Annotated[int, Field(ge=0, le=1000)] | None = None
    color: str | None = None
    direction: Literal["left of", "right of", "above", "below"] | None = None
    other: str | None = None
    other_color: str | None = None


class Decomposed(BaseModel):
    """The claims of a prompt."""

    claims: list[DecomposedClaim]


LISTED = TypeAdapter(list[Listed])
JUDGED = TypeAdapter(Judged)
RATED = TypeAdapter(Rated)
DECOMPOSED = TypeAdapter(Decomposed)


def _object(properties: dict) -> dict:
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}


def listed_schema(key: str) -> dict:
    """JSON schema of a list of objects whose boxes stand under ``key``."""
    box = {"type": "array", "items": {"type": "number"}, "minItems": 4, "maxItems": 4}
    return {"type": "array", "items": _object({key: box, "label": {"type": "string"}})}


JUDGED_SCHEMA = _object({"reason": {"type": "string"}, "verdict": {"type": "string", "enum": ["yes", "no"]}})
RATED_SCHEMA = _object({"reason": {"type": "string"}, "score": {"type": "number", "minimum": 0, "maximum": 10}})


@lru_cache(maxsize=1)
def decomposed_schema() -> dict:
    """JSON schema of the claims of a prompt."""
    return Decomposed.model_json_schema()
