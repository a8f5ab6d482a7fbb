"""The breaker's settings: what does not fit together, what a policy does not read, and where each can be given."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from client.app import create_app
from client.breakers import policies
from client.breakers.settings import breaker_settings
from client.pipeline.call import Answer, Call
from client.pipeline.order import CallSettings
from client.settings import ClientSettings
from inputs.check import check
from inputs.environment import from_environment
from inputs.wrong_input import WrongInputError
from loadtest.scenario import files

if TYPE_CHECKING:
    from collections.abc import Callable

    import httpx
    from fastapi import FastAPI

    from client.breakers.policy import PolicySettings


def read_breaker(values: dict[str, Any]) -> PolicySettings:
    return breaker_settings(**values)


OPENING = {
    "reset_timeout",
    "open_growth",
    "open_max_s",
    "open_jitter",
    "honour_retry_after",
    "max_probes",
    "success_threshold",
    "probe_success_rate",
    "probe_calls",
    "half_open_max_s",
    "ramp_s",
    "slow_call_s",
    "slow_in_flight",
}
RATES = OPENING | {"failure_rate", "min_calls", "slow_call_rate"}


def test_what_each_policy_reads() -> None:
    """The whole table: a setting that is not in it has no effect there."""
    assert {name: set(policy.reads()) for name, policy in policies().items()} == {
        "consecutive": OPENING | {"fail_max"},
        "count_window": RATES | {"window_calls"},
        "time_window": RATES | {"window_s"},
        "throttle": {"throttle_k", "window_s"},
        "adaptive": {"window_s", "min_calls", "adaptive_gain", "usual_error_rate", "usual_s", "max_refused"},
        "off": set(),
        "forced_open": set(),
        "shadow": set(),
    }


# What is given, and what must be said of it.
AT_ODDS: list[tuple[dict[str, Any], str]] = [
    (
        {"policy": "count_window", "min_calls": 101},
        "breaker.min_calls: got 101; allowed: a number <= window_calls = 100",
    ),
    (
        {"policy": "time_window", "slow_call_rate": 0.5},
        "breaker.slow_call_s: missing; slow_call_rate = 0.5 needs it to know a slow call",
    ),
    (
        {"policy": "count_window", "slow_call_s": 2},
        "breaker.slow_call_rate: missing; slow_call_s = 2 has no effect without it",
    ),
    ({"slow_in_flight": True}, "breaker.slow_call_s: missing; slow_in_flight needs it to know a slow call"),
    ({"open_growth": 2}, "breaker.open_max_s: missing; open_growth = 2 needs a cap on the open time"),
    (
        {"honour_retry_after": True},
        "breaker.open_max_s: missing; honour_retry_after needs a cap on what a backend may ask for",
    ),
    (
        {"reset_timeout": 30, "open_max_s": 29.5},
        "breaker.open_max_s: got 29.5; allowed: a number >= reset_timeout = 30",
    ),
    (
        {"probe_success_rate": 0.5, "success_threshold": 2},
        (
            "breaker.success_threshold: got 2; allowed beside probe_success_rate: 1, since probe_calls says how many "
            "probes decide"
        ),
    ),
    ({"shadow": {"policy": "shadow"}}, "breaker.shadow.policy: got 'shadow'; allowed: a policy that decides"),
    (
        {"shadow": {"policy": "count_window", "min_calls": 101}},
        "breaker.shadow.min_calls: got 101; allowed: a number <= window_calls = 100",
    ),
    (
        {"policy": "shadow", "open_growth": 2},
        "breaker.open_max_s: missing; open_growth = 2 needs a cap on the open time",
    ),
    ({"shadow": {"shadow": {}}}, "breaker.shadow.shadow: unknown key"),
    ({"seed": -1}, "breaker.seed: got -1; allowed: a number >= 0 and <= 9223372036854775807"),
]


@pytest.mark.parametrize(("given", "said"), AT_ODDS, ids=[said[8:40] for _, said in AT_ODDS])
def test_what_does_not_fit_together_is_named(given: dict[str, Any], said: str) -> None:
    """Field, value, and what would be allowed."""
    with pytest.raises(WrongInputError) as caught:
        check({"breaker": given}, CallSettings)

    assert (str(caught.value), caught.value.problems[0]["field"]) == (said, said.split(":", maxsplit=1)[0])


@pytest.mark.parametrize(
    "given",
    [
        {"policy": "time_window", "min_calls": 101},  # no count window
        {"policy": "count_window", "min_calls": 100},
        {"policy": "off", "open_growth": 2, "slow_in_flight": True},  # which keeps them for later
        {"slow_call_s": 2},  # a slow call is a failure
        {"reset_timeout": 30, "open_max_s": 30, "open_growth": 2, "honour_retry_after": True},
        {"probe_success_rate": 0.5},
        {"policy": "off", "open_growth": 2},
        {"policy": "shadow", "shadow": {"policy": "throttle"}, "open_growth": 2},
    ],
    ids=str,
)
def test_what_fits_together_or_is_not_read_is_let_be(given: dict[str, Any]) -> None:
    """A value that the policy does not look at cannot be at odds with another."""
    assert check({"breaker": given}, CallSettings).breaker == breaker_settings(**given)


# Field, a value just outside, one on the bound.
BOUNDS: list[tuple[str, Any, Any]] = [
    ("failure_rate", 0, 1),
    ("failure_rate", 1.01, 0.001),
    ("min_calls", 0, 1),
    ("window_calls", 100_001, 100_000),
    ("window_s", 0.09, 0.1),
    ("slow_call_s", 0, 86_400),
    ("slow_call_rate", 1.01, 1),
    ("reset_timeout", 0, 0.001),
    ("open_growth", 0.99, 1),
    ("open_growth", 10.1, 10),
    ("open_max_s", 0, 86_400),
    ("open_jitter", 1.01, 1),
    ("open_jitter", -0.01, 0),
    ("max_probes", 0, 1),
    ("success_threshold", 0, 1),
    ("probe_success_rate", 0, 1),
    ("probe_calls", 0, 1),
    ("half_open_max_s", 0, 86_400),
    ("ramp_s", -1, 0),
    ("throttle_k", 0.99, 1),
    ("adaptive_gain", 0, 1),
    ("usual_error_rate", 1, 0),
    ("usual_s", 0, 1),
    ("max_refused", 1, 0.99),
    ("max_refused", 0, 0.01),
    ("seed", 2**63, 2**63 - 1),
]


@pytest.mark.parametrize(("field", "outside", "bound"), BOUNDS)
def test_every_number_has_its_bounds(field: str, outside: float, bound: float) -> None:
    """Refused outside with field, value and range; taken on the bound (with a policy that does not mind the rest)."""
    with pytest.raises(WrongInputError, match=rf"^breaker\.{field}: got {outside}; allowed: a .*number [<>]=? "):
        check({"breaker": {"policy": "off", field: outside}}, CallSettings)

    taken = check({"breaker": {"policy": "off", field: bound}}, CallSettings).breaker
    assert getattr(taken, field) == bound


@pytest.mark.parametrize(
    "field", ["slow_call_s", "slow_call_rate", "open_max_s", "probe_success_rate", "half_open_max_s", "seed"]
)
def test_the_word_none_stands_for_no_value(field: str) -> None:
    """Where there may be none, since neither TOML nor an environment variable has a null."""
    assert getattr(check({"breaker": {"policy": "off", field: "none"}}, CallSettings).breaker, field) is None


UNREAD = (
    "breaker.fail_max: got 3; the policy 'time_window' does not read it, only: consecutive",
    "breaker.shadow.fail_max: got 3; the policy 'throttle' does not read it, only: consecutive",
    "breaker.window_s: got 3; the policy 'consecutive' does not read it, only: time_window, throttle, adaptive",
)


def test_a_setting_that_the_policy_does_not_read_is_refused() -> None:
    """Who gives it means something else: the message says which policies would read it."""
    said = []
    for given in (
        {"policy": "time_window", "fail_max": 3},
        {"shadow": {"policy": "throttle", "fail_max": 3}},
        {"window_s": 3},
    ):
        with pytest.raises(WrongInputError) as caught:
            check({"breaker": given}, CallSettings)
        said.append(str(caught.value))

    assert tuple(said) == UNREAD


@pytest.mark.parametrize(
    "given",
    [
        {"policy": "time_window", "name": "x", "seed": 1, "window_s": 3, "shadow": None},
        {"policy": "off", "fail_max": 3},
        {"policy": "forced_open", "fail_max": 3},
        {"policy": "shadow", "fail_max": 3},
        {"shadow": {"policy": "off", "fail_max": 3}},
    ],
    ids=str,
)
def test_a_fixed_policy_may_keep_its_settings_for_later(given: dict[str, Any]) -> None:
    """And policy, name, seed and shadow are everybody's."""
    assert breaker_settings(**given)


