"""One trace from the load generator through the client to the backend; and nothing at all where nobody asks for it."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from backend.app import create_app as backend_app
from client.app import create_app as client_app
from client.pipeline import upstream
from client.settings import ClientSettings
from inputs.wrong_input import WrongInputError
from service.observe import tracing
from service.observe.spans import Tracing

if TYPE_CHECKING:
    from collections.abc import Callable

    from fastapi import FastAPI
    from opentelemetry.sdk.trace import ReadableSpan

    Ask = Callable[..., httpx.Response]

ROOT = Path(__file__).parents[3]


class Lab:
    """Load generator, client and backend in one process, with one memory for the spans of all three."""

    def __init__(self, serve: Callable[[FastAPI], Ask], monkeypatch: pytest.MonkeyPatch) -> None:
        self._memory = InMemorySpanExporter()
        self._generator = self._tracing("loadtest")
        backend = backend_app(traces=self._tracing("backend"))
        self.set_faults = serve(backend)
        transport = httpx.ASGITransport(backend)
        monkeypatch.setattr(upstream, "open_aiohttp", lambda _: transport)
        settings = ClientSettings(breaker={"fail_max": 2, "reset_timeout": 3600}, timeout={"total_s": 1})
        self.ask = serve(client_app(settings, traces=self._tracing("client")))

    def _tracing(self, service: str) -> Tracing:
        return Tracing(service, self._memory)

    def call(self, request_id: str = "1") -> list[ReadableSpan | None]:
        """Send a request as the load generator does; the spans of generator, client, client's call and backend."""
        self._memory.clear()
        with self._generator.call("GET /data"):
            self.ask("GET", "/data", headers={"X-Request-Id": request_id, **self._generator.headers()})
        return self._found()

    def call_with(self, **headers: str) -> list[ReadableSpan | None]:
        """Send a request with headers of the test's making."""
        self._memory.clear()
        self.ask("GET", "/data", headers={name: value.encode("latin-1") for name, value in headers.items()})
        return self._found()

    def call_of_the_dashboard(self) -> list[ReadableSpan | None]:
        """Press its button, and once more to stop; the first call is answered within a few turns of the loop."""
        self._memory.clear()
        self.ask("PUT", "/traffic")
        for _ in range(20):
            self.ask("GET", "/health")
        self.ask("DELETE", "/traffic")
        return self._found()

    def _found(self) -> list[ReadableSpan | None]:
        found: dict[tuple[str, str], ReadableSpan] = {}
        for span in self._memory.get_finished_spans():
            service = str(span.resource.attributes["service.name"]).removeprefix("breaker-lab-")
            assert found.setdefault((service, span.kind.name), span) is span, "twice"
        places = ("loadtest", "CLIENT"), ("client", "SERVER"), ("client", "CLIENT"), ("backend", "SERVER")
        assert found.keys() <= set(places)
        return [found.get(place) for place in places]


@pytest.fixture
def traced(serve: Callable[[FastAPI], Ask], monkeypatch: pytest.MonkeyPatch) -> Lab:
    return Lab(serve, monkeypatch)


def there(span: ReadableSpan | None) -> ReadableSpan:
    assert span is not None
    return span


def attributes(span: ReadableSpan | None) -> dict[str, Any]:
    return dict(there(span).attributes or {})


def test_a_call_is_one_trace(traced: Lab) -> None:
    """Four spans, each below the one before it, with the breaker's decision and the fault that was met."""
    load, client, call, backend = map(there, traced.call("7"))

    assert {span.context.trace_id for span in (load, client, call, backend)} == {load.context.trace_id}
    parents = [span.parent.span_id if span.parent else None for span in (load, client, call, backend)]
    assert parents == [None, load.context.span_id, client.context.span_id, call.context.span_id]
    assert attributes(client) == {
        "request_id": "7",
        "breaker.policy": "consecutive",
        "breaker.state": "closed",
        "breaker.decision": "permit",
        "breaker.fail_count": 0,
        "outcome": "ok",
        "served": "fresh",
        "attempts": 1,
        "backend_calls": 0,  # which aiohttp would have counted
        "http.response.status_code": 200,
    }
    about_call = {"http.request.method": "GET", "request_id": "7", "attempt": 1, "http.response.status_code": 200}
    assert attributes(call) == about_call
    assert attributes(backend) == {
        "request_id": "7",
        "attempt": 1,
        "outcome": "ok",
        "fault.kind": "ok",
        "fault.delay_s": 0.0,
        "http.response.status_code": 200,
    }
    assert [span.status.status_code.name for span in (client, call, backend)] == ["UNSET"] * 3


