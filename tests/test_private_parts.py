"""What the lab relies on in other packages though nobody promises it: still there, in the version that is pinned.

Each test says which file of the lab breaks where a part has changed. Then read the package's new code, change that
file, and pin the new version.
"""

from __future__ import annotations

import asyncio
import inspect
import json
import subprocess
import sys
import tomllib
from importlib.metadata import version
from pathlib import Path
from typing import Any

import aiohttp
import httptools
import httpx
import pytest
import uvicorn
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from packaging.requirements import Requirement
from packaging.version import Version
from uvicorn.protocols.http import httptools_impl
from uvicorn.protocols.http.flow_control import FlowControl

PROJECT = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text(encoding="utf-8"))["project"]
REQUIREMENTS = {
    each.name: each
    for each in map(
        Requirement,
        [*PROJECT["dependencies"], *(line for extra in PROJECT["optional-dependencies"].values() for line in extra)],
    )
}


@pytest.mark.parametrize(
    "package",
    [
        "aiohttp",
        "httpcore",
        "httpx",
        "locust",
        "opentelemetry-exporter-otlp-proto-http",
        "opentelemetry-sdk",
        "uvicorn",
    ],
)
def test_the_package_is_pinned_to_the_minor_version_that_is_tested(package: str) -> None:
    """A new minor version may change what is private; a bug fix of the tested one does not."""
    installed = Version(version(package))
    allowed = REQUIREMENTS[package].specifier
    newer, older = f"{installed.major}.{installed.minor + 1}", f"{installed.major}.{installed.minor - 1}.999"

    assert str(installed) in allowed, f"{package} {installed} is installed, but pyproject.toml allows {allowed}"
    assert newer not in allowed, f"pyproject.toml allows {package} {newer}, whose private parts nobody has tested"
    assert older not in allowed, f"pyproject.toml allows {package} {older}, whose private parts nobody has tested"


async def _app(scope: Any, receive: Any, send: Any) -> None:
    """Answer nothing."""


@pytest.fixture
def serving() -> Any:
    """Return uvicorn's protocol with a request under way, and what keeps it alive."""

    async def begin() -> Any:
        config = uvicorn.Config(_app, lifespan="off", log_config=None)
        config.load()
        protocol = httptools_impl.HttpToolsProtocol(
            config=config, server_state=uvicorn.server.ServerState(), app_state={}
        )
        protocol.connection_made(_Transport())  # type: ignore[arg-type]
        protocol.data_received(b"GET /data HTTP/1.1\r\nhost: x\r\n\r\n")
        return protocol

    return asyncio.run(begin())


class _Transport(asyncio.Transport):
    def get_extra_info(self, name: str, default: Any = None) -> Any:  # noqa: ARG002
        return default

    def is_closing(self) -> bool:
        return False


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("scope", dict),
        ("body", bytearray),
        ("disconnected", bool),
        ("keep_alive", bool),
        ("response_started", bool),
        ("response_complete", bool),
        ("more_body", bool),
        ("message_event", asyncio.Event),
    ],
)
def test_uvicorns_cycle_has_what_a_whole_answer_needs(serving: Any, name: str, kind: type[object]) -> None:
    """The protocol of the services reads these, and sets some of them."""
    found = getattr(serving.cycle, name, None)

    assert isinstance(found, kind), (
        f"uvicorn's RequestResponseCycle no longer has `{name}` as a {kind.__name__}: "
        "service/protocol.py sends whole answers through it"
    )


def test_uvicorns_cycle_is_told_of_the_end_of_its_answer(serving: Any) -> None:
    """Then the protocol begins the next request."""
    assert callable(getattr(serving.cycle, "on_response", None)), (
        "uvicorn's RequestResponseCycle no longer has `on_response()`: service/protocol.py ends a whole answer with it"
    )


