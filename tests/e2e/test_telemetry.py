"""Traces and logs of real processes: the load generator, the client and the backend."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections import defaultdict
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import lab
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [pytest.mark.e2e]


@contextmanager
def collector() -> Iterator[tuple[str, list[ExportTraceServiceRequest]]]:
    """Take what is sent over OTLP; yields its URL, and what has come."""
    received: list[ExportTraceServiceRequest] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.path == "/v1/traces":
                received.append(ExportTraceServiceRequest.FromString(body))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", received
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_a_live_run_sends_one_trace_a_request(tmp_path: Path) -> None:
    """Over OTLP from three processes, up to the last span: load generator, client, its call, backend."""
    on = {f"{service}_TRACING": "otlp" for service in ("LOADTEST", "CLIENT", "BACKEND")}
    path = lab.scenario(tmp_path, lab.TINY)
    with collector() as (url, received):
        done = lab.loadtest("run", str(path), "--out", str(tmp_path), **on, OTEL_EXPORTER_OTLP_ENDPOINT=url)
    assert lab.held(done), done.stdout + done.stderr

    ways: dict[bytes, dict[bytes, tuple[bytes, str]]] = defaultdict(dict)
    for message in received:
        for group in message.resource_spans:
            names = {each.key: each.value.string_value for each in group.resource.attributes}
            for scope in group.scope_spans:
                for span in scope.spans:
                    ways[span.trace_id][span.span_id] = (span.parent_span_id, names["service.name"])
    told = []
    for spans in ways.values():
        following = {parent: (span_id, service) for span_id, (parent, service) in spans.items()}
        way, at = [], b""
        while at in following:
            at, service = following[at]
            way.append(service.removeprefix("breaker-lab-"))
        told.append(way)
    assert told == [["loadtest", "client", "client", "backend"]] * 3


@pytest.mark.parametrize("service", ["client", "backend"])
def test_a_service_tells_its_life_in_lines(service: str) -> None:
    """Start and stop on standard error as JSON, also when it is ended by a signal, with nothing else between them."""
    prefix = service.upper()
    process = lab.popen(
        [sys.executable, "-m", service],
        cwd=lab.ROOT,
        env=lab.environment(**{f"{prefix}_PORT": "0", f"{prefix}_LOG__FORMAT": "json"}),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    first = json.loads(process.stderr.readline())
    os.kill(process.pid, signal.SIGTERM)
    rest = process.communicate(timeout=20)[1].splitlines()

    assert (first["event"], first["service"], first["url"].startswith("http://127.0.0.1:")) == (
        "started",
        service,
        True,
    )
    assert [json.loads(line)["event"] for line in rest] == ["stopped"]