def test_the_dashboards_own_traffic_is_traced_like_a_callers(traced: Lab) -> None:
    """The client's span has the breaker's decision, and the call of the backend is below it."""
    _, client, call, backend = traced.call_of_the_dashboard()

    assert attributes(client).items() >= {"request_id": "dashboard-1", "breaker.decision": "permit"}.items()
    parents = [span.parent.span_id if span.parent else None for span in map(there, (client, call, backend))]
    assert parents == [None, there(client).context.span_id, there(call).context.span_id]


def test_a_failure_a_trip_and_a_refusal(traced: Lab) -> None:
    """The trip is an event of the call that brought it about; a refused call never comes to the backend."""
    traced.set_faults("PUT", "/faults", json={"error_rate": 1, "error_status": 503})
    first, second, third = (traced.call(str(number)) for number in range(3))

    assert [len([span for span in each if span]) for each in (first, second, third)] == [4, 4, 2]
    assert attributes(second[3]).items() >= {"fault.kind": "error", "outcome": "error", "error.type": "error"}.items()
    assert (
        attributes(second[2]).items() >= {"error.type": "BackendFailedError", "http.response.status_code": 503}.items()
    )
    told = [[(event.name, dict(event.attributes or {})) for event in each[1].events] for each in (first, second, third)]
    trip = {"before": "closed", "after": "open", "cause": "fail_max reached", "fail_count": 2}
    assert told == [[], [("breaker.transition", trip)], []]
    assert {name: value for name, value in attributes(third[1]).items() if name.startswith("breaker.")} == {
        "breaker.policy": "consecutive",
        "breaker.state": "open",
        "breaker.decision": "refused",
        "breaker.refusal": "open",
        "breaker.fail_count": 2,
    }
    assert attributes(third[1]).items() >= {"outcome": "fast_fail", "served": "fallback", "attempts": 0}.items()
    assert [span.status.status_code.name for span in second if span] == ["UNSET", "ERROR", "ERROR", "ERROR"]


def test_a_probe_and_a_policy_that_was_put_in_force_meanwhile(traced: Lab) -> None:
    """The span says what was in force when the call ended; its probe closes the breaker, which are two transitions."""
    traced.ask("PATCH", "/breaker", json={"policy": "time_window", "reset_timeout": 0.000001})
    traced.ask("POST", "/breaker/open?for_s=0.000001")
    _, client, _, _ = traced.call()

    assert attributes(client).items() >= {"breaker.policy": "time_window", "breaker.decision": "probe"}.items()
    assert [(event.attributes or {})["after"] for event in there(client).events] == ["half-open", "closed"]


def test_a_hang_ends_with_the_clients_timeout(traced: Lab) -> None:
    """The backend's span has the fault, although it never came to an answer."""
    traced.set_faults("PUT", "/faults", json={"hang_rate": 1})
    _, client, call, backend = traced.call()

    assert attributes(client).items() >= {"outcome": "timeout", "http.response.status_code": 504}.items()
    assert attributes(call)["error.type"] == "CancelledError"
    assert attributes(backend).items() >= {"fault.kind": "hang", "outcome": "abandoned"}.items()


PARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


def test_a_trace_from_outside_goes_on(traced: Lab) -> None:
    """Trace id, parent and tracestate of the header, on to the backend."""
    _, client, _, backend = traced.call_with(traceparent=PARENT, tracestate="vendor=1")

    assert [f"{there(span).context.trace_id:032x}" for span in (client, backend)] == [PARENT[3:35]] * 2
    assert f"{there(client).parent.span_id:016x}" == PARENT[36:52]
    assert there(backend).context.trace_state.get("vendor") == "1"


def test_who_does_not_sample_is_not_recorded(traced: Lab) -> None:
    """The flag of the header holds for the whole way; the answer comes all the same."""
    assert traced.call_with(traceparent=PARENT[:-1] + "0") == [None] * 4
    assert traced.ask("GET", "/data", headers={"traceparent": PARENT[:-1] + "0"}).status_code == 200


MALFORMED = [
    "",
    "nonsense",
    PARENT.upper(),
    PARENT[:-1],
    PARENT + "-more",
    "ff" + PARENT[2:],
    "00-" + "0" * 32 + PARENT[35:],
    PARENT[:36] + "0" * 16 + "-01",
    "x" * 5000,
    "00-\xe4" + PARENT[4:],
]


def test_a_malformed_traceparent_begins_a_new_trace(traced: Lab) -> None:
    """Never an error: what cannot be read is as if it were not there."""
    for header in MALFORMED:
        _, client, _, backend = traced.call_with(traceparent=header, tracestate="=,=")
        ids = [f"{there(span).context.trace_id:032x}" for span in (client, backend)]

        assert (there(client).parent, attributes(client)["outcome"]) == (None, "ok"), header
        assert ids[0] == ids[1] != PARENT[3:35], header