@pytest.mark.parametrize("name", ["scope", "flow", "transport", "cycle", "parser", "headers", "url", "server_state"])
def test_uvicorns_protocol_has_its_attributes(serving: Any, name: str) -> None:
    """The services' own protocol is built on them."""
    assert getattr(serving, name, None) is not None, (
        f"uvicorn's HttpToolsProtocol no longer has `{name}`: service/protocol.py is built on it"
    )


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("on_message_begin", ["self"]),
        ("on_headers_complete", ["self"]),
        ("on_body", ["self", "body"]),
        ("on_message_complete", ["self"]),
        ("on_response_complete", ["self"]),
        ("connection_made", ["self", "transport"]),
        ("data_received", ["self", "data"]),
        ("shutdown", ["self"]),
        ("connection_lost", ["self", "exc"]),
    ],
)
def test_uvicorns_protocol_calls_back_as_it_did(name: str, parameters: list[str]) -> None:
    """The parser calls these, and the lab has its own in their place."""
    method = getattr(httptools_impl.HttpToolsProtocol, name, None)

    assert method is not None, f"uvicorn's HttpToolsProtocol no longer has `{name}()`: service/protocol.py overrides it"
    assert list(inspect.signature(method).parameters) == parameters, (
        f"uvicorn's HttpToolsProtocol.{name}() takes other arguments: service/protocol.py overrides it"
    )


def test_uvicorn_has_the_status_lines_as_bytes() -> None:
    """With which an answer begins."""
    assert httptools_impl.STATUS_LINE[503] == b"HTTP/1.1 503 Service Unavailable\r\n", (
        "uvicorn's STATUS_LINE is no longer the first line of an answer: service/protocol.py begins answers with it"
    )


def test_uvicorns_flow_control_can_be_asked_and_told() -> None:
    """Whether the caller reads, and to read on."""
    flow = FlowControl(_Transport())

    assert flow.write_paused is False, "uvicorn's FlowControl no longer has `write_paused`: service/protocol.py asks it"
    assert flow.read_paused is False, "uvicorn's FlowControl no longer has `read_paused`: service/protocol.py ends it"
    assert callable(flow.resume_reading), "uvicorn's FlowControl no longer resumes: service/protocol.py needs that"


@pytest.mark.parametrize("name", ["startup", "shutdown"])
def test_uvicorns_server_starts_and_ends_in_steps_of_their_own(name: str) -> None:
    """The services announce both."""
    method = getattr(uvicorn.Server, name, None)

    assert inspect.iscoroutinefunction(method), f"uvicorn's Server.{name}() is gone: service/server.py overrides it"
    assert list(inspect.signature(method).parameters) == ["self", "sockets"], (
        f"uvicorn's Server.{name}() takes other arguments: service/server.py overrides it"
    )


def test_uvicorns_server_ticks_ten_times_a_second() -> None:
    """Then the services look at their connections."""
    assert list(inspect.signature(uvicorn.Server.on_tick).parameters) == ["self", "counter"], (
        "uvicorn's Server.on_tick() takes other arguments: service/server.py overrides it"
    )
    assert "asyncio.sleep(0.1)" in inspect.getsource(uvicorn.Server.main_loop), (
        "uvicorn's Server no longer ticks every 0.1 s: service/server.py counts on it"
    )


def test_uvicorns_server_state_has_its_counts() -> None:
    """The services have their own, with a bound."""
    state = uvicorn.Server(uvicorn.Config(_app)).server_state

    assert (state.connections, state.total_requests) == (set(), 0), (
        "uvicorn's ServerState is another: service/guard/crowd.py and service/protocol.py count with it"
    )


def test_httptools_keeps_the_cause_of_an_error_in_a_callback(serving: Any) -> None:
    """By which the services tell a head that is too large from what is no HTTP."""

    def refuse(_: bytes) -> None:
        raise KeyError("a cause")

    serving.on_url = refuse
    parser = httptools.HttpRequestParser(serving)
    with pytest.raises(httptools.HttpParserError) as caught:
        parser.feed_data(b"GET /data HTTP/1.1\r\n\r\n")

    assert isinstance(caught.value.__context__, KeyError), (
        "httptools no longer keeps the cause of an error: service/protocol.py asks for it"
    )


