"""Bad values on every knob: wrong types, out of range, huge, not finite, odd text, nested, unknown keys."""

from __future__ import annotations

import json
import random
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from bench.attack.routes import STREAM, operations
from bench.attack.states import difference, read_state

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from bench.attack.ground import Ground
    from bench.attack.routes import Operation
    from bench.attack.targets import Target

Schema = dict[str, Any]

_HUGE = 10**400
# Written as JSON by hand: Python would write half a surrogate pair, and does read it.
_ODD_TEXTS = ("", "\u0000", "\ud800", "\u202eevil", "'; drop table x; --", "\N{PILE OF POO}" * 50, "x" * 20_000)
# A sound change beside the bad one: were a body applied in part, this would show.
_COMPANIONS: Mapping[str, tuple[tuple[str, Any], ...]] = {
    "/breaker": (("reset_timeout", 12.5), ("name", "half")),
    "/config": (("timeout", {"total_s": 2.5}), ("breaker", {"reset_timeout": 12.5})),
    "/faults": (("retry_after_s", 77), ("seed", 77)),
}


def attack(ground: Ground) -> None:
    """Send every bad value alone beside a sound one; nothing of it may be applied."""
    with ground.services() as pair:
        for target in pair:
            for operation in operations(target):
                if operation.body is not None:
                    _attack_body(ground, target, operation, operation.body)
                _attack_parameters(ground, target, operation)


def _attack_body(ground: Ground, target: Target, operation: Operation, schema: Mapping[str, Any]) -> None:
    rng = random.Random(f"{ground.effort.seed} {operation.name}")  # noqa: S311 - a choice of trials, not a secret
    before = read_state(target)
    bad = list(bad_values(schema))
    most = ground.effort.choose(len(bad), 60)
    for place, value in bad if most >= len(bad) else rng.sample(bad, most):
        body = json.dumps(_nest(place, value, _companion(operation.path, place)), ensure_ascii=True).encode()
        answer = target.ask(operation.method, operation.path, body)
        told = f"{target.name}: {operation.name} with {'.'.join(place) or 'a body'} = {value!r:.40}: {answer.told()}"
        if not ground.tally.check(400 <= answer.status < 500, told):
            before = read_state(target)
            continue
        changed = _difference(target, operation, before)
        if not ground.tally.check(not changed, f"{told}, and yet {changed}"):
            before = read_state(target)
    left = difference(before, read_state(target))
    ground.tally.check(not left, f"{target.name}: after all of {operation.name}: {left}")


def _difference(target: Target, operation: Operation, before: dict[str, Any]) -> str:
    """Compare the page that the operation changes, which is quick; all pages are compared at the end."""
    page = "/faults" if target.name == "backend" or "/faults" in operation.path else "/config"
    if target.name == "client" and page == "/faults":
        return ""
    answer = target.ask("GET", page)
    return "" if answer.json() == before[page] else difference({page: before[page]}, {page: answer.json()})


def _companion(path: str, place: tuple[str, ...]) -> dict[str, Any]:
    known = _COMPANIONS.get("/" + path.rpartition("/")[2], ())
    return next(({name: value} for name, value in known if name not in place), {})


def _nest(place: tuple[str, ...], value: Any, beside: dict[str, Any]) -> Any:
    for name in reversed(place):
        value = [value] if name == "[]" else {name: value}
    return {**beside, **value} if place and isinstance(value, dict) else value


def bad_values(schema: Mapping[str, Any], place: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield (place, value) for every field below `schema`, values that no schema at that place allows."""
    forms = _forms(schema)
    if any("properties" in form for form in forms):
        fields: dict[str, Any] = {}
        for form in forms:
            fields |= form.get("properties", {})
        if place or not any(form.get("type") == "array" for form in forms):
            yield (*place, "zzz"), 1
            yield (*place, "__proto__"), {"a": 1}
        for name, inner in fields.items():
            yield from bad_values(inner, (*place, name))
    elif any(form.get("type") == "array" for form in forms):
        inner = next(form for form in forms if form.get("type") == "array").get("items", {})
        if "properties" in json.dumps(inner):
            yield from bad_values(inner, (*place, "[]"))
    for value in _wrong_for(forms):
        if place or not isinstance(value, dict):
            yield place, value


def _forms(schema: Mapping[str, Any]) -> list[Schema]:
    forms: list[Schema] = []
    for each in schema.get("anyOf", schema.get("oneOf", [schema])):
        forms += [dict(each)] if "anyOf" not in each and "oneOf" not in each else _forms(each)
    return forms


def _wrong_for(forms: list[Schema]) -> Iterator[Any]:
    kinds = {kind for form in forms for kind in _kinds(form)}
    yield from _wrong_types(kinds)
    numbers = [form for form in forms if _kinds(form) & {"number", "integer"}]
    if numbers:
        yield from (float("nan"), float("inf"), float("-inf"))
        yield from _out_of_range(numbers)
    if any("enum" in form or "const" in form for form in forms) and "string" in kinds:
        yield "no such word"


def _wrong_types(kinds: set[str]) -> Iterator[Any]:
    if "object" not in kinds:
        yield {"a": {"a": {"a": [1]}}}
        yield json.loads('{"a":' * 60 + "1" + "}" * 60)
    if "array" not in kinds:
        yield [1]
        yield json.loads("[" * 60 + "]" * 60)
    if "string" not in kinds:
        yield from (text for text in _ODD_TEXTS if text.strip())
    if not kinds & {"number", "integer", "boolean", "any"}:
        yield from (5, -1e308, _HUGE)
    if "boolean" in kinds:
        yield from ("maybe", 2)
    elif kinds & {"number", "integer"}:
        yield True
    if not kinds & {"null", "array"}:  # a list may be left empty with null, as with an empty text
        yield None


def _kinds(form: Schema) -> set[str]:
    found = form.get("type", "object" if "properties" in form else "any")
    return set(found) if isinstance(found, list) else {found}


def _out_of_range(numbers: list[Schema]) -> Iterator[Any]:
    lows = [
        each for form in numbers for each in (form.get("minimum", form.get("exclusiveMinimum")),) if each is not None
    ]
    highs = [
        each for form in numbers for each in (form.get("maximum", form.get("exclusiveMaximum")),) if each is not None
    ]
    if len(lows) == len(numbers):
        yield from (min(lows) - 1, -1e308, -_HUGE)
        if all("exclusiveMinimum" in form for form in numbers):
            yield min(lows)
    if len(highs) == len(numbers):
        yield from (max(highs) + 1, 1e308, _HUGE)


def _attack_parameters(ground: Ground, target: Target, operation: Operation) -> None:
    """Try what no parameter in a query allows."""
    for parameter in operation.parameters:
        if parameter["in"] != "query" or operation.path == STREAM:
            continue
        before = read_state(target)
        forms = _forms(parameter["schema"])
        texts = {_as_text(value) for value in _wrong_for(forms) if not isinstance(value, (bool, type(None)))}
        for text in sorted(texts):
            path = f"{operation.path}?{parameter['name']}={quote(text[:2000], errors='surrogatepass')}"
            answer = target.ask(operation.method, path, {} if operation.body is not None else None)
            told = f"{target.name}: {operation.method} {path[:80]}: {answer.told()}"
            ground.tally.check(400 <= answer.status < 500, told)
        left = difference(before, read_state(target))
        ground.tally.check(not left, f"{target.name}: {operation.name}, wrong {parameter['name']}: {left}")


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
