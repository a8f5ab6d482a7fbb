"""Settings to paste: what a target documents, in its ranges, and nothing lost without a word."""

from __future__ import annotations

import inspect
import os
import re
import shlex
from typing import Any
from unittest.mock import patch

import pybreaker
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from client.breakers import policies
from client.breakers.flat import FlatBreaker
from client.breakers.interface import CLOSED, FAILURE, OPEN, SUCCESS, Permit
from client.breakers.opening.consecutive import ConsecutiveBreaker
from client.breakers.opening.count_window import CountWindowBreaker
from client.breakers.settings import breaker_settings, tried_settings
from client.pipeline.fallback import FallbackSettings
from client.pipeline.order import CallSettings
from client.pipeline.timeout import TimeoutSettings
from client.settings import ClientSettings
from inputs.environment import from_environment
from loadtest.studies.tune.snippets import Snippet, snippets
from tests.loadtest.studies.tune import snippet_reader as reader

OPENING = ["consecutive", "count_window", "time_window", "failures_in_time"]


def call_settings(total_s: float | None = 3.0, **breaker: Any) -> CallSettings:
    return CallSettings(breaker=breaker_settings(**breaker), timeout=TimeoutSettings(total_s=total_s))


def snippet(target: str, chosen: CallSettings) -> Snippet:
    return next(each for each in snippets(chosen) if each.name == target)


def text(target: str, chosen: CallSettings) -> str:
    found = snippet(target, chosen).text
    assert found is not None
    return found


def test_a_window_of_calls_is_as_long_as_its_calls_take() -> None:
    chosen = call_settings(policy="count_window", window_calls=19, min_calls=19)
    told = {each.name: each for each in snippets(chosen, calls_per_s=6.5)}
    assert "SamplingDuration = TimeSpan.FromSeconds(2.9)," in (told["polly"].text or "")
    assert "Interval:     2900 * time.Millisecond," in (told["gobreaker"].text or "")
    assert "interval: 2.9s" in (told["envoy"].text or "")
    for name in ("polly", "gobreaker", "envoy"):
        assert any("In 2.9 s 19 calls are made on average" in note for note in told[name].notes)
        assert not any("guess" in note for note in told[name].notes)


seconds = st.floats(0.001, 86_400) | st.integers(1, 600)
share = st.floats(0.0001, 1)
count = st.integers(1, 100_000)
DRAWN = {
    "fail_max": count,
    "max_failures": count,
    "forget_after_s": st.none() | seconds,
    "growth_forget_s": st.floats(0, 86_400),
    "failure_rate": share,
    "min_calls": count,
    "window_calls": count,
    "window_s": st.floats(0.1, 86_400) | st.integers(1, 600),
    "reset_timeout": seconds,
    "open_growth": st.floats(1, 10),
    "open_jitter": st.floats(0, 1),
    "honour_retry_after": st.booleans(),
    "max_probes": st.integers(1, 10_000),
    "success_threshold": st.integers(1, 1000),
    "probe_success_rate": st.none() | share,
    "probe_calls": count,
    "half_open_max_s": st.none() | seconds,
    "ramp_s": st.floats(0, 100),
    "slow_in_flight": st.booleans(),
    "throttle_k": st.floats(1, 100),
    "adaptive_gain": st.floats(0.01, 1),
    "usual_error_rate": st.floats(0, 0.9),
    "usual_s": seconds,
    "max_refused": st.floats(0.01, 0.99),
}
names = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=20)


