"""The backend's requests as spans; only used if traces are on."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from backend.events import Visit
    from service.observe.spans import Tracing


class TraceHook:
    """Writes a request's fault into its span, the current one of the request's task."""

    def __init__(self, tracing: Tracing) -> None:
        self._tracing = tracing

    def on_visit(self, visit: Visit) -> None:
        """Add the fault and the outcome of the request."""
        fault = visit.fault
        attributes: dict[str, str | int | float | None] = {
            "request_id": visit.request_id,
            "attempt": visit.attempt,
            "outcome": visit.outcome,
        }
        if fault is not None:
            delay_s = None if fault.kind == "hang" else fault.latency_s
            attributes |= {
                "fault.kind": fault.kind,
                "fault.delay_s": delay_s,
                "http.response.status_code": fault.status or None,
            }
        self._tracing.set_attributes(attributes)
        if visit.outcome != "ok":
            self._tracing.mark_failed(visit.outcome)
