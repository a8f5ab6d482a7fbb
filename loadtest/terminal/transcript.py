"""A run request by request, in the form of the reference document."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


RESULTS = {"ok": "SUCCESS", "error": "FAILED", "timeout": "TIMEOUT", "fast_fail": "FAST-FAIL"}


class PrintedRequest(Protocol):
    """What a line shows of a request."""

    @property
    def id(self) -> int: ...
    @property
    def outcome(self) -> str: ...
    @property
    def state(self) -> str: ...
    @property
    def fail_count(self) -> int: ...
    @property
    def duration_s(self) -> float: ...
    @property
    def backend_calls(self) -> int: ...


def line(row: PrintedRequest, before: PrintedRequest | None) -> str:
    """Return one request as a line; a change of state appears at the first request after it."""
    news = ""
    if before is not None and before.state != "open" and row.state == "open":
        news = "Circuit Breaker OPENED; "
    elif before is not None and before.state != "closed" and row.state == "closed":
        news = "Circuit Breaker CLOSED; "
    result = RESULTS.get(row.outcome, row.outcome.upper())
    seconds = f"({row.duration_s:.3f}s)"
    answer = f"{result} {seconds}" if row.backend_calls == 0 else f"Backend: {result} {seconds}"
    count = "" if row.backend_calls == 0 else f" (fail_count: {row.fail_count})"
    state = row.state.upper().replace("-", "_") or "UNKNOWN"
    return f"{f'Request {row.id}:':<12} {news}{answer}, Circuit: {state}{count}"


def lines(rows: Iterable[PrintedRequest]) -> Iterator[str]:
    """Yield the transcript of one arm and seed, in the order of the request ids."""
    before: PrintedRequest | None = None
    for row in sorted(rows, key=lambda each: each.id):
        yield line(row, before)
        before = row
