"""The forms of critics' answers, one model each; the JSON schema that a server holds an answer to is made from it.

A schema asks for more than its model insists on: backends that know no schemas give looser answers, which ``parsing``
reads. pydantic takes longer to import than the pack may add to ComfyUI's start: import this module late.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import (
    AliasChoices,
    BaseModel,
    Field,
    ModelWrapValidatorHandler,
    PrivateAttr,
    TypeAdapter,
    WithJsonSchema,
    model_validator,
)

from ..claims import ClaimType
from .boxes import KEYS

Box = Annotated[list[float], Field(min_length=4, max_length=4)]


class ListedObject(BaseModel):
    """An object with its box, under any of the usual names."""

    box: Box = Field(validation_alias=AliasChoices(*KEYS))
    label: str
    _key: str = PrivateAttr("")

    @property
    def key(self) -> str:
        """The name that the box had; empty if this was not read from an answer."""
        return self._key

    @model_validator(mode="wrap")
    @classmethod
    def _keep_key(cls, value: Any, handler: ModelWrapValidatorHandler[ListedObject]) -> ListedObject:
        listed = handler(value)
        if isinstance(value, dict):
            listed._key = next((key for key in KEYS if key in value), "")
        return listed


class JudgedClaim(BaseModel):
    """A verdict on a claim with its reason; ``parsing.read_verdict`` reads the verdict."""

    reason: str = ""
    verdict: Annotated[Any, WithJsonSchema({"type": "string", "enum": ["yes", "no"]})]


class RatedClaim(BaseModel):
    """A score of a claim with its reason; ``parsing.read_score`` reads the score, whatever its scale."""

    reason: str = ""
    score: Annotated[Any, WithJsonSchema({"type": "number", "minimum": 0, "maximum": 10})]


class ComparedPair(BaseModel):
    """Which of two pictures side by side is better, with the reason."""

    reason: str = ""
    better: Literal["left", "right", "same"]


class RewrittenPrompt(BaseModel):
    """A prompt with other wording."""

    prompt: str


class InstructedEdit(BaseModel):
    """What a model for editing is told."""

    instruction: str


class DecomposedClaim(BaseModel):
    """One claim of a prompt."""

    type: ClaimType
    text: str | None = None
    noun: str | None = None
    number: Annotated[int, Field(ge=0, le=1000)] | None = None
    color: str | None = None
    direction: Literal["left of", "right of", "above", "below"] | None = None
    other: str | None = None
    other_color: str | None = None


class DecomposedPrompt(BaseModel):
    """The claims of a prompt."""

    claims: list[DecomposedClaim]


LISTED = TypeAdapter(list[ListedObject])
JUDGED = TypeAdapter(JudgedClaim)
RATED = TypeAdapter(RatedClaim)
COMPARED = TypeAdapter(ComparedPair)
REWRITTEN = TypeAdapter(RewrittenPrompt)
INSTRUCTED = TypeAdapter(InstructedEdit)
DECOMPOSED = TypeAdapter(DecomposedPrompt)

_BOX, _NULL = "box", {"type": "null"}
_NOTES = ("$defs", "title", "description", "default")
"""Keywords that say nothing about an answer, and that some servers cannot read."""


def answer_schema(form: TypeAdapter[Any], box_key: str = _BOX) -> dict[str, Any]:
    """The JSON schema of an answer, for llama.cpp, Ollama, vLLM and other servers that hold a model to one.

    Definitions are written out, objects have no further properties, and all that cannot be null is required. Boxes
    stand under ``box_key``, see ``boxes.BoxConvention``.
    """
    schema = form.json_schema(by_alias=False)
    return _plain(schema, schema.get("$defs", {}), box_key)


def _plain(schema: Any, definitions: dict[str, Any], box_key: str) -> Any:
    if isinstance(schema, list):
        return [_plain(item, definitions, box_key) for item in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        return _plain(definitions[schema["$ref"].rpartition("/")[2]], definitions, box_key)
    if schema.get("type") != "object":
        return {word: _plain(value, definitions, box_key) for word, value in schema.items() if word not in _NOTES}
    properties = {
        box_key if name == _BOX else name: _plain(value, definitions, box_key)
        for name, value in schema["properties"].items()
    }
    required = [name for name, value in properties.items() if _NULL not in value.get("anyOf", [])]
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}