@pytest.fixture
def variables(monkeypatch: pytest.MonkeyPatch) -> Callable[..., ClientSettings]:
    """`variables(POLICY="off", ...)`: the client's settings from CLIENT_BREAKER__POLICY and so on."""

    def read(**values: str) -> ClientSettings:
        for name, value in values.items():
            monkeypatch.setenv(f"CLIENT_BREAKER__{name}", value)
        return from_environment(ClientSettings)

    return read


def test_the_environment_sets_any_policy(variables: Callable[..., ClientSettings]) -> None:
    """Numbers, the word none, and the tried policy, all as text."""
    found = variables(
        POLICY="time_window", WINDOW_S="2.5", HALF_OPEN_MAX_S="none", SHADOW__POLICY="throttle", SHADOW__THROTTLE_K="3"
    )

    assert found.breaker == breaker_settings(
        policy="time_window", window_s=2.5, half_open_max_s=None, shadow={"policy": "throttle", "throttle_k": 3}
    )


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (
            {"POLICY": "time_window", "FAILURE_RATE": "2"},
            "CLIENT_BREAKER__FAILURE_RATE: got '2'; allowed: a number > 0 and <= 1",
        ),
        (
            {"OPEN_GROWTH": "2"},
            "CLIENT_BREAKER__OPEN_MAX_S: missing; open_growth = 2 needs a cap on the open time",
        ),
        (
            {"POLICY": "throttle", "FAIL_MAX": "3"},
            "CLIENT_BREAKER__FAIL_MAX: got 3; the policy 'throttle' does not read it, only: consecutive",
        ),
        (
            {"SHADOW__POLICY": "off", "SHADOW__MAX_PROBES": "0"},
            "CLIENT_BREAKER__SHADOW__MAX_PROBES: got '0'; allowed: a whole number >= 1 and <= 10000",
        ),
        (
            {"SHADOW__POLICI": "off"},
            "CLIENT_BREAKER__SHADOW__POLICI: no such setting (did you mean 'CLIENT_BREAKER__SHADOW__POLICY'?)",
        ),
    ],
    ids=["range", "at odds", "unread", "shadow", "misspelt"],
)
def test_a_wrong_variable_is_named(variables: Callable[..., ClientSettings], values: dict[str, str], said: str) -> None:
    """The variable that was set, or the one that is missing."""
    with pytest.raises(WrongInputError) as caught:
        variables(**values)

    assert str(caught.value) == said


