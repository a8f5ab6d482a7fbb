"""schemathesis over both OpenAPIs: every answer is one that the page tells, and none is a 500."""

from __future__ import annotations

import time
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from bench.attack.ground import SkippedAttackError
from bench.attack.routes import STREAM

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench.attack.ground import Ground
    from bench.attack.targets import Target

EXAMPLES = 40
PER_SERVICE_S = 40.0
_CHECKS = (
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
)


def attack(ground: Ground) -> None:
    """Send right and wrong requests to each operation; right ones may set faults, so `GET /health` is timed instead."""
    if find_spec("schemathesis") is None:
        raise SkippedAttackError("schemathesis is not installed; `make attack` installs it")
    with ground.services(watched="/health") as pair:
        for target in pair:
            _attack_service(ground, target)


def _attack_service(ground: Ground, target: Target) -> None:
    schemathesis = import_module("schemathesis")
    page = schemathesis.openapi.from_url(f"{target.url}/openapi.json")
    found = import_module("schemathesis.checks").CHECKS
    checks = [found.get_one(name) for name in _CHECKS]
    operations = [each.ok() for each in page.get_all_operations()]
    operations = [each for each in operations if each.path != STREAM]
    _check_methods(ground, target, operations)
    until = time.monotonic() + PER_SERVICE_S
    for number, operation in enumerate(operations):
        share_s = (until - time.monotonic()) / (len(operations) - number)
        for mode in schemathesis.GenerationMode:
            _attack_operation(ground, target, operation, mode, checks, time.monotonic() + share_s / 2)
        target.ask("POST", "/breaker/close") if target.name == "client" else target.ask("DELETE", "/faults")


def _check_methods(ground: Ground, target: Target, operations: Sequence[Any]) -> None:
    """Ask each path for what it does not offer: 405, and `Allow` names all that it does."""
    for path in sorted({each.path for each in operations}):
        methods = {each.method.upper() for each in operations if each.path == path}
        answer = target.ask("PROPFIND", path.replace("{action}", "open"))
        allowed = {each.strip() for each in answer.headers.get("allow", "").split(",")}
        told = f"{target.name}: PROPFIND {path}: {answer.told()}, Allow: {sorted(allowed)}, offered: {sorted(methods)}"
        ground.tally.check(answer.status == 405 and methods <= allowed, told)


def _attack_operation(
    ground: Ground, target: Target, operation: Any, mode: Any, checks: Sequence[Any], until: float
) -> None:
    hypothesis = import_module("hypothesis")
    unable = import_module("hypothesis.errors")
    failed = import_module("schemathesis.core.failures").FailureGroup
    told = f"{target.name}: {mode.value} {operation.method.upper()} {operation.path}"

    def send(case: Any) -> None:
        if time.monotonic() < until:
            judge_case(ground, told, case, target.url, checks, failed)

    bounds = hypothesis.settings(
        max_examples=EXAMPLES, deadline=None, database=None, suppress_health_check=list(hypothesis.HealthCheck)
    )
    cases = operation.as_strategy(generation_mode=mode)
    trial = hypothesis.seed(ground.effort.seed)(bounds(hypothesis.given(case=cases)(send)))
    try:
        trial()
    except (unable.Unsatisfiable, unable.InvalidArgument):
        return  # there is nothing wrong to be said to this operation


def judge_case(
    ground: Ground, told: str, case: Any, url: str, checks: Sequence[Any], failed: type[BaseException]
) -> None:
    """Send one request, and hold its answer against the page; `failed` is what the checks raise."""
    try:
        response = case.call(base_url=url, timeout=10)
    except OSError as error:
        ground.tally.check(held=False, otherwise=f"{told}: {type(error).__name__}: {error}")
        return
    ground.tally.check(response.status_code != 500, f"{told}: 500, {response.content[:100]!r}")
    said = ""
    try:
        case.validate_response(response, checks=checks)
    except failed as group:
        said = "; ".join(f"{each.title}: {each.message}" for each in getattr(group, "exceptions", ())) or "not as told"
    ground.tally.check(not said, f"{told}: {response.status_code}: {said}")