def test_uvicorns_server_can_be_told_to_end() -> None:
    """By a flag, which the services read, too."""
    assert uvicorn.Server(uvicorn.Config(_app)).should_exit is False, (
        "uvicorn's Server no longer has `should_exit`: service/server.py ends the service with it"
    )


def test_aiohttps_session_can_be_told_not_to_repeat_a_call() -> None:
    """A repeated GET would be a call of the backend that nobody counts."""

    async def repeats() -> object:
        async with aiohttp.ClientSession() as session:
            return getattr(session, "_retry_connection", None)

    assert asyncio.run(repeats()) is True, (
        "aiohttp's ClientSession no longer has `_retry_connection`: client/pipeline/transports.py turns it off"
    )
    assert "self._retry_connection and" in inspect.getsource(aiohttp.ClientSession._request), (
        "aiohttp no longer asks `_retry_connection` before a repeat: client/pipeline/transports.py turns it off"
    )


def test_aiohttps_request_is_sent_by_one_method() -> None:
    """In which the lab counts it."""
    assert list(inspect.signature(aiohttp.ClientRequest.send).parameters) == ["self", "conn"], (
        "aiohttp's ClientRequest.send() takes other arguments: client/pipeline/transports.py counts calls in it"
    )
    assert inspect.iscoroutinefunction(aiohttp.ClientRequest.send), (
        "aiohttp's ClientRequest.send() is no coroutine any more: client/pipeline/transports.py counts calls in it"
    )
    assert "request_class" in inspect.signature(aiohttp.ClientSession).parameters, (
        "aiohttp's ClientSession no longer takes `request_class`: client/pipeline/transports.py counts calls by it"
    )


def test_connections_take_the_labs_own_readers() -> None:
    """Both transports stop at a flood of interim answers by a reader that neither takes from outside."""

    async def factory() -> Any:
        connector = aiohttp.TCPConnector()
        try:
            return getattr(connector, "_factory", None)
        finally:
            await connector.close()

    assert asyncio.run(factory()) is not None, (
        "aiohttp's TCPConnector no longer has `_factory`: client/pipeline/transports.py puts its own reader there"
    )
    assert hasattr(httpx.AsyncHTTPTransport()._pool, "_network_backend"), (
        "httpx's transport no longer has `_pool._network_backend`: client/pipeline/transports.py puts its own there"
    )


def test_asyncio_lets_others_write_tasks() -> None:
    """A strand is the current task while it runs."""
    seen: list[object] = []
    work = asyncio.new_event_loop()
    strand: Any = object()
    try:
        asyncio._enter_task(work, strand)
        seen.append(asyncio.current_task(work))
        asyncio._leave_task(work, strand)
        seen.append(asyncio.current_task(work))
    finally:
        work.close()

    assert seen == [strand, None], (
        "asyncio's _enter_task() and _leave_task() no longer say which task runs: virtual_clock/strand.py uses them"
    )


def test_asyncio_lets_others_write_loops() -> None:
    """The virtual loop is the running one while it runs."""
    loop = asyncio.new_event_loop()
    try:
        asyncio._set_running_loop(loop)
        running = asyncio._get_running_loop()
    finally:
        asyncio._set_running_loop(None)
        loop.close()

    assert running is loop, (
        "asyncio's _set_running_loop() no longer sets the running loop: virtual_clock/loop.py uses it"
    )


def test_a_future_is_told_that_it_is_waited_for() -> None:
    """By a flag; one that stays set keeps a second strand from waiting for the same future."""
    loop = asyncio.new_event_loop()
    future = loop.create_future()
    first, second = future.__await__(), future.__await__()
    try:
        assert first.send(None) is future
        assert future._asyncio_future_blocking is True, (
            "asyncio's futures no longer set `_asyncio_future_blocking`: virtual_clock/strand.py takes it back"
        )
        future._asyncio_future_blocking = False
        assert second.send(None) is future, (
            "a second wait for one of asyncio's futures fails: virtual_clock/strand.py lets strands share one"
        )
    finally:
        future._asyncio_future_blocking = False
        loop.close()