async def answer(_: Call) -> Answer:
    return Answer(200, b"{}")


@pytest.fixture
def ask(serve: Callable[[FastAPI], Callable[..., httpx.Response]]) -> Callable[..., httpx.Response]:
    return serve(create_app(ClientSettings(), answer))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        *((given, said) for given, said in AT_ODDS if given in ({"open_growth": 2}, {"shadow": {"policy": "shadow"}})),
        *zip(
            ({"policy": "time_window", "fail_max": 3}, {"shadow": {"policy": "throttle", "fail_max": 3}}),
            UNREAD[:2],
            strict=True,
        ),
    ],
    ids=["at odds", "nested shadow", "unread", "unread by the shadow"],
)
def test_a_wrong_change_over_http_is_a_problem_that_names_the_field(
    ask: Callable[..., httpx.Response], change: dict[str, Any], said: str
) -> None:
    """422, and nothing has changed."""
    refused = ask("PATCH", "/breaker", json=change)

    assert (refused.status_code, refused.headers["content-type"]) == (422, "application/problem+json")
    assert (refused.json()["detail"], refused.json()["errors"][0]["field"]) == (said, said.split(":", maxsplit=1)[0])
    assert ask("GET", "/stats").json()["revision"] == 0


def test_a_change_that_gives_what_was_there_before_is_none(ask: Callable[..., httpx.Response]) -> None:
    """Who sends the whole snapshot back with another policy means that policy."""
    whole = ask("GET", "/config").json()["breaker"]

    changed = ask("PATCH", "/breaker", json={**whole, "policy": "throttle"})

    assert (changed.status_code, changed.json()["policy"]) == (200, "throttle")


def test_a_change_of_the_whole_configuration_names_what_is_not_read(ask: Callable[..., httpx.Response]) -> None:
    """As PATCH /breaker does; a snapshot that is put back may hold anything."""
    refused = ask("PATCH", "/config", json={"breaker": {"policy": "throttle", "fail_max": 3}})
    ask("PATCH", "/breaker", json={"fail_max": 3})
    kept = ask("GET", "/config").json()
    ask("PATCH", "/breaker", json={"policy": "throttle"})
    stale = ask("GET", "/config").json()
    ask("PATCH", "/breaker", json={"policy": "consecutive", "fail_max": 7})
    put_back = [ask("PATCH", "/config", json={"breaker": each["breaker"]}).status_code for each in (stale, kept)]

    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "breaker.fail_max")
    assert (stale["breaker"]["fail_max"], put_back) == (3, [200, 200])
    assert ask("GET", "/config").json()["breaker"] == kept["breaker"]


