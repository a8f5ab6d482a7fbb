"""Every setting, from the models' JSON schemas: variable, default, what is allowed, who reads it, what it means."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from backend.settings import BackendSettings
from client.breakers import policies
from client.breakers.flat import FlatBreaker
from client.breakers.policy import PolicySettings
from client.settings import ClientSettings
from loadtest.settings import LoadtestSettings
from service.openapi import json_schema

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pydantic import BaseModel

HEAD = ["variable", "default", "allowed", "meaning"]
_TYPES = {"string": "text", "integer": "a whole number", "number": "a number", "boolean": "`true`, `false`"}
_BOUNDS = {"minimum": "from ", "exclusiveMinimum": "above ", "maximum": "to ", "exclusiveMaximum": "below "}


def client_table() -> list[list[str]]:
    """Return the table of the client's settings, but for those of the breaker."""
    return [HEAD, *_rows(ClientSettings, "CLIENT_", leave_out="breaker")]


def backend_table() -> list[list[str]]:
    """Return the table of the backend's settings."""
    return [HEAD, *_rows(BackendSettings, "BACKEND_")]


def load_generator_table() -> list[list[str]]:
    """Return the table of the load generator's settings."""
    return [HEAD, *_rows(LoadtestSettings, "LOADTEST_")]


def breaker_table() -> list[list[str]]:
    """Return the table of the breaker's settings, with the policies that read each."""
    rows = [[HEAD[0], *HEAD[1:3], "read by", HEAD[3]]]
    for name, field in breaker_fields().items():
        variable, default, allowed, meaning = _row(f"CLIENT_BREAKER__{name}", field)
        if name == "policy":
            allowed = ", ".join(f"`{policy}`" for policy in policies())
        elif name == "shadow":
            allowed = "the same settings, as `CLIENT_BREAKER__SHADOW__POLICY` and so on"
        rows.append([variable, default, allowed, _readers(name), meaning])
    return rows


def breaker_fields() -> Mapping[str, Any]:
    """Return the breaker's settings as the client's `GET /config/schema` has them: name -> JSON schema, flat."""
    fields: dict[str, Any] = json_schema(FlatBreaker)["properties"]
    return fields


def _readers(name: str) -> str:
    if name == "shadow" or name in PolicySettings.model_fields:
        return "all"
    reads = {policy for policy, kind in policies().items() if name in kind.reads()}
    if reads == {policy for policy, kind in policies().items() if "reset_timeout" in kind.reads()}:
        return "those that open"
    return ", ".join(f"`{policy}`" for policy in policies() if policy in reads)


def _rows(model: type[BaseModel], prefix: str, leave_out: str = "") -> Iterator[list[str]]:
    for name, field in json_schema(model)["properties"].items():
        if name != leave_out:
            yield from _nested_rows(prefix + name, field)


def _nested_rows(name: str, field: dict[str, Any]) -> Iterator[list[str]]:
    """Yield the row of a setting, or of each setting of a group."""
    if "properties" in field:
        for inner, each in field["properties"].items():
            yield from _nested_rows(f"{name}__{inner}", each)
    else:
        yield _row(name, field)


def _row(name: str, field: dict[str, Any]) -> list[str]:
    return [f"`{name.upper()}`", _default(field), _allowed(field), field.get("description", "").replace("|", "\\|")]


def _default(field: dict[str, Any]) -> str:
    value = field.get("default")
    if value is None:
        return "none"
    if isinstance(value, list):
        return f"`{','.join(value)}`"
    return (
        str(value).lower() if isinstance(value, bool) else f"`{value}`" if isinstance(value, str) else f"{value:.15g}"
    )


def _allowed(field: dict[str, Any]) -> str:
    """'above 0 to 3600, or `none`': what may stand there. Where any text may, the word `none` is text, too."""
    if "anyOf" in field:
        kinds = [each for each in field["anyOf"] if each.get("type") != "null"]
        or_none = ", or `none`" if all(each.get("type") != "string" for each in kinds) else ""
        return " or ".join(map(_allowed, kinds)) + or_none
    if "enum" in field:
        return ", ".join(f"`{each}`" for each in field["enum"])
    if "maxLength" in field:
        return f"text, at most {field['maxLength']} characters"
    if field.get("type") == "array":
        return "a list, such as `5xx,429`"
    bounds = [f"{sign}{_number(field[key])}" for key, sign in _BOUNDS.items() if key in field]
    whole = "whole number " if field.get("type") == "integer" else ""
    return whole + " ".join(bounds) if bounds else _TYPES.get(field.get("type", ""), "a group of settings")


def _number(value: float) -> str:
    return "2^63 - 1" if value == 2**63 - 1 else f"{value:.12g}"