def test_opentelemetrys_exporter_knows_its_address(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whichever of its variables won."""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://one:1")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://two:2/x")

    assert getattr(OTLPSpanExporter(), "_endpoint", None) == "http://two:2/x", (
        "OpenTelemetry's OTLPSpanExporter no longer has its address in `_endpoint`: service/observe/spans.py checks it"
    )


_LOCUST = """
import json, inspect
from gevent import pywsgi
from locust import LoadTestShape
from locust.contrib.fasthttp import FastHttpSession
from locust.env import Environment

environment = Environment()
runner = environment.create_local_runner()
web = environment.create_web_ui("127.0.0.1", 0)
client = FastHttpSession("http://127.0.0.1:1", environment.events.request, None)
with client.get("/data", name="x", catch_response=True) as response:
    meta = dict(response.request_meta)
    response.success()
print(json.dumps({
    "shape_greenlet": getattr(runner, "shape_greenlet", "gone"),
    "log_exception": list(inspect.signature(runner.log_exception).parameters),
    "start_shape": list(inspect.signature(runner.start_shape).parameters),
    "reset_time": hasattr(LoadTestShape, "reset_time"),
    "handler": sorted(
        each for each in vars(pywsgi.WSGIHandler) if each in (
            "MessageClass", "_handle_client_error", "read_request", "read_requestline", "run_application",
            "start_response",
        )
    ),
    "handler_class": pywsgi.WSGIServer.handler_class is pywsgi.WSGIHandler,
    "discard": hasattr(pywsgi.Input, "_discard") and "send_100_continue_enabled" in pywsgi.Input.__slots__,
    "template_args": isinstance(web.template_args, dict),
    "endpoints": [each.endpoint for each in web.app.url_map.iter_rules()],
    "policies": "json.dumps_kwargs" in web.app.jinja_env.policies,
    "meta": sorted({"name", "response_time"} & meta.keys()),
}))
"""


@pytest.fixture(scope="module")
def locust() -> Any:
    """Return what Locust has, asked in a process of its own: importing it replaces the process's sockets."""
    done = subprocess.run([sys.executable, "-c", _LOCUST], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, (
        f"Locust's parts are not where loadtest/engines/live/locustfile.py has them: {done.stderr}"
    )
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize(
    ("part", "value", "use"),
    [
        ("shape_greenlet", None, "the runner's `shape_greenlet`, which is there while a run goes on"),
        (
            "log_exception",
            ["node_id", "msg", "formatted_tb"],
            "the runner's `log_exception(node_id, msg, formatted_tb)`",
        ),
        ("reset_time", True, "LoadTestShape's `reset_time()`, called at each start"),
        (
            "handler",
            [
                *("MessageClass", "_handle_client_error", "read_request", "read_requestline", "run_application"),
                "start_response",
            ],
            "(gevent) the handler's methods that ui/server.py overrides",
        ),
        ("handler_class", True, "(gevent) the server's `handler_class`, which ui/server.py replaces"),
        ("discard", True, "(gevent) the input's `_discard()` and `send_100_continue_enabled`"),
        ("template_args", True, "the web UI's `template_args`, which hold the tab and the link"),
        ("start_shape", [], "the runner's `start_shape()`, which starts a run"),
        ("policies", True, "the web UI's Jinja policy `json.dumps_kwargs`, which keeps the form's fields in order"),
        ("meta", ["name", "response_time"], "a response's `request_meta` with `name` and `response_time`"),
    ],
)
def test_locust_has_what_the_locustfile_uses(locust: Any, part: str, value: object, use: str) -> None:
    """As it was when it was tested."""
    assert locust[part] == value, f"Locust no longer has {use}: loadtest/engines/live/locustfile.py uses it"


@pytest.mark.parametrize(
    "endpoint", ["locust.index", "locust.swarm", "locust.stop", "locust.update_user", "locust.stats_report"]
)
def test_locusts_pages_have_their_names(locust: Any, endpoint: str) -> None:
    """The lab's pages hook into these, and take over those that start something."""
    assert endpoint in locust["endpoints"], (
        f"Locust's web UI no longer has the endpoint `{endpoint}`: loadtest/engines/live/ui/pages.py hooks into it"
    )