@st.composite
def any_settings(draw: st.DrawFn) -> CallSettings:
    """Any policy with any of what it reads, as far as it fits together."""
    policy = draw(st.sampled_from(sorted(policies())))
    reads = policies()[policy].reads()
    chosen = draw(st.fixed_dictionaries({}, optional={k: v for k, v in DRAWN.items() if k in reads}))
    total_s = draw(st.none() | st.floats(0.001, 3600))
    if "window_calls" in reads:
        chosen["window_calls"] = max(chosen.get("window_calls", 100), chosen.get("min_calls", 20))
    if "reset_timeout" in reads:
        if chosen.get("probe_success_rate") is not None:
            chosen.pop("success_threshold", None)
        chosen["open_max_s"] = 86_400.0
        if draw(st.booleans()) or chosen.get("slow_in_flight"):
            chosen["slow_call_s"] = draw(st.floats(0.0005, total_s or 3600))
            if "slow_call_rate" in reads:
                chosen["slow_call_rate"] = draw(share)
    shadow = draw(st.none() | st.builds(tried_settings, policy=st.sampled_from(OPENING), reset_timeout=seconds))
    return CallSettings(
        breaker=breaker_settings(policy=policy, name=draw(names), shadow=shadow, **chosen),
        timeout=TimeoutSettings(total_s=total_s),
        fallback=FallbackSettings(enabled=draw(st.booleans()), message=draw(names)),
    )


def test_the_targets_in_their_order() -> None:
    """This lab's own variables come first."""
    assert [(each.name, each.language) for each in snippets(CallSettings())] == [
        ("environment", "sh"),
        ("pybreaker", "python"),
        ("resilience4j", "yaml"),
        ("polly", "csharp"),
        ("gobreaker", "go"),
        ("envoy", "yaml"),
    ]


@pytest.mark.parametrize(
    ("policy", "maps_to"),
    [
        ("consecutive", ["pybreaker", "resilience4j", "polly", "gobreaker", "envoy"]),
        ("count_window", ["resilience4j", "polly", "gobreaker", "envoy"]),
        ("time_window", ["resilience4j", "polly", "gobreaker", "envoy"]),
        ("failures_in_time", []),
        ("throttle", ["envoy"]),
        ("adaptive", []),
        ("off", []),
        ("forced_open", []),
        ("shadow", []),
    ],
)
def test_what_maps_at_all(policy: str, maps_to: list[str]) -> None:
    """Where nothing does, there is no text, and a note says why."""
    found = snippets(call_settings(policy=policy))[1:]

    assert [each.name for each in found if each.text is not None] == maps_to
    assert all(each.notes for each in found if each.text is None)


