"""Settings from the environment of the process."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from backend.settings import BackendSettings
from client.breakers.settings import breaker_settings
from client.pipeline.fallback import FallbackSettings
from client.pipeline.timeout import TimeoutSettings
from client.settings import ClientSettings, UpstreamSettings
from inputs.environment import from_environment, variables
from inputs.wrong_input import WrongInputError
from loadtest.settings import LoadtestSettings
from service.observe.log import LogSettings

if TYPE_CHECKING:
    from pydantic_settings import BaseSettings


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the developer has set does not matter here."""
    for name in list(os.environ):
        if name.upper().startswith(("CLIENT_", "BACKEND_", "LOADTEST_")):
            monkeypatch.delenv(name)


def test_the_defaults() -> None:
    """Loopback, the ports of the design, and the document's breaker: 5 failures, 30 s."""
    assert from_environment(BackendSettings).model_dump() == {
        "allowed_hosts": (),
        "insecure": False,
        "host": "127.0.0.1",
        "port": 8001,
        "log": {"format": "plain", "level": "info", "requests": False},
        "tracing": "off",
    }
    assert from_environment(ClientSettings) == ClientSettings(
        host="127.0.0.1",
        port=8000,
        backend_url="http://127.0.0.1:8001",
        breaker=breaker_settings(fail_max=5, reset_timeout=30, success_threshold=1, max_probes=1),
        timeout=TimeoutSettings(total_s=3),
        fallback=FallbackSettings(enabled=True),
        upstream=UpstreamSettings(transport="aiohttp", keepalive_s=60),
        log=LogSettings(format="plain", level="info", requests=False),
        tracing="off",
    )


def test_every_level_can_be_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """Plain, nested, a whole group as JSON, in any case; an argument wins."""
    monkeypatch.setenv("CLIENT_PORT", "0")
    monkeypatch.setenv("client_breaker__fail_max", "3")
    monkeypatch.setenv("CLIENT_TIMEOUT", '{"total_s": null}')
    monkeypatch.setenv("CLIENT_BACKEND_URL", "http://nowhere")

    found = from_environment(ClientSettings, backend_url="http://backend:8001/")

    assert found == ClientSettings(
        port=0,
        backend_url="http://backend:8001/",
        breaker=breaker_settings(fail_max=3),
        timeout=TimeoutSettings(total_s=None),
    )


POLICIES = "allowed: adaptive, consecutive, count_window, failures_in_time, forced_open, off, shadow, throttle, "
POLICIES += "time_window"
# Each line: the settings, the variable, its value, and what must be said of it.
BAD_VARIABLES: list[tuple[type[BaseSettings], str, str, str]] = [
    (
        ClientSettings,
        "CLIENT_BREAKER__FAILMAX",
        "3",
        "CLIENT_BREAKER__FAILMAX: no such setting (did you mean 'CLIENT_BREAKER__FAIL_MAX'?)",
    ),
    (
        ClientSettings,
        "CLIENT_BREAKER_FAIL_MAX",
        "3",
        "CLIENT_BREAKER_FAIL_MAX: no such setting (did you mean 'CLIENT_BREAKER__FAIL_MAX'?)",
    ),
    (ClientSettings, "CLIENT_XYZZY_OF_PLUGH", "3", "CLIENT_XYZZY_OF_PLUGH: no such setting"),
    (ClientSettings, "CLIENT_LOG__FORMAT", "xml", "CLIENT_LOG__FORMAT: got 'xml'; input should be 'plain' or 'json'"),
    (
        BackendSettings,
        "BACKEND_LOG__LEVEL",
        "loud",
        "BACKEND_LOG__LEVEL: got 'loud'; input should be 'debug', 'info', 'warning' or 'error'",
    ),
    (
        LoadtestSettings,
        "LOADTEST_TRACING",
        "zipkin",
        "LOADTEST_TRACING: got 'zipkin'; input should be 'off', 'otlp' or 'console'",
    ),
    (
        ClientSettings,
        "CLIENT_BREAKER__FAIL_MAX",
        "0",
        "CLIENT_BREAKER__FAIL_MAX: got '0'; allowed: a whole number >= 1 and <= 1000000",
    ),
    (
        ClientSettings,
        "CLIENT_BREAKER__RESET_TIMEOUT",
        "nan",
        "CLIENT_BREAKER__RESET_TIMEOUT: got 'nan'; allowed: a number > 0 and <= 86400",
    ),
    (
        ClientSettings,
        "CLIENT_TIMEOUT__TOTAL_S",
        "-1",
        "CLIENT_TIMEOUT__TOTAL_S: got '-1'; allowed: a number > 0 and <= 3600",
    ),
    (
        ClientSettings,
        "CLIENT_UPSTREAM__TRANSPORT",
        "curl",
        "CLIENT_UPSTREAM__TRANSPORT: got 'curl'; input should be 'aiohttp' or 'httpx'",
    ),
    (ClientSettings, "CLIENT_PORT", "70000", "CLIENT_PORT: got '70000'; allowed: a whole number >= 0 and <= 65535"),
    (ClientSettings, "CLIENT_BREAKER", "abc", "CLIENT_BREAKER: got 'abc'; allowed: a JSON object"),
    (
        ClientSettings,
        "CLIENT_BREAKER",
        '{"failmax": 3}',
        "CLIENT_BREAKER__FAILMAX: unknown key (did you mean 'fail_max'?)",
    ),
    *(
        (
            ClientSettings,
            "CLIENT_BACKEND_URL",
            url,
            f"CLIENT_BACKEND_URL: got {url!r}; allowed: http://HOST[:PORT], a port from 1 to 65535 and no path",
        )
        for url in ("ftp://x", "http://x:abc", "http://x:99999", "http://x:0", "http://[::1", "http://x/data", "x", "")
    ),
    *(
        (kind, name, value, f"{name}: got {value!r:.80}; allowed: a JSON object")
        for kind, name in (
            (ClientSettings, "CLIENT_BREAKER"),
            (ClientSettings, "CLIENT_BREAKER__SHADOW"),
            (BackendSettings, "BACKEND_LOG"),
        )
        for value in ("[" * 50_000, '{"a":' * 900 + "1" + "}" * 900, '{"a": ' + "9" * 5000 + "}", "\udcff", "x")
    ),
    *(
        (ClientSettings, "CLIENT_BREAKER", f'{{"policy": {value}}}', f"CLIENT_BREAKER__POLICY: got {value}; {POLICIES}")
        for value in ("[]", "{}")
    ),
    *(
        (
            ClientSettings,
            "CLIENT_BACKEND_URL",
            url,
            f"CLIENT_BACKEND_URL: got {url!r:.80}; allowed: http://HOST[:PORT], a port from 1 to 65535 and no path",
        )
        for url in ("http://\udcff", "http://" + "x" * 60_000, "http://a..b")
    ),
    (
        ClientSettings,
        "CLIENT_CLASSIFICATION__FAILURE_STATUS",
        "[" * 50_000,
        (
            f"CLIENT_CLASSIFICATION__FAILURE_STATUS: got '{'[' * 79}; allowed: codes from 300 to 599, classes and "
            f"ranges, such as 429, 5xx, 500-504; not '{'[' * 79}"
        ),
    ),
    (ClientSettings, "CLIENT_" + "X" * 60_000, "1", f"CLIENT_{'X' * 73}: no such setting"),
    (BackendSettings, "BACKEND_PROT", "1", "BACKEND_PROT: no such setting (did you mean 'BACKEND_PORT'?)"),
    (BackendSettings, "BACKEND_PORT", "x", "BACKEND_PORT: got 'x'; allowed: a whole number >= 0 and <= 65535"),
]