def test_a_shadow_is_changed_key_by_key(ask: Callable[..., httpx.Response]) -> None:
    """What is not named stays; a wrong key is named with its value; null takes the shadow away."""
    ask("PATCH", "/breaker", json={"shadow": {"policy": "throttle", "window_s": 5}})

    changed = ask("PATCH", "/breaker", json={"shadow": {"throttle_k": 3}}).json()["shadow"]
    refused = ask("PATCH", "/breaker", json={"shadow": {"fail_max": 3}}).json()["errors"]
    gone = ask("PATCH", "/breaker", json={"shadow": None}).json()["shadow"]

    assert (changed["policy"], changed["window_s"], changed["throttle_k"]) == ("throttle", 5, 3)
    assert [(each["field"], each["value"]) for each in refused] == [("breaker.shadow.fail_max", 3)]
    assert gone is None


def test_no_call_can_be_slower_than_the_timeout(
    ask: Callable[..., httpx.Response], variables: Callable[..., ClientSettings]
) -> None:
    """Then none would ever count as slow; as slow as the timeout is possible, and so is any time without one."""
    slow = {"policy": "time_window", "slow_call_s": 3.5, "slow_call_rate": 0.5}
    said = (
        "breaker.slow_call_s: got 3.5; allowed: a number <= timeout.total_s = 3, since no call takes longer than that"
    )

    assert ask("PATCH", "/breaker", json=slow).json()["detail"] == said
    assert ask("PATCH", "/config", json={"breaker": slow, "timeout": {"total_s": 3.5}}).status_code == 200
    assert (
        ask("PATCH", "/config", json={"breaker": {"slow_call_s": 60}, "timeout": {"total_s": None}}).status_code == 200
    )
    with pytest.raises(WrongInputError, match=r"CLIENT_BREAKER__SLOW_CALL_S: got 3\.5; allowed: a number <= timeout"):
        variables(POLICY="time_window", SLOW_CALL_S="3.5", SLOW_CALL_RATE="0.5")
    with pytest.raises(WrongInputError, match=r"breaker\.shadow\.slow_call_s: got 9; allowed"):
        files.parse(ARM + "shadow = { slow_call_s = 9 }", "a.toml")


def test_every_policy_can_be_put_in_force_over_http(ask: Callable[..., httpx.Response]) -> None:
    """One after the other, each with a call; the snapshot says the state and what a call meets."""
    seen = []
    for name in policies():
        page = ask("PATCH", "/breaker", json={"policy": name}).json()
        seen.append((page["policy"], page["state"], ask("GET", "/data").status_code))

    assert seen == [(name, *(("open", 503) if name == "forced_open" else ("closed", 200))) for name in policies()]
    assert [each["cause"] for each in ask("GET", "/breaker").json()["transitions"]] == ["settings changed"] * 2


ARM = """
name = "mine"
title = "Mine"
load = [{ requests = 1, rate_per_s = 1 }]

[arms.with.breaker]
"""


def test_a_scenarios_arm_sets_any_policy() -> None:
    """With a shadow and the word none; the breaker's draws follow the run's seed."""
    found = files.parse(ARM + 'policy = "adaptive"\nmax_refused = 0.5\nshadow = { half_open_max_s = "none" }', "a.toml")

    chosen = found.arms["with"].call_settings(seed=9).breaker
    assert chosen == breaker_settings(
        policy="adaptive", max_refused=0.5, seed=9, shadow={"half_open_max_s": None, "seed": 9}
    )


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ('policy = "time_window"\nfailure_rate = 2', "breaker.failure_rate: got 2; allowed: a number > 0 and <= 1"),
        ("open_growth = 2", AT_ODDS[4][1]),
        ('policy = "time_window"\nfail_max = 3', UNREAD[0]),
        ('shadow = { policy = "throttle", fail_max = 3 }', UNREAD[1]),
    ],
    ids=["range", "at odds", "unread", "unread by the shadow"],
)
def test_a_wrong_arm_is_named(lines: str, said: str) -> None:
    """File, arm, field, value, and what is allowed."""
    with pytest.raises(WrongInputError) as caught:
        files.parse(ARM + lines, "a.toml")

    assert str(caught.value) == f"a.toml: arms.with.{said}"
