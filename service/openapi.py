"""Additions to the OpenAPI document that FastAPI cannot find: /data, every problem, bodies that the services check."""

from __future__ import annotations

import json
from functools import cache
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from inputs.limits import MOST_PROBLEMS
from service.guard.limits import LONGEST_REQUEST_ID

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fastapi import FastAPI
    from pydantic import BaseModel

    # Of a route: what its statuses mean, in the form that FastAPI takes.
    Responses = dict[int | str, dict[str, Any]]

# What any route may answer, and why. Those of the second table ask for no token, and read no body.
_ANYWHERE = {
    400: "not HTTP, or a name in `Host` that is none of this service's",
    408: "the head, or a byte of the body, did not come in time",
    413: "the body is too long",
    431: "the head, a line of it or a request id is too long",
    503: "the service is stopping",
}
_WHERE_TOKENS_COUNT = {401: "no token, or a wrong one", 403: "a page of another site, or a token that may only read"}
_OPEN = frozenset({"/data", "/health"})
_WRONG_INPUT = {422: "wrong input: field, value and range, each mistake in `errors`"}
_FASTAPI_S = "Validation Error"
_PROBLEM = {
    "title": "Problem",
    "description": "Problem details of RFC 9457.",
    "type": "object",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string", "format": "uri-reference"},
        "title": {"type": "string"},
        "status": {"type": "integer", "minimum": 400, "maximum": 599},
        "detail": {"type": "string", "description": "what is wrong: field, value and what is allowed"},
        "errors": {
            "type": "array",
            "maxItems": MOST_PROBLEMS + 1,
            "description": f"each mistake, {MOST_PROBLEMS} at most; a last entry says how many more there are",
            "items": {
                "type": "object",
                "required": ["field", "value", "detail"],
                "properties": {"field": {"type": "string"}, "value": {}, "detail": {"type": "string"}},
            },
        },
    },
}
_PROBLEM_CONTENT = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
# The values that a request header may have.
_HEADERS = {
    "X-Request-Id": {"type": "string", "maxLength": LONGEST_REQUEST_ID, "pattern": "^[ -~]*$"},
    "X-Attempt": {
        "type": "string",
        "pattern": "^(0{0,3}[1-9]|0{0,2}[1-9][0-9]|0?[1-9][0-9]{2}|1000)$",
        "description": "a whole number from 1 to 1000",
    },
}


def describe(app: FastAPI, data: str, request_headers: tuple[str, ...], data_problems: Mapping[int, str]) -> None:
    """Complete the document that `app` generates: GET /data, and every problem with its media type.

    `data`: what /data is; `data_problems`: its own, by status.
    """
    generated = app.openapi
    operation = {
        "summary": data,
        "operationId": "data",
        "parameters": [
            {"name": name, "in": "header", "required": False, "schema": _HEADERS[name]} for name in request_headers
        ],
        "responses": {
            "200": {"description": "The backend's answer", "content": {"*/*": {}}},
            **{str(status): {"description": why} for status, why in data_problems.items()},
            "default": {"description": "The backend's answer with another status", "content": {"*/*": {}}},
        },
    }

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            schema = generated()
            schema["paths"]["/data"] = {"get": operation}
            schema.setdefault("components", {})["schemas"] = {"Problem": _PROBLEM}
            for path, operations in schema["paths"].items():
                for each in operations.values():
                    each["responses"] = _complete(path, each)
        return dict(app.openapi_schema or {})

    app.openapi = openapi  # type: ignore[method-assign]


def _complete(path: str, operation: dict[str, Any]) -> dict[str, Any]:
    """Return the responses of an operation, in order, with all the problems that it may answer."""
    takes_input = "parameters" in operation or "requestBody" in operation
    problems = _ANYWHERE | ({} if path in _OPEN else _WHERE_TOKENS_COUNT) | (_WRONG_INPUT if takes_input else {})
    # FastAPI's own answer to wrong input is one that the services replace.
    told = {status: each for status, each in operation["responses"].items() if each["description"] != _FASTAPI_S}
    for status, why in problems.items():
        own = told.get(str(status))
        told[str(status)] = {"description": f"{own['description']}; {why}" if own else _sentence(why)}
    return {
        status: {**each, "content": _PROBLEM_CONTENT} if status.isdigit() and int(status) >= 400 else each
        for status, each in sorted(told.items())
    }


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def answers(*media_types: str, **problems: str) -> Responses:
    """Return the responses of a route, for FastAPI: the types of its answer, and its own problems by name.

    Such as `answers("text/plain", conflict="there is no breaker")`. Other problems are added to every route.
    """
    found: Responses = {HTTPStatus[name.upper()].value: {"description": why} for name, why in problems.items()}
    if media_types:
        found[200] = {"content": {each: {} for each in media_types}}
    return found


def json_body(*models: type[BaseModel]) -> dict[str, Any]:
    """Return the part of an operation that describes the body: JSON of one of these models."""
    schemas = [json_schema(model) for model in models]
    schema = schemas[0] if len(schemas) == 1 else {"anyOf": schemas}
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}


def json_schema(model: type[BaseModel]) -> dict[str, Any]:
    """Return the model's JSON schema, without references."""
    return dict(json.loads(_schema_text(model)))


@cache
def _schema_text(model: type[BaseModel]) -> str:
    """Make the schema once: saves 10 ms of 33 ms for each further service in a process, as in the tests."""
    return json.dumps(_inline_definitions(model.model_json_schema()))


def _inline_definitions(schema: dict[str, Any]) -> dict[str, Any]:
    """Replace each reference with its definition: an operation has no definitions of its own.

    Written here, since pydantic writes references only, and FastAPI resolves only those of its own routes' models.
    """
    definitions = schema.get("$defs", {})

    def resolve(node: Any) -> Any:
        if isinstance(node, list):
            return [resolve(each) for each in node]
        if not isinstance(node, dict):
            return node
        if "$ref" in node:
            return resolve(definitions[node["$ref"].removeprefix("#/$defs/")])
        return {name: resolve(value) for name, value in node.items() if name != "$defs"}

    return dict(resolve(schema))
