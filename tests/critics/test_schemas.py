"""The JSON schemas that servers get: plain enough for all of them, and as strict as the questions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from xlard.critics.boxes import CONVENTIONS
from xlard.critics.schemas import COMPARED, DECOMPOSED, JUDGED, LISTED, RATED, REWRITTEN, answer_schema

FORMS = {
    "listed": LISTED,
    "judged": JUDGED,
    "rated": RATED,
    "compared": COMPARED,
    "rewritten": REWRITTEN,
    "decomposed": DECOMPOSED,
}
# What the grammars of llama.cpp, Ollama and vLLM all know.
KEYWORDS = {
    *("type", "properties", "required", "additionalProperties", "items", "anyOf", "enum"),
    *("minimum", "maximum", "minItems", "maxItems"),
}
TEXT = {"type": "string"}


def closed(**properties: dict) -> dict:
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}


def schemas_in(schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """A schema and all schemas inside it."""
    yield schema
    inner = [*schema.get("properties", {}).values(), *schema.get("anyOf", [])]
    for child in [*inner, *([schema["items"]] if "items" in schema else [])]:
        yield from schemas_in(child)


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_a_schema_uses_only_what_every_server_knows(form) -> None:
    for schema in schemas_in(answer_schema(form)):
        assert set(schema) <= KEYWORDS
        assert schema.get("additionalProperties", False) is False


@pytest.mark.parametrize("key", sorted({boxes.key for boxes in CONVENTIONS.values()}))
def test_boxes_stand_under_the_key_of_the_convention(key: str) -> None:
    box = {"type": "array", "items": {"type": "number"}, "minItems": 4, "maxItems": 4}
    schema = {"type": "array", "items": closed(**{key: box, "label": TEXT})}
    assert answer_schema(LISTED, key) == schema
    assert list(schema["items"]["properties"]) == list(answer_schema(LISTED, key)["items"]["properties"])


@pytest.mark.parametrize(
    ("form", "schema"),
    [
        (JUDGED, closed(reason=TEXT, verdict={"type": "string", "enum": ["yes", "no"]})),
        (RATED, closed(reason=TEXT, score={"type": "number", "minimum": 0, "maximum": 10})),
        (COMPARED, closed(reason=TEXT, better={"type": "string", "enum": ["left", "right", "same"]})),
        (REWRITTEN, closed(prompt=TEXT)),
    ],
)
def test_a_reason_stands_before_what_it_is_for(form, schema: dict) -> None:
    assert answer_schema(form) == schema
    # Servers let a model write the properties in this order.
    assert list(answer_schema(form)["properties"]) == list(schema["properties"])


def test_a_claim_of_a_prompt_needs_its_type_alone() -> None:
    claim = answer_schema(DECOMPOSED)["properties"]["claims"]["items"]
    assert claim["required"] == ["type"] and len(claim["properties"]) == 8
    assert claim["properties"]["number"] == {
        "anyOf": [{"type": "integer", "minimum": 0, "maximum": 1000}, {"type": "null"}]
    }
