"""What a service offers, as its OpenAPI page says."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any

from loadtest.terminal.errors import ChildError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from bench.attack.targets import Target

# A stream has no end, so most attacks leave it alone.
STREAM = "/events"
READING = frozenset({"GET", "HEAD", "OPTIONS"})


@dataclass(frozen=True)
class Operation:
    """A method on a path whose placeholders are filled in; the schema of its body, and those of its parameters."""

    method: str
    path: str
    body: Mapping[str, Any] | None
    parameters: tuple[Mapping[str, Any], ...]

    @property
    def name(self) -> str:
        """Method and path."""
        return f"{self.method} {self.path}"

    @property
    def changes(self) -> bool:
        """Whether it may change something."""
        return self.method not in READING


def operations(target: Target, headers: Mapping[str, str] | None = None) -> list[Operation]:
    """Return every operation of a service. Raises ChildError if it does not say what it offers."""
    page = target.ask("GET", "/openapi.json", headers=headers).json()
    if not isinstance(page, dict) or "paths" not in page:
        raise ChildError(f"{target.name}: GET /openapi.json tells no paths")
    return [
        Operation(method.upper(), path, _body_schema(operation), tuple(operation.get("parameters", ())))
        for template, methods in page["paths"].items()
        for method, operation in methods.items()
        for path in _filled_in(template, operation.get("parameters", ()))
    ]


def _body_schema(operation: Mapping[str, Any]) -> Mapping[str, Any] | None:
    content = operation.get("requestBody", {}).get("content", {})
    return dict(content["application/json"]["schema"]) if "application/json" in content else None


def _filled_in(template: str, parameters: Any) -> Iterator[str]:
    """Yield the path with each allowed word in each placeholder."""
    names = re.findall(r"{(\w+)}", template)
    words = [
        next((each["schema"].get("enum", ["x"]) for each in parameters if each["name"] == name), ["x"])
        for name in names
    ]
    for chosen in product(*words):
        yield template.format(**dict(zip(names, chosen, strict=True)))
