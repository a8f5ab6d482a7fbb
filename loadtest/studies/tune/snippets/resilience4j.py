"""resilience4j 2, as the YAML of its Spring Boot module."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

from loadtest.studies.tune.snippets.snippet import Snippet, loss_notes, raise_to_least, unmapped_notes
from loadtest.studies.tune.snippets.writing import milliseconds, number, percent, quote_text, yaml

if TYPE_CHECKING:
    from client.breakers.policy import PolicySettings
    from client.pipeline.order import CallSettings

_DEFAULT_SLOW_S = 60  # resilience4j calls a call slow from here on, unless configured otherwise
_NEVER_SLOW = "24h"
_KEPT = {
    *("slow_call_s", "slow_call_rate", "open_growth", "open_jitter"),
    *("max_probes", "success_threshold", "probe_success_rate", "half_open_max_s"),
}


def snippet(settings: CallSettings) -> Snippet:
    """Write the instances of a circuit breaker and of a time limiter."""
    title = "resilience4j 2, Spring Boot application.yml"
    breaker = settings.breaker
    if breaker.policy not in {"consecutive", "count_window", "time_window"}:
        return Snippet("resilience4j", title, "yaml", None, unmapped_notes(settings, "resilience4j"))
    notes: list[str] = []
    keys = {
        **_closed(breaker, notes),
        **_slow(settings, notes),
        **_open(breaker, notes),
        **_half_open(breaker, notes),
    }
    name = _key(breaker.name)
    tree = {"circuitbreaker": {"instances": {name: keys}}}
    if settings.timeout.total_s is None:
        notes.append("timeout.total_s = none: leave out the TimeLimiter, whose default is 1 s.")
    else:
        limit = {"timeoutDuration": _duration(settings.timeout.total_s, "timeout.total_s", notes)}
        tree["timelimiter"] = {"instances": {name: limit}}
        notes.append("The TimeLimiter only works on methods that return a CompletionStage or a reactive type.")
    notes.extend(loss_notes(settings, _KEPT | ({"open_max_s"} if breaker.open_growth > 1 else set())))
    notes.append(
        "Any exception counts as a failure: name those of 4xx answers and cancelled calls in `ignoreExceptions`."
    )
    return Snippet("resilience4j", title, "yaml", yaml({"resilience4j": tree}), tuple(notes))


def _closed(breaker: PolicySettings, notes: list[str]) -> dict[str, str]:
    if breaker.policy == "consecutive":  # N failures in a row are a window of N calls that all failed
        kind, size, calls, rate = "COUNT_BASED", breaker.fail_max, breaker.fail_max, 1.0
    elif breaker.policy == "count_window":
        kind, size, calls, rate = "COUNT_BASED", breaker.window_calls, breaker.min_calls, breaker.failure_rate
    else:
        kind, size, calls, rate = "TIME_BASED", math.ceil(breaker.window_s), breaker.min_calls, breaker.failure_rate
        if size != breaker.window_s:
            notes.append(f"window_s = {number(breaker.window_s)}: whole seconds are needed, so it is {size}.")
    return {
        "slidingWindowType": kind,
        "slidingWindowSize": str(size),
        "minimumNumberOfCalls": str(calls),
        "failureRateThreshold": _rate(rate, "failure_rate", notes),
    }


def _slow(settings: CallSettings, notes: list[str]) -> dict[str, str]:
    breaker, total_s = settings.breaker, settings.timeout.total_s
    if breaker.slow_call_s is None:
        if total_s is not None and total_s < _DEFAULT_SLOW_S:
            return {}  # no call gets slow enough to count
        return {"slowCallRateThreshold": "100", "slowCallDurationThreshold": _NEVER_SLOW}
    rate = 1.0 if breaker.policy == "consecutive" else (breaker.slow_call_rate or 1.0)
    if breaker.policy == "consecutive":
        notes.append(
            f"slow_call_s = {number(breaker.slow_call_s)}: {breaker.fail_max} slow calls in a row trip it, and so do "
            "as many failures, but not a row of both."
        )
    return {
        "slowCallRateThreshold": _rate(rate, "slow_call_rate", notes),
        "slowCallDurationThreshold": _duration(breaker.slow_call_s, "slow_call_s", notes),
    }


def _open(breaker: PolicySettings, notes: list[str]) -> dict[str, str]:
    keys = {"automaticTransitionFromOpenToHalfOpenEnabled": "false"}
    wait_s, jitter = breaker.reset_timeout, breaker.open_jitter
    if breaker.open_growth > 1:
        if jitter:
            notes.append(f"open_jitter = {number(jitter)} is left out: open times grow or vary, not both.")
        keys["enableExponentialBackoff"] = "true"
        keys["exponentialBackoffMultiplier"] = number(breaker.open_growth)
        keys["exponentialMaxWaitDurationInOpenState"] = _duration(breaker.open_max_s or wait_s, "open_max_s", notes)
    elif jitter:
        # From wait x (1 - jitter) to wait, as a middle and what may be added to it or taken away.
        wait_s *= 1 - jitter / 2
        factor = min(jitter / (2 - jitter), 0.99)
        keys["enableRandomizedWait"] = "true"
        keys["randomizedWaitFactor"] = number(round(factor, 4))
        notes.append(
            f"open_jitter = {number(jitter)} is written as its middle, {number(round(wait_s, 3))} s, and the share by "
            "which an open time may differ from it."
        )
    return {"waitDurationInOpenState": _duration(wait_s, "reset_timeout", notes), **keys}


def _half_open(breaker: PolicySettings, notes: list[str]) -> dict[str, str]:
    rate = 1.0 if breaker.policy == "consecutive" else breaker.failure_rate
    by_rate = breaker.probe_success_rate is not None
    permitted = breaker.probe_calls if by_rate else breaker.success_threshold
    if permitted > 1:
        asked = (
            f"probe_success_rate = {number(breaker.probe_success_rate)} of probe_calls = {permitted}"
            if breaker.probe_success_rate is not None
            else f"success_threshold = {permitted}"
        )
        notes.append(
            f"{asked}: it waits for {permitted} probes, and then opens again only if at least "
            f"{number(percent(rate))} % of them failed, the share that also trips it."
        )
        if breaker.half_open_max_s is not None:
            notes.append(
                f"half_open_max_s = {number(breaker.half_open_max_s)}: after that time it opens again even where no "
                "probe is out, which is likely with few calls."
            )
    if breaker.max_probes != permitted:
        notes.append(f"max_probes = {breaker.max_probes} has no counterpart: up to {permitted} are under way at once.")
    longest_s = breaker.half_open_max_s
    return {
        "permittedNumberOfCallsInHalfOpenState": str(permitted),
        "maxWaitDurationInHalfOpenState": "0s" if longest_s is None else _duration(longest_s, "half_open_max_s", notes),
    }


def _key(name: str) -> str:
    """Write a name as a key that YAML takes for text, and Spring for what it says."""
    if re.fullmatch("(?!(?:true|false|yes|no|on|off|null|y|n)$)[a-z][a-z0-9-]*", name, re.IGNORECASE):
        return name
    return quote_text(f"[{name}]")


def _rate(share: float, what: str, notes: list[str]) -> str:
    return number(raise_to_least(percent(share), 1, what, notes, " %"))


def _duration(seconds: float, what: str, notes: list[str]) -> str:
    """Write a duration as Spring reads it, in whole milliseconds."""
    ms = milliseconds(raise_to_least(seconds, 0.001, what, notes, " s"))
    return f"{ms // 1000}s" if ms % 1000 == 0 else f"{ms}ms"
