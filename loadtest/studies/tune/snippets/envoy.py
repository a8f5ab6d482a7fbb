"""Envoy's outlier detection (API v3), which takes hosts of a cluster out; for `throttle` its admission control."""

from __future__ import annotations

from typing import TYPE_CHECKING

from loadtest.studies.tune.snippets.snippet import (
    Snippet,
    loss_notes,
    raise_to_least,
    time_window_s,
    unmapped_notes,
    value_text,
)
from loadtest.studies.tune.snippets.writing import milliseconds, number, percent, yaml

if TYPE_CHECKING:
    from client.breakers.policy import PolicySettings
    from client.pipeline.order import CallSettings
    from loadtest.studies.tune.snippets.writing import Tree

_PROBING = ("max_probes", "success_threshold", "probe_success_rate", "probe_calls", "half_open_max_s")
_SWEEP_S = 1.0  # how often it is checked whether an ejection is over, where no window says otherwise


def snippet(settings: CallSettings, calls_per_s: float | None = None) -> Snippet:
    """Write a part for the cluster and one for the route."""
    breaker = settings.breaker
    notes: list[str] = []
    if breaker.policy == "throttle":
        title, parts = "Envoy, admission control", {"In http_filters, before the router:": _admission(breaker, notes)}
        notes.extend(loss_notes(settings, ()))
    elif breaker.policy in {"consecutive", "count_window", "time_window"}:
        title, parts = "Envoy, outlier detection", {"In the cluster:": _cluster(settings, notes, calls_per_s)}
    else:
        return Snippet("envoy", "Envoy, outlier detection", "yaml", None, unmapped_notes(settings, "Envoy"))
    total_s = settings.timeout.total_s
    if total_s is None:
        notes.append("timeout.total_s = none: written as 0 s, which switches Envoy's own 15 s off.")
    limit = "0s" if total_s is None else _duration(total_s, "timeout.total_s", notes)
    parts["In the route's action:"] = yaml({"timeout": limit})
    text = "\n---\n".join(f"# {place}\n{part}" for place, part in parts.items())
    return Snippet("envoy", title, "yaml", text, tuple(notes))


def _cluster(settings: CallSettings, notes: list[str], calls_per_s: float | None) -> str:
    breaker = settings.breaker
    notes.append(
        "Envoy counts and ejects each host on its own; only when all hosts are out are calls refused, with 503."
    )
    detect = _consecutive(breaker) if breaker.policy == "consecutive" else _rates(breaker, notes, calls_per_s)
    probing = ", ".join(f"{name} = {value_text(getattr(breaker, name))}" for name in _PROBING)
    notes.append(
        "There is no half-open: a host comes back in full once its time is over, at the next sweep (`interval`). "
        f"So {probing} do not map."
    )
    kept = {"open_growth", "open_jitter", *_PROBING} | ({"open_max_s"} if breaker.open_growth > 1 else set())
    notes.extend(loss_notes(settings, kept))
    tree: Tree = {
        "outlier_detection": {**detect, **_ejection(breaker, notes)},
        "common_lb_config": {"healthy_panic_threshold": {"value": "0"}},
    }
    notes.append("healthy_panic_threshold: 0, or Envoy calls ejected hosts all the same once more than half are out.")
    return yaml(tree)


def _consecutive(breaker: PolicySettings) -> dict[str, str]:
    return {
        "consecutive_5xx": str(breaker.fail_max),
        "enforcing_consecutive_5xx": "100",
        "enforcing_success_rate": "0",
        "interval": f"{number(milliseconds(min(_SWEEP_S, breaker.reset_timeout)) / 1000)}s",
    }


def _rates(breaker: PolicySettings, notes: list[str], calls_per_s: float | None) -> dict[str, str]:
    window_s = time_window_s(breaker, "Envoy", notes, calls_per_s)
    threshold = max(1, round(percent(breaker.failure_rate)))
    if threshold != percent(breaker.failure_rate):
        notes.append(
            f"failure_rate = {number(breaker.failure_rate)}: whole percents are needed, so it is {threshold} %."
        )
    notes.append(
        "The rate is checked once in each interval, over that interval only, so a trip can come one interval later."
    )
    return {
        "failure_percentage_threshold": str(threshold),
        "failure_percentage_request_volume": str(breaker.min_calls),
        "failure_percentage_minimum_hosts": "1",
        "enforcing_failure_percentage": "100",
        "enforcing_consecutive_5xx": "0",
        "enforcing_success_rate": "0",
        "interval": _duration(window_s, "window_s", notes),
    }


def _ejection(breaker: PolicySettings, notes: list[str]) -> dict[str, str]:
    base_s = longest_s = breaker.reset_timeout
    jitter_s = 0.0
    if breaker.open_growth > 1:
        longest_s = breaker.open_max_s or base_s
        notes.append(
            f"open_growth = {number(breaker.open_growth)}: Envoy's n-th ejection in a row lasts n times the first, "
            f"up to open_max_s = {number(longest_s)}."
        )
        if breaker.open_jitter:
            notes.append(f"open_jitter = {number(breaker.open_jitter)} is left out: Envoy's would lengthen the time.")
    elif breaker.open_jitter:
        # What this lab takes away at random Envoy adds, so the base is the shortest time.
        jitter_s = base_s * breaker.open_jitter
        base_s = longest_s = raise_to_least(round(base_s - jitter_s, 6), 0.001, "the shortest open time", notes, " s")
        notes.append(f"open_jitter = {number(breaker.open_jitter)} is written as the shortest time and what is added.")
    return {
        "base_ejection_time": _duration(base_s, "reset_timeout", notes),
        "max_ejection_time": _duration(longest_s, "open_max_s", notes),
        **({"max_ejection_time_jitter": _duration(jitter_s, "open_jitter", notes)} if jitter_s else {}),
        "max_ejection_percent": "100",
    }


def _admission(breaker: PolicySettings, notes: list[str]) -> str:
    window_s = max(1, round(breaker.window_s))
    if window_s != breaker.window_s:
        notes.append(f"window_s = {number(breaker.window_s)}: whole seconds are needed, so it is {window_s}.")
    threshold = number(round(100 / breaker.throttle_k, 4))
    notes.append(
        f"throttle_k = {number(breaker.throttle_k)} is written as the success rate 1 / throttle_k = {threshold} %."
    )
    notes.append("Envoy counts only what it lets through, not what it refuses, so it refuses less than this lab does.")
    return f"""\
- name: envoy.filters.http.admission_control
  typed_config:
    "@type": type.googleapis.com/envoy.extensions.filters.http.admission_control.v3.AdmissionControl
    success_criteria:
      http_criteria:
        http_success_status: [{{start: 100, end: 500}}]
    sampling_window: {window_s}s
    aggression:
      default_value: 1
    sr_threshold:
      default_value:
        value: {threshold}
    max_rejection_probability:
      default_value:
        value: 100"""


def _duration(seconds: float, what: str, notes: list[str]) -> str:
    """Write a protobuf duration, in whole milliseconds."""
    return f"{number(milliseconds(raise_to_least(seconds, 0.001, what, notes, ' s')) / 1000)}s"
