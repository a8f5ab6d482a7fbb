"""Polly 8. Its own breaker knows rates alone; one that counts failures in a row is Polly 7's, in the same package."""

from __future__ import annotations

from typing import TYPE_CHECKING

from loadtest.studies.tune.snippets.snippet import (
    ASKED_AFTER_FAILURES,
    Snippet,
    loss_notes,
    raise_to_least,
    time_window_s,
    unmapped_notes,
)
from loadtest.studies.tune.snippets.writing import number, quote_text

if TYPE_CHECKING:
    from client.pipeline.order import CallSettings

_LEAST_S = 0.5  # for a window and for an open time
_LEAST_TIMEOUT_S = 0.01
_LEAST_CALLS = 2


def snippet(settings: CallSettings, calls_per_s: float | None = None) -> Snippet:
    """Write a pipeline, or for `consecutive` a policy of the older interface."""
    policy = settings.breaker.policy
    notes: list[str] = []
    if policy == "consecutive":
        title, text = "Polly 8, with the policies that it keeps from Polly 7", _consecutive(settings, notes)
    elif policy in {"count_window", "time_window"}:
        title, text = "Polly 8", _rates(settings, notes, calls_per_s)
    else:
        return Snippet("polly", "Polly 8", "csharp", None, unmapped_notes(settings, "Polly"))
    if settings.breaker.max_probes != 1:
        notes.append(f"max_probes = {settings.breaker.max_probes} has no counterpart: one probe goes at a time.")
    if settings.timeout.total_s is None:
        notes.append("timeout.total_s = none: there is no timeout, so a hanging call is never counted.")
    else:
        notes.append("The timeout only ends calls that heed the CancellationToken that Polly hands them.")
    return Snippet("polly", title, "csharp", text, tuple(notes))


def _consecutive(settings: CallSettings, notes: list[str]) -> str:
    breaker = settings.breaker
    notes.append(
        "Polly 8's own interface cannot count failures in a row; this one needs package Polly, not Polly.Core."
    )
    notes.extend(loss_notes(settings, {"max_probes"}))
    notes.append("Only what `Handle` and `Or` name counts as a failure: a 5xx answer has to be thrown, too.")
    text = f"""\
using Polly;
using Polly.Timeout;

var breaker = Policy
    .Handle<HttpRequestException>()
    .Or<TimeoutRejectedException>()
    .CircuitBreakerAsync(
        exceptionsAllowedBeforeBreaking: {breaker.fail_max},
        durationOfBreak: {_span(breaker.reset_timeout)})
    .WithPolicyKey({quote_text(breaker.name)});"""
    total_s = settings.timeout.total_s
    if total_s is not None:
        text += f"""
var policy = Policy.WrapAsync(breaker, Policy.TimeoutAsync(timeout: {_span(total_s)}));"""
    return text


def _rates(settings: CallSettings, notes: list[str], calls_per_s: float | None) -> str:
    breaker = settings.breaker
    window_s = time_window_s(breaker, "Polly", notes, calls_per_s)
    notes.append(ASKED_AFTER_FAILURES)
    open_s = raise_to_least(breaker.reset_timeout, _LEAST_S, "reset_timeout", notes, " s")
    options = {
        "Name": quote_text(breaker.name),
        "FailureRatio": number(breaker.failure_rate),
        "MinimumThroughput": number(raise_to_least(breaker.min_calls, _LEAST_CALLS, "min_calls", notes)),
        "SamplingDuration": _span(raise_to_least(window_s, _LEAST_S, "window_s", notes, " s")),
        "BreakDuration": _span(open_s),
    }
    kept = {"max_probes"}
    if breaker.open_growth > 1:
        kept |= {"open_growth", "open_max_s"}
        longest_s = max(open_s, breaker.open_max_s or open_s)
        grown = f"{number(open_s)} * Math.Pow({number(breaker.open_growth)}, args.HalfOpenAttempts)"
        options["BreakDurationGenerator"] = (
            f"static args => new ValueTask<TimeSpan>(\n"
            f"            TimeSpan.FromSeconds(Math.Min({number(longest_s)}, {grown})))"
        )
    notes.extend(loss_notes(settings, kept))
    notes.append(
        "All exceptions but OperationCanceledException are failures, a 5xx answer only where `ShouldHandle` says so."
    )
    body = "".join(f"        {name} = {value},\n" for name, value in options.items())
    timeout = ""
    if settings.timeout.total_s is not None:
        total_s = raise_to_least(settings.timeout.total_s, _LEAST_TIMEOUT_S, "timeout.total_s", notes, " s")
        timeout = f"\n    .AddTimeout({_span(total_s)})"
    return f"""\
using Polly;
using Polly.CircuitBreaker;

var pipeline = new ResiliencePipelineBuilder()
    .AddCircuitBreaker(new CircuitBreakerStrategyOptions
    {{
{body}    }}){timeout}
    .Build();"""


def _span(seconds: float) -> str:
    return f"TimeSpan.FromSeconds({number(seconds)})"