def test_two_parents_are_none() -> None:
    """Nobody can say which one is meant."""
    memory = InMemorySpanExporter()
    with Tracing("client", memory).request("x", [(b"Traceparent", PARENT.encode()), (b"traceparent", PARENT.encode())]):
        pass

    assert [span.parent for span in memory.get_finished_spans()] == [None]


def test_a_span_that_is_printed_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    """On standard error: nobody reads a service's standard output after its first line."""
    traces = tracing.start("console", "client", "CLIENT_TRACING")
    assert traces is not None
    with traces.request("GET /data", []):
        traces.set_attributes({"request_id": "7\nx"})
    traces.close()

    found = capsys.readouterr()
    assert (found.out, found.err.count("\n")) == ("", 1)
    assert "7\\nx" in found.err


@pytest.mark.parametrize("address", ["localhost:4318", "http://x:y", "ftp://x:1", "4318"])
def test_an_address_that_is_none_is_named(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before the service starts, and not by an exporter every few seconds."""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", address)
    found = []
    for ask in (lambda: tracing.start("otlp", "client", "CLIENT_TRACING"), lambda: tracing.check("otlp", "X")):
        with pytest.raises(WrongInputError) as caught:
            ask()
        found.append(str(caught.value))

    start, end = f"OTEL_EXPORTER_OTLP_ENDPOINT: got '{address}", "; allowed: http://HOST:PORT, or https"
    assert [(each.startswith(start), each.endswith(end)) for each in found] == [(True, True)] * 2


def test_without_the_extra_its_name_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """And which setting asked for it."""
    monkeypatch.delitem(sys.modules, "service.observe.spans")
    monkeypatch.delattr("service.observe.spans")
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.resources", None)

    with pytest.raises(
        WrongInputError,
        match=re.escape("CLIENT_TRACING: got 'console'; needs the extra 'tracing': make .venv/.tracing"),
    ):
        tracing.start("console", "client", "CLIENT_TRACING")


OFF = """
import sys
asked = []
class Wall:
    def find_spec(self, name, path=None, target=None):
        if name.startswith(("opentelemetry.sdk", "opentelemetry.exporter", "service.observe.spans")):
            asked.append(name)
sys.meta_path.insert(0, Wall())
import asyncio
from backend.app import create_app as backend
from client.app import create_app as client
async def life(app):
    coming, told = ["lifespan.startup", "lifespan.shutdown"], []
    async def receive():
        return {"type": coming.pop(0)}
    async def send(message):
        told.append(message["type"])
    await app({"type": "lifespan", "state": {}}, receive, send)
    print(told, type(getattr(app, "data", None)).__name__)
for app in (client(), backend()):
    asyncio.run(life(app))
print(asked)
"""


def test_off_is_free() -> None:
    """Nothing is imported, nor looked for; and the endpoint under load is the plain one.

    Of OpenTelemetry FastAPI itself imports the interface, which does nothing; and it is asked to leave it at that, even
    where the environment names a collector for it.
    """
    environment = {"FASTAPI_OTEL_AUTO_CONFIGURE": "true", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1"}
    done = subprocess.run(
        [sys.executable, "-c", OFF], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )

    ended = ["lifespan.startup.complete", "lifespan.shutdown.complete"]
    said = [f"{ended} DataEndpoint", f"{ended} DataEndpoint", "[]"]
    assert (done.returncode, done.stdout.splitlines()) == (0, said), done.stderr


def test_off_leaves_the_pipeline_as_it_is(serve: Callable[[FastAPI], Ask], monkeypatch: pytest.MonkeyPatch) -> None:
    """No hook, no wrapper, no header more."""
    seen: list[list[bytes]] = []

    class Recording(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            seen.append([name for name, _ in request.headers.raw])
            return httpx.Response(200, content=b"{}")

    monkeypatch.setattr(upstream, "open_aiohttp", lambda _: Recording())
    app = client_app(ClientSettings())
    serve(app)("GET", "/data", headers={"traceparent": PARENT})
    client = app.data._client

    assert seen == [[b"Host", b"Accept-Encoding", b"X-Request-Id", b"X-Attempt"]]
    assert [type(hook).__name__ for hook in client._call_hooks] == ["Counters", "EventStream"]
    assert type(client._upstream).__name__ == "Upstream"


def test_spans_are_handed_over_in_the_background() -> None:
    """Where they leave the process; the one for tests and for the console does it at once."""
    memory = InMemorySpanExporter()
    traces = Tracing("client", memory, batch=True)
    with traces.request("x", []):
        pass
    before = len(memory.get_finished_spans())
    traces.close()

    assert (before, len(memory.get_finished_spans())) == (0, 1)
