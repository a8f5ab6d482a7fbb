"""Reads what the snippets say back, and holds it against what each project documents."""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from collections.abc import Iterator

_GO_UNITS = {"Second": 1, "Millisecond": 1e-3, "Microsecond": 1e-6, "Nanosecond": 1e-9}
_SPRING_UNITS = {"h": 3600, "s": 1, "ms": 1e-3}
_STRING = r'"(?:[^"\\\n]|\\.)*"'
_KEYWORDS = {
    "csharp": {"using", "var", "new", "static", "args", "breaker", "policy", "pipeline"},
    "go": {"breaker", "gobreaker", "time", "byte", "func", "counts", "bool", "calls", "return", "float64"},
}


@cache
def documented(target: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((Path(__file__).parent / "documented" / f"{target}.json").read_text())
    return found


def values(target: str, text: str) -> dict[str, Any]:
    """Every setting of a snippet, durations in seconds."""
    read = {"resilience4j": _yaml, "envoy": _yaml, "polly": _csharp, "gobreaker": _go}[target]
    return {name: _seconds(value) for name, value in read(text)}


def undocumented(target: str, language: str, text: str) -> list[str]:
    """Return what a snippet says and the documentation does not, or not in that range; of code, every identifier."""
    known = documented(target)
    wrong = [
        f"{name} = {value}"
        for name, value in values(target, text).items()
        if name not in known["values"] or not _allowed(value, known["values"][name])
    ]
    if language in _KEYWORDS:
        code = re.sub(rf"//.*|{_STRING}", "", text)
        wrong += sorted(set(re.findall(r"[A-Za-z_]\w*", code)) - _KEYWORDS[language] - set(known["identifiers"]))
    return wrong


def _allowed(value: Any, rule: dict[str, Any]) -> bool:
    if rule["kind"] == "choice":
        return value in rule["of"]
    if rule["kind"] == "boolean":
        return isinstance(value, bool)
    if isinstance(value, bool) or not isinstance(value, int if rule["kind"] == "integer" else (int, float)):
        return False
    return (
        rule.get("min", value) <= value <= rule.get("max", value)
        and (("above" not in rule) or value > rule["above"])
        and (("below" not in rule) or value < rule["below"])
    )


def _seconds(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    if spring := re.fullmatch(r"([\d.]+)(h|s|ms)", value):
        return float(spring[1]) * _SPRING_UNITS[spring[2]]
    if csharp := re.fullmatch(r"TimeSpan\.FromSeconds\(([\d.]+)\)", value):
        return float(csharp[1])
    if go := re.fullmatch(r"(\d+) \* time\.(\w+)", value):
        return int(go[1]) * _GO_UNITS[go[2]]
    if re.fullmatch(r"\d+", value):
        return int(value)
    return float(value) if re.fullmatch(r"\d+\.\d+", value) else value


def _yaml(text: str) -> Iterator[tuple[str, Any]]:
    for part in yaml.safe_load_all(text):
        yield from _leaves(part, "")


def _leaves(tree: Any, path: str) -> Iterator[tuple[str, Any]]:
    if isinstance(tree, list):
        for each in tree:
            yield from _leaves(each, path)
    elif isinstance(tree, dict):
        for key, value in tree.items():
            assert isinstance(key, str), f"YAML takes the key {key!r} for no text"
            name = "*" if path.endswith(".instances") else key  # the instance's own name
            yield from _leaves(value, f"{path}.{name}".removeprefix("."))
    else:
        yield path, tree


def _csharp(text: str) -> Iterator[tuple[str, str]]:
    code = re.sub(_STRING, '""', text)
    for name, value in re.findall(r"(\w+)(?: =|:) (\d[\d.]*|TimeSpan\.\w+\([\d.]+\))", code):
        yield name, value
    for value in re.findall(r"AddTimeout\((TimeSpan\.\w+\([\d.]+\))\)", code):
        yield "AddTimeout", value


def _go(text: str) -> Iterator[tuple[str, str]]:
    for name, value in re.findall(r"^\t(\w+): +(.+),$", re.sub(_STRING, '""', text), re.MULTILINE):
        if name not in {"Name", "ReadyToTrip"}:
            yield name, value