def variables(text: str) -> dict[str, str]:
    words = shlex.split(text)
    assert words[::2] == ["export"] * (len(words) // 2)
    return dict(word.split("=", 1) for word in words[1::2])


@given(any_settings())
@settings(max_examples=60)
def test_the_variables_give_the_same_settings_back(chosen: CallSettings) -> None:
    """For every policy, through the shell's quoting and the client's own reader."""
    with patch.dict(os.environ, variables(text("environment", chosen)), clear=True):
        assert from_environment(ClientSettings).call == chosen


@pytest.mark.parametrize("policy", sorted(policies()))
def test_the_variables_name_all_that_the_policy_reads(policy: str) -> None:
    """A default that changes later does not change what was recommended."""
    given_names = variables(text("environment", call_settings(policy=policy)))

    assert set(given_names) == {
        "CLIENT_BREAKER__POLICY",
        "CLIENT_TIMEOUT__TOTAL_S",
        *(f"CLIENT_BREAKER__{name.upper()}" for name in policies()[policy].reads()),
    }


@given(any_settings())
@settings(max_examples=60)
def test_every_name_is_documented_and_every_value_allowed(chosen: CallSettings) -> None:
    """Whatever the settings are, a target starts with them; and every note is a sentence."""
    for each in snippets(chosen)[1:]:
        assert all(re.fullmatch(r"\S.*\.", note, re.DOTALL) for note in each.notes)
        if each.text is not None and each.name != "pybreaker":
            assert reader.undocumented(each.name, each.language, each.text) == []


def run(code: str) -> pybreaker.CircuitBreaker:
    space: dict[str, Any] = {}
    exec(code, space)  # noqa: S102 - the snippet is there to be run
    breaker = space["breaker"]
    assert isinstance(breaker, pybreaker.CircuitBreaker)
    return breaker


def succeed() -> None:
    pass


def fail() -> None:
    raise OSError


@given(
    st.lists(st.booleans(), max_size=40),
    st.integers(1, 5),
    st.integers(1, 3),
    names,
)
@settings(max_examples=60)
def test_pybreaker_goes_the_way_of_consecutive(
    results: list[bool], fail_max: int, success_threshold: int, name: str
) -> None:
    """The snippet runs, and trips, closes and opens again with the same calls; open times are skipped."""
    chosen = call_settings(fail_max=fail_max, success_threshold=success_threshold, reset_timeout=7.5, name=name)
    theirs = run(text("pybreaker", chosen))
    ours = ConsecutiveBreaker(chosen.breaker, 0.0, lambda _: None)
    now = 0.0

    for succeeded in results:
        if ours.state is OPEN:
            now += theirs.reset_timeout
            theirs.half_open()
        permit = ours.admit(now)
        assert isinstance(permit, Permit)
        ours.report(permit, SUCCESS if succeeded else FAILURE, now)
        try:
            theirs.call(succeed if succeeded else fail)
        except OSError:
            assert not succeeded
        assert theirs.current_state == ours.state
    assert (theirs.reset_timeout, theirs.name) == (7.5, name)


def test_pybreaker_takes_each_argument_by_its_name() -> None:
    """The arguments of the snippet are those of the installed release."""
    arguments = re.findall(r"^    (\w+)=", text("pybreaker", CallSettings()), re.MULTILINE)

    assert set(arguments) <= set(inspect.signature(pybreaker.CircuitBreaker).parameters)
    assert len(arguments) == 5


@given(st.lists(st.booleans(), max_size=30), st.integers(1, 6))
@settings(max_examples=60)
def test_failures_in_a_row_are_a_window_that_failed(results: list[bool], fail_max: int) -> None:
    """What resilience4j gets for `consecutive` trips at the same call: shown with this lab's own count window."""
    read = reader.values("resilience4j", text("resilience4j", call_settings(fail_max=fail_max)))
    prefix = "resilience4j.circuitbreaker.instances.*."
    window = tried_settings(
        policy="count_window",
        window_calls=read[f"{prefix}slidingWindowSize"],
        min_calls=read[f"{prefix}minimumNumberOfCalls"],
        failure_rate=read[f"{prefix}failureRateThreshold"] / 100,
    )
    pair = (
        ConsecutiveBreaker(tried_settings(fail_max=fail_max), 0.0, lambda _: None),
        CountWindowBreaker(window, 0.0, lambda _: None),
    )

    for succeeded in results:
        for breaker in pair:
            permit = breaker.admit(0.0)
            assert isinstance(permit, Permit)
            breaker.report(permit, SUCCESS if succeeded else FAILURE, 0.0)
        assert pair[0].state is pair[1].state
        if pair[0].state is not CLOSED:
            break


# What carries a setting, as a regular expression, where anything does; any other has to be named in a note.
CARRIED = {
    "pybreaker": {
        "fail_max": "fail_max=",
        "reset_timeout": "reset_timeout=",
        "success_threshold": "success_threshold=",
    },
    "resilience4j": {
        "fail_max": "slidingWindowSize",
        "failure_rate": "failureRateThreshold",
        "min_calls": "minimumNumberOfCalls",
        "window_calls": "slidingWindowSize",
        "window_s": "slidingWindowSize",
        "slow_call_s": "slowCallDurationThreshold",
        "slow_call_rate": "slowCallRateThreshold",
        "reset_timeout": "waitDurationInOpenState",
        "open_growth": "exponentialBackoffMultiplier",
        "open_max_s": "exponentialMaxWaitDurationInOpenState",
        "open_jitter": "randomizedWaitFactor",
        "success_threshold": "permittedNumberOfCallsInHalfOpenState",
        "probe_calls": "permittedNumberOfCallsInHalfOpenState",
        "half_open_max_s": "maxWaitDurationInHalfOpenState",
        "total_s": "timeoutDuration",
    },
    "polly": {
        "fail_max": "exceptionsAllowedBeforeBreaking",
        "failure_rate": "FailureRatio",
        "min_calls": "MinimumThroughput",
        "window_s": "SamplingDuration",
        "reset_timeout": r"TimeSpan\.FromSeconds\(11",
        "open_growth": "BreakDurationGenerator",
        "open_max_s": r"Math\.Min",
        "total_s": "Timeout",
    },
    "gobreaker": {
        "fail_max": "ConsecutiveFailures",
        "failure_rate": r"float64\(calls\)",
        "min_calls": "calls >=",
        "window_s": "Interval",
        "reset_timeout": "Timeout",
        "success_threshold": "MaxRequests",
    },
    "envoy": {
        "fail_max": "consecutive_5xx",
        "failure_rate": "failure_percentage_threshold",
        "min_calls": "failure_percentage_request_volume",
        "window_s": "interval|sampling_window",
        "throttle_k": "sr_threshold",
        "reset_timeout": "base_ejection_time",
        "open_jitter": "max_ejection_time_jitter",
        "total_s": "\ntimeout: ",
    },
}
CHANGES: list[tuple[list[str], dict[str, Any]]] = [
    (["consecutive"], {"fail_max": 9}),
    (["failures_in_time"], {"max_failures": 9}),
    (["consecutive", "count_window"], {"forget_after_s": 77.0}),
    (["count_window", "time_window"], {"failure_rate": 0.37}),
    (["count_window", "time_window", "adaptive"], {"min_calls": 17}),
    (["count_window"], {"window_calls": 77}),
    (["time_window", "failures_in_time", "throttle", "adaptive"], {"window_s": 27.0}),
    (["consecutive"], {"slow_call_s": 1.25}),
    (["count_window", "time_window"], {"slow_call_s": 1.25, "slow_call_rate": 0.8}),
    (["consecutive"], {"slow_call_s": 1.25, "slow_in_flight": True}),
    (OPENING, {"reset_timeout": 11.0}),
    (OPENING, {"open_growth": 2.0, "open_max_s": 99.0}),
    (OPENING, {"growth_forget_s": 30.0, "open_growth": 2.0, "open_max_s": 99.0}),
    (OPENING, {"open_jitter": 0.3}),
    (OPENING, {"open_jitter": 0.3, "open_growth": 2.0, "open_max_s": 99.0}),
    (OPENING, {"honour_retry_after": True, "open_max_s": 99.0}),
    (OPENING, {"max_probes": 4}),
    (OPENING, {"success_threshold": 3}),
    (OPENING, {"probe_success_rate": 0.7, "probe_calls": 20}),
    (OPENING, {"half_open_max_s": 44.0}),
    (OPENING, {"ramp_s": 5.0}),
    (["throttle"], {"throttle_k": 3.0}),
    (["adaptive"], {"adaptive_gain": 0.4, "usual_error_rate": 0.02, "usual_s": 30.0, "max_refused": 0.9}),
    (["forced_open"], {"reset_timeout": 11.0}),
    (["shadow"], {"fail_max": 9}),
    ([*OPENING, "throttle", "adaptive"], {"seed": 7}),
    (sorted(policies()), {"total_s": 2.0}),
    ([each for each in sorted(policies()) if each != "shadow"], {"shadow": tried_settings(policy="throttle")}),
]


@pytest.mark.parametrize(
    ("policy", "changed"),
    [(policy, changed) for takers, changed in CHANGES for policy in takers],
    ids=lambda value: value if isinstance(value, str) else "-".join(value),
)
def test_no_setting_is_lost_without_a_word(policy: str, changed: dict[str, Any]) -> None:
    """What differs from the default stands in the text, or in a note by its name; and the result differs."""
    before, after = snippets(call_settings(policy=policy)), snippets(call_settings(policy=policy, **changed))

    for plain, found in zip(before[1:], after[1:], strict=True):
        assert found != plain
        for name in changed:
            carrier = CARRIED[found.name].get(name)
            in_text = carrier is not None and found.text is not None and re.search(carrier, found.text) is not None
            assert in_text or any(re.search(rf"\b{name}\b", note) for note in found.notes), (found, name)


def test_the_table_of_changes_has_every_setting() -> None:
    """A new setting fails here until somebody has said what becomes of it."""
    tried = {name for _, changed in CHANGES for name in changed}

    assert tried == FlatBreaker.model_fields.keys() - {"policy", "name"} | TimeoutSettings.model_fields.keys()


def test_a_fallback_is_named() -> None:
    """It is no part of any breaker."""
    chosen = CallSettings(fallback=FallbackSettings(enabled=False))

    assert all(any(note.startswith("fallback") for note in each.notes) for each in snippets(chosen)[1:])


@pytest.mark.parametrize(
    ("target", "chosen", "name", "value", "note"),
    [
        ("polly", {"policy": "time_window", "reset_timeout": 0.2}, "BreakDuration", 0.5, "reset_timeout"),
        ("polly", {"policy": "time_window", "window_s": 0.2}, "SamplingDuration", 0.5, "window_s"),
        ("polly", {"policy": "time_window", "min_calls": 1}, "MinimumThroughput", 2, "min_calls"),
        ("polly", {"policy": "time_window", "total_s": 0.005}, "AddTimeout", 0.01, "total_s"),
        ("resilience4j", {"policy": "time_window", "window_s": 2.5}, "slidingWindowSize", 3, "window_s"),
        ("resilience4j", {"policy": "time_window", "failure_rate": 0.005}, "failureRateThreshold", 1, "failure_rate"),
        ("resilience4j", {"reset_timeout": 0.0001}, "waitDurationInOpenState", 0.001, "reset_timeout"),
        ("resilience4j", {"open_jitter": 1.0}, "randomizedWaitFactor", 0.99, "open_jitter"),
        ("gobreaker", {"reset_timeout": 1e-12}, "Timeout", 1e-9, "reset_timeout"),
        ("envoy", {"policy": "time_window", "failure_rate": 0.333}, "failure_percentage_threshold", 33, "failure_rate"),
        ("envoy", {"reset_timeout": 0.0001}, "base_ejection_time", 0.001, "reset_timeout"),
        ("envoy", {"policy": "throttle", "window_s": 0.4}, "sampling_window", 1, "window_s"),
    ],
)
def test_a_value_out_of_range_becomes_the_nearest_with_a_note(
    target: str, chosen: dict[str, Any], name: str, value: float, note: str
) -> None:
    """No target refuses to start."""
    found = snippet(target, call_settings(**chosen))
    read = {key.split(".")[-1]: each for key, each in reader.values(target, found.text or "").items()}

    assert read[name] == pytest.approx(value)
    assert any(note in each for each in found.notes)


def test_a_shortened_open_time_keeps_its_range() -> None:
    """20 s with a jitter of 0.4 is 12 to 20 s, for resilience4j around a middle and for Envoy from the shortest on."""
    chosen = call_settings(reset_timeout=20.0, open_jitter=0.4)
    java = reader.values("resilience4j", text("resilience4j", chosen))
    middle, factor = (
        java[f"resilience4j.circuitbreaker.instances.*.{name}"]
        for name in ("waitDurationInOpenState", "randomizedWaitFactor")
    )
    envoy = reader.values("envoy", text("envoy", chosen))
    base, jitter = (envoy[f"outlier_detection.{name}"] for name in ("base_ejection_time", "max_ejection_time_jitter"))

    assert (middle * (1 - factor), middle * (1 + factor)) == pytest.approx((12, 20))
    assert (base, base + jitter) == pytest.approx((12, 20))


@given(names)
@settings(max_examples=60)
def test_any_name_stays_the_name(name: str) -> None:
    """Quotes, line ends and words that YAML takes for no text."""
    (key,) = yaml.safe_load(text("resilience4j", call_settings(name=name)))["resilience4j"]["circuitbreaker"][
        "instances"
    ]

    assert key in {name, f"[{name}]"}


@pytest.mark.parametrize("name", ["true", "No", "n", "null"])
def test_a_name_is_text_in_yaml(name: str) -> None:
    """A key that YAML would take for a boolean is quoted."""
    assert reader.values("resilience4j", text("resilience4j", call_settings(name=name)))


def test_no_call_is_slow_unless_asked_for() -> None:
    """resilience4j calls 60 s slow by itself; without a timeout below that the snippet turns it off."""
    assert "slowCall" not in text("resilience4j", call_settings())
    assert "slowCallDurationThreshold: 24h" in text("resilience4j", call_settings(total_s=None))


def test_what_a_time_window_becomes() -> None:
    """Units and all: shares in percent where the target wants them, seconds as each writes them."""
    chosen = call_settings(
        policy="time_window",
        window_s=20.0,
        min_calls=12,
        failure_rate=0.07,
        slow_call_s=1.5,
        slow_call_rate=0.6,
        reset_timeout=2.5,
        open_growth=1.5,
        open_max_s=40.0,
        success_threshold=2,
        half_open_max_s=9.0,
    )

    assert {
        key.removeprefix("resilience4j.").replace("circuitbreaker.instances.*.", ""): value
        for key, value in reader.values("resilience4j", text("resilience4j", chosen)).items()
    } == {
        "slidingWindowType": "TIME_BASED",
        "slidingWindowSize": 20,
        "minimumNumberOfCalls": 12,
        "failureRateThreshold": 7,
        "slowCallRateThreshold": 60,
        "slowCallDurationThreshold": 1.5,
        "waitDurationInOpenState": 2.5,
        "automaticTransitionFromOpenToHalfOpenEnabled": False,
        "enableExponentialBackoff": True,
        "exponentialBackoffMultiplier": 1.5,
        "exponentialMaxWaitDurationInOpenState": 40,
        "permittedNumberOfCallsInHalfOpenState": 2,
        "maxWaitDurationInHalfOpenState": 9,
        "timelimiter.instances.*.timeoutDuration": 3,
    }
    assert reader.values("polly", text("polly", chosen)) == {
        "FailureRatio": 0.07,
        "MinimumThroughput": 12,
        "SamplingDuration": 20,
        "BreakDuration": 2.5,
        "AddTimeout": 3,
    }
    assert "Math.Min(40, 2.5 * Math.Pow(1.5, args.HalfOpenAttempts))" in text("polly", chosen)
    assert reader.values("gobreaker", text("gobreaker", chosen)) == {
        "MaxRequests": 2,
        "Interval": 20,
        "BucketPeriod": 2,
        "Timeout": 2.5,
    }
    assert "calls >= 12 && float64(counts.TotalFailures)/float64(calls) >= 0.07" in text("gobreaker", chosen)
    assert reader.values("envoy", text("envoy", chosen)) == {
        "outlier_detection.failure_percentage_threshold": 7,
        "outlier_detection.failure_percentage_request_volume": 12,
        "outlier_detection.failure_percentage_minimum_hosts": 1,
        "outlier_detection.enforcing_failure_percentage": 100,
        "outlier_detection.enforcing_consecutive_5xx": 0,
        "outlier_detection.enforcing_success_rate": 0,
        "outlier_detection.interval": 20,
        "outlier_detection.base_ejection_time": 2.5,
        "outlier_detection.max_ejection_time": 40,
        "outlier_detection.max_ejection_percent": 100,
        "common_lb_config.healthy_panic_threshold.value": 0,
        "timeout": 3,
    }


def test_what_consecutive_becomes() -> None:
    """The default: pybreaker's own, and what says the same elsewhere."""
    chosen = call_settings(fail_max=7, reset_timeout=12.0)

    assert reader.values("polly", text("polly", chosen)) == {
        "exceptionsAllowedBeforeBreaking": 7,
        "durationOfBreak": 12,
        "timeout": 3,
    }
    assert reader.values("gobreaker", text("gobreaker", chosen)) == {"MaxRequests": 1, "Timeout": 12}
    assert "return counts.ConsecutiveFailures >= 7\n" in text("gobreaker", chosen)
    envoy = reader.values("envoy", text("envoy", chosen))
    assert (envoy["outlier_detection.consecutive_5xx"], envoy["outlier_detection.base_ejection_time"]) == (7, 12)
    assert envoy["outlier_detection.max_ejection_time"] == 12
