"""The OpenAPI pages: whole, and with nothing that cannot be resolved."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from backend.profile import FaultPlan, OnePhase
from client.breakers.flat import FlatBreaker
from client.pipeline.order import FlatCallSettings
from service.openapi import json_body

if TYPE_CHECKING:
    from pydantic import BaseModel


@pytest.mark.parametrize("models", [(OnePhase, FaultPlan), (FlatBreaker,), (FlatCallSettings,)])
def test_a_body_brings_its_definitions_with_it(models: tuple[type[BaseModel], ...]) -> None:
    """An operation has no definitions of its own, so a reference would lead nowhere."""
    said = json.dumps(json_body(*models))

    assert "$ref" not in said
    assert "$defs" not in said


def test_the_bounds_are_on_the_page() -> None:
    """What a setting may be can be read where it is set."""
    schema: dict[str, Any] = json_body(FlatBreaker)["requestBody"]["content"]["application/json"]["schema"]

    assert {name: schema["properties"]["fail_max"][name] for name in ("minimum", "maximum", "default")} == {
        "minimum": 1,
        "maximum": 1_000_000,
        "default": 5,
    }
    assert not re.search(r"null", json.dumps(schema["properties"]["fail_max"]))
