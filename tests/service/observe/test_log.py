"""One line an event, whatever is in it."""

from __future__ import annotations

import json
import logging
import sys
import warnings
from typing import TYPE_CHECKING, Any

import pytest

from backend.app import create_app as backend_app
from backend.settings import BackendSettings
from client.app import create_app as client_app
from client.pipeline.errors import BackendFailedError
from client.settings import ClientSettings
from service.observe.log import LineFormatter, LogSettings, configure, log_event, logger_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import httpx
    from fastapi import FastAPI

    from client.pipeline.call import Answer, Call

    Ask = Callable[..., httpx.Response]
    Start = Callable[[FastAPI], Ask]


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    """Put back what belongs to the whole process, pytest's own handlers included."""
    root, own = logging.getLogger(), logging.getLogger("breaker_lab")
    before = root.handlers[:], root.level, own.level
    root.handlers[:] = []  # which configure() would close
    yield
    logging.captureWarnings(capture=False)
    root.handlers[:], root.level, own.level = before[0], before[1], before[2]


class Failing:
    async def __call__(self, call: Call) -> Answer:
        call.attempts += 1
        raise BackendFailedError(500)


def lines(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return capsys.readouterr().err.splitlines()


def objects(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    """Every line as the JSON object that it is, without its time, and without the lag that a busy machine adds."""
    found = [json.loads(line) for line in lines(capsys)]
    for each in found:
        each.pop("loop_lag_ms", None)
    assert all(each.pop("time").endswith("Z") for each in found)
    return found


def client(serve: Start, **log: Any) -> Ask:
    settings = ClientSettings(log=LogSettings(**log))
    configure(settings.log, "client")
    return serve(client_app(settings, Failing()))


def test_a_transition_names_the_request_that_brought_it_about(serve: Start, capsys: pytest.CaptureFixture[str]) -> None:
    """And none where it came by hand. Calls alone are not told."""
    ask = client(serve, format="json")
    ask("PATCH", "/breaker", json={"fail_max": 1}, headers={"X-Request-Id": "admin-1"})
    for name in ("a", "b"):
        ask("GET", "/data", headers={"X-Request-Id": name})
    ask("POST", "/breaker/reset")

    common = {"level": "info", "service": "client"}
    assert objects(capsys) == [
        {**common, "event": "settings_changed", "change": {"breaker": {"fail_max": 1}}, "request_id": "admin-1"},
        {
            **common,
            "event": "transition",
            "before": "closed",
            "after": "open",
            "cause": "fail_max reached",
            "fail_count": 1,
            "request_id": "a",
        },
        {
            **common,
            "event": "transition",
            "before": "open",
            "after": "closed",
            "cause": "reset by hand",
            "fail_count": 0,
        },
    ]


def test_each_request_has_its_line_where_that_is_asked_for(serve: Start, capsys: pytest.CaptureFixture[str]) -> None:
    """On the client with what the breaker decided, on the backend with the fault that was met."""
    ask = client(serve, format="json", requests=True)
    ask("GET", "/data", headers={"X-Request-Id": "7"})
    (line,) = objects(capsys)
    settings = BackendSettings(log=LogSettings(format="json", level="debug"))
    configure(settings.log, "backend")
    other = serve(backend_app(settings))
    other("PUT", "/faults", json={"error_rate": 1, "seed": 3})
    other("GET", "/data", headers={"X-Request-Id": "7", "X-Attempt": "2"})
    changed, met = objects(capsys)

    assert line.pop("duration_ms") >= 0
    assert met.pop("duration_ms") >= 0
    assert line == {
        "level": "info",
        "service": "client",
        "event": "request",
        "outcome": "error",
        "served": "fallback",
        "status": 502,
        "state": "closed",
        "fail_count": 1,
        "attempts": 1,
        "backend_calls": 0,
        "request_id": "7",
    }
    plan = {"seed": 3, "phases": [{"profile": {"error_rate": 1.0}}]}
    assert changed == {"level": "info", "service": "backend", "event": "faults_changed", "plan": plan}
    assert met == {
        "level": "info",
        "service": "backend",
        "event": "request",
        "attempt": 2,
        "outcome": "error",
        "fault": "error",
        "request_id": "7",
    }


def test_a_level_above_info_is_silent(serve: Start, capsys: pytest.CaptureFixture[str]) -> None:
    """Neither transitions nor requests; a warning is still heard."""
    ask = client(serve, level="WARNING", requests=True)
    ask("PATCH", "/breaker", json={"fail_max": 1})
    ask("GET", "/data")
    logging.getLogger("somebody.else").warning("look out")

    (line,) = lines(capsys)
    assert line.endswith(' warning client "look out" logger=somebody.else')


# Ids that try to end their line, to begin another, to colour the terminal, or to pass for a field.
NASTY = [
    "7\n2026-01-01T00:00:00.000Z info client transition before=open after=closed",
    "7\r\nx",
    "7\x85x",
    "7\u2028x",
    "7\x0b\x0cx",
    "\x1b[31mred",
    '7" outcome="ok',
    "7 outcome=ok",
    "\x00",
    "\ud800",
    "\u202eknil",
]


@pytest.mark.parametrize("request_id", NASTY, ids=ascii)
@pytest.mark.parametrize("form", ["plain", "json"])
def test_an_id_stays_within_its_line(form: str, request_id: str, capsys: pytest.CaptureFixture[str]) -> None:
    """One line, ASCII where it matters, and the field's value can be read back whole."""
    configure(LogSettings.model_validate({"format": form}), "client")
    log_event(logger_of("client"), "request", request_id, outcome="error")

    said = capsys.readouterr().err
    assert said.endswith("\n")
    (line,) = said.splitlines()
    assert line.isprintable()
    if form == "json":
        assert json.loads(line)["request_id"] == request_id
    else:
        _, _, rest = line.partition(" request outcome=error request_id=")
        assert rest.startswith('"')
        assert json.loads(rest) == request_id


@pytest.mark.parametrize("form", ["plain", "json"])
def test_a_traceback_is_one_line_and_so_is_a_warning(form: str, capsys: pytest.CaptureFixture[str]) -> None:
    """What libraries log has the same form: an exception with its traceback, a message of two lines, a warning."""
    configure(LogSettings.model_validate({"format": form}), "backend")
    try:
        int("of\ntwo lines")
    except ValueError:
        logging.getLogger("uvicorn.error").exception("Exception in\nASGI application")
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.warn("careful", UserWarning, stacklevel=1)

    error, warning = lines(capsys)
    assert "Traceback" in error
    assert "two lines" in error
    assert "careful" in warning
    if form == "json":
        assert {"level": "error", "logger": "uvicorn.error"}.items() <= json.loads(error).items()


def test_a_field_cannot_pass_for_what_every_line_has() -> None:
    """Time, level, service and event come first, and stay what they are."""
    record = logging.LogRecord("breaker_lab.client", logging.INFO, "", 0, "request", None, None)
    record.fields = {"level": "error", "event": "transition", "size": float("inf"), "what": object}
    line = json.loads(LineFormatter("client", as_json=True).format(record))

    assert list(line)[:4] == ["time", "level", "service", "event"]
    assert (line["level"], line["service"], line["event"]) == ("info", "client", "request")


def test_lines_go_to_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    """Standard output has the address that a parent reads, and nothing else."""
    configure(LogSettings(), "client")
    log_event(logger_of("client"), "started", url="http://127.0.0.1:1")

    found = capsys.readouterr()
    assert (found.out, found.err.count("\n")) == ("", 1)
    assert found.err.endswith(" info client started url=http://127.0.0.1:1\n")
    assert sys.stderr is not sys.stdout