@pytest.mark.parametrize(
    ("kind", "name", "value", "detail"),
    BAD_VARIABLES,
    ids=[f"{name:.50}={value:.30}" for _, name, value, _ in BAD_VARIABLES],
)
def test_a_bad_variable_is_named(
    monkeypatch: pytest.MonkeyPatch, kind: type[BaseSettings], name: str, value: str, detail: str
) -> None:
    """Misspelt or out of range: the sentence names the variable as the user wrote it, the value and the range."""
    monkeypatch.setenv(name, value)

    with pytest.raises(WrongInputError) as caught:
        from_environment(kind)

    assert [problem["detail"] for problem in caught.value.problems] == [detail]


def test_many_strangers_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Twenty are named."""
    for number in range(1000):
        monkeypatch.setenv(f"BACKEND_{number:04}", "1")

    with pytest.raises(WrongInputError, match=r"^BACKEND_0000: no such setting.*; and 980 more$"):
        from_environment(BackendSettings)


def test_a_bad_argument_is_named_as_it_was_given() -> None:
    """No variable is blamed for what came from the program itself."""
    with pytest.raises(WrongInputError, match=r"^port: got -1; allowed: a whole number >= 0 and <= 65535$"):
        from_environment(BackendSettings, port=-1)


def test_strangers_in_a_given_environment_are_found() -> None:
    """The environment that a parent is about to hand to a service can be checked before."""
    with pytest.raises(WrongInputError) as caught:
        from_environment(BackendSettings, {"BACKEND_PROT": "1", "OTHER": "2", "BACKEND_HOSTS": "3"})

    assert caught.value.problems == [
        {
            "field": "BACKEND_HOSTS",
            "value": "3",
            "detail": "BACKEND_HOSTS: no such setting (did you mean 'BACKEND_HOST'?)",
        },
        {
            "field": "BACKEND_PROT",
            "value": "1",
            "detail": "BACKEND_PROT: no such setting (did you mean 'BACKEND_PORT'?)",
        },
    ]


def test_the_variables_of_a_service_can_be_listed() -> None:
    """For the documentation and for the check of misspelt ones."""
    assert list(variables(BackendSettings)) == [
        "BACKEND_ALLOWED_HOSTS",
        "BACKEND_TOKEN",
        "BACKEND_READ_TOKEN",
        "BACKEND_INSECURE",
        "BACKEND_HOST",
        "BACKEND_PORT",
        "BACKEND_SHOWN_URL",
        "BACKEND_LOG",
        "BACKEND_LOG__FORMAT",
        "BACKEND_LOG__LEVEL",
        "BACKEND_LOG__REQUESTS",
        "BACKEND_TRACING",
    ]
    assert {"CLIENT_PORT", "CLIENT_BREAKER", "CLIENT_BREAKER__RESET_TIMEOUT"} <= set(variables(ClientSettings))
