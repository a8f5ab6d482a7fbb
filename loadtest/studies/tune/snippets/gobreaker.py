"""sony/gobreaker v2."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from loadtest.studies.tune.snippets.snippet import (
    ASKED_AFTER_FAILURES,
    Snippet,
    loss_notes,
    raise_to_least,
    time_window_s,
    timeout_note,
    unmapped_notes,
)
from loadtest.studies.tune.snippets.writing import number, quote_text

if TYPE_CHECKING:
    from client.pipeline.order import CallSettings

_BUCKETS = 10


def snippet(settings: CallSettings, calls_per_s: float | None = None) -> Snippet:
    """Write the settings with a `ReadyToTrip` that does what the policy does."""
    breaker = settings.breaker
    if breaker.policy not in {"consecutive", "count_window", "time_window"}:
        return Snippet("gobreaker", "gobreaker 2", "go", None, unmapped_notes(settings, "gobreaker"))
    notes: list[str] = []
    probes = breaker.success_threshold
    if breaker.probe_success_rate is not None:
        probes = max(1, math.ceil(breaker.probe_success_rate * breaker.probe_calls - 1e-9))
        notes.append(
            f"probe_success_rate = {number(breaker.probe_success_rate)} of probe_calls = {breaker.probe_calls}: "
            f"MaxRequests = {probes} have to succeed, and none may fail."
        )
    if breaker.max_probes != probes:
        notes.append(
            f"max_probes = {breaker.max_probes} has no counterpart: MaxRequests lets {probes} through at once."
        )
    fields = {"Name": quote_text(breaker.name), "MaxRequests": str(probes)}
    if breaker.policy == "consecutive":
        trips = f"return counts.ConsecutiveFailures >= {breaker.fail_max}"
    else:
        window_s = time_window_s(breaker, "gobreaker", notes, calls_per_s)
        fields["Interval"] = _duration(window_s, "window_s", notes)
        fields["BucketPeriod"] = _duration(window_s / _BUCKETS, "window_s", notes)
        trips = (
            "calls := counts.TotalSuccesses + counts.TotalFailures\n"
            f"\t\treturn calls >= {breaker.min_calls} && "
            f"float64(counts.TotalFailures)/float64(calls) >= {number(breaker.failure_rate)}"
        )
        notes.append(ASKED_AFTER_FAILURES)
        notes.append(
            "Early releases of gobreaker 2 have no BucketPeriod; without it the window starts anew at each Interval."
        )
    fields["Timeout"] = _duration(breaker.reset_timeout, "reset_timeout", notes)
    width = max(map(len, fields)) + 1
    body = "".join(f"\t{name + ':':<{width}} {value},\n" for name, value in fields.items())
    text = f"""\
// import "time" and "github.com/sony/gobreaker/v2"; []byte is what the protected call returns.
breaker := gobreaker.NewCircuitBreaker[[]byte](gobreaker.Settings{{
{body}\tReadyToTrip: func(counts gobreaker.Counts) bool {{
\t\t{trips}
\t}},
}})"""
    notes.extend(loss_notes(settings, {"max_probes", "success_threshold", "probe_success_rate"}))
    notes.append(timeout_note(settings))
    notes.append("Every error counts as a failure: `IsExcluded` can name those of 4xx answers and cancelled calls.")
    return Snippet("gobreaker", "gobreaker 2", "go", text, tuple(notes))


def _duration(seconds: float, what: str, notes: list[str]) -> str:
    """Write a duration in the largest unit that needs no fraction; never zero, which would mean the default."""
    nanoseconds = round(raise_to_least(seconds, 1e-9, what, notes, " s") * 1e9)
    for unit, size in (("Second", 10**9), ("Millisecond", 10**6), ("Microsecond", 10**3)):
        if nanoseconds % size == 0:
            return f"{nanoseconds // size} * time.{unit}"
    return f"{nanoseconds} * time.Nanosecond"
