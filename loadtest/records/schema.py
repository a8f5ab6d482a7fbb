"""The JSON Schema of a run's files, from their shapes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter

from loadtest.records.manifest import Manifest
from loadtest.records.rows import ArmRecord, Row, Sample, StateChange
from loadtest.records.summary import Summary

if TYPE_CHECKING:
    from collections.abc import Iterator

# By the name of the schema: the shape, and what of a run has it.
SHAPES: dict[str, tuple[type, str]] = {
    "summary": (Summary, "summary.json"),
    "manifest": (Manifest, "manifest.json"),
    "requests": (Row, "a line of requests.jsonl"),
    "transitions": (StateChange, "a line of transitions.jsonl"),
    "samples": (Sample, "a line of samples.jsonl"),
    "arms": (ArmRecord, "a line of arms.jsonl"),
}


def file_of(name: str) -> str:
    """Return the file that holds the schema of this name."""
    return f"{name}.schema.json"


def schema_of(name: str) -> dict[str, Any]:
    """Return the schema of this name, draft 2020-12; a field that is a quantity has its `unit`, such as 's' or '1'."""
    kind, place = SHAPES[name]
    body = TypeAdapter(kind).json_schema()
    for field, schema in fields_of(body):
        schema["title"] = field.removesuffix("_s").replace("_", " ").capitalize()
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": f"Breaker Lab: {place}"}
    return {**head, **{key: value for key, value in body.items() if key not in head}}


def fields_of(schema: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the name and the schema of every field, of the shape itself and of all that it is made of."""
    for shape in (schema, *schema.get("$defs", {}).values()):
        yield from shape.get("properties", {}).items()
