"""The backend's requests as log lines; the hook is only installed if they are wanted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from service.observe.log import log_event, logger_of

if TYPE_CHECKING:
    from backend.events import Visit

LOGGER = logger_of("backend")


class RequestLog:
    """A line for each request."""

    def on_visit(self, visit: Visit) -> None:
        """Log the outcome, and the fault."""
        log_event(
            LOGGER,
            "request",
            visit.request_id,
            attempt=visit.attempt,
            outcome=visit.outcome,
            fault=None if visit.fault is None else visit.fault.kind,
            duration_ms=round(visit.duration_s * 1000, 3),
        )
