"""Logs: one line for each event on standard error, plain or JSON, with the request id if there is one."""

from __future__ import annotations

import json
import logging
import re
import sys
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from inputs.model import StrictModel

# The lab's own loggers are below this one.
ROOT = "breaker_lab"
_WORD = re.compile(r"[A-Za-z0-9_.:/@%+-]+")


def _lower_case(value: Any) -> Any:
    return value.lower() if isinstance(value, str) else value


class LogSettings(StrictModel):
    """What a service logs, and in which form."""

    format: Annotated[Literal["plain", "json"], BeforeValidator(_lower_case)] = Field(
        "plain", description="form of a line: text for people, or a JSON object"
    )
    level: Annotated[Literal["debug", "info", "warning", "error"], BeforeValidator(_lower_case)] = Field(
        "info", description="lowest level that is logged; transitions and changed settings are info"
    )
    requests: bool = Field(default=False, description="also log each request; level debug always does")

    @property
    def logs_requests(self) -> bool:
        """Whether each request has its line."""
        return self.requests or self.level == "debug"


def configure(settings: LogSettings, service: str) -> None:
    """Send every log line of this process, libraries' warnings included, to standard error in one form."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(LineFormatter(service, as_json=settings.format == "json"))
    level = logging.getLevelName(settings.level.upper())
    logging.basicConfig(handlers=[handler], level=max(level, logging.WARNING), force=True)
    logging.getLogger(ROOT).setLevel(level)
    logging.captureWarnings(capture=True)


def logger_of(service: str) -> logging.Logger:
    """Return the logger of a service's own events."""
    return logging.getLogger(f"{ROOT}.{service}")


def log_event(logger: logging.Logger, event: str, request_id: str | None = None, **fields: Any) -> None:
    """Log an event with its fields at level info."""
    if logger.isEnabledFor(logging.INFO):
        with_id = fields if request_id is None else {**fields, "request_id": request_id}
        logger.info(event, extra={"fields": with_id})


class RareLine:
    """A warning about something that may happen any number of times: one line now and then, with the number.

    `every_s`: seconds between two lines, at least.
    """

    def __init__(self, logger: logging.Logger, event: str, every_s: float) -> None:
        self._logger = logger
        self._event = event
        self._every_s = every_s
        self._said_at: float | None = None
        self._unsaid = 0
        self.total = 0

    def count(self, now: float, **fields: Any) -> None:
        """Count one more, at `now` in seconds of any clock; `fields` describe the latest."""
        self.total += 1
        self._unsaid += 1
        if self._said_at is None or now - self._said_at >= self._every_s:
            self._logger.warning(self._event, extra={"fields": {"times": self._unsaid, "latest": fields}})
            self._said_at, self._unsaid = now, 0


class LineFormatter(logging.Formatter):
    """Writes one line for each record: line breaks and control characters from callers are escaped.

    Written here, since a library for JSON lines, one more for both services, would not write plain lines.
    """

    def __init__(self, service: str, *, as_json: bool) -> None:
        super().__init__()
        self._service = service
        self._as_json = as_json

    def format(self, record: logging.LogRecord) -> str:
        """Write time (UTC), level, service and event, then the event's own fields."""
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        level, event = record.levelname.lower(), record.getMessage()
        fields: dict[str, Any] = dict(getattr(record, "fields", {}))
        if not record.name.startswith(ROOT):
            fields["logger"] = record.name
        if record.exc_info:
            fields["exception"] = self.formatException(record.exc_info)
        if self._as_json:
            standard = {"time": at, "level": level, "service": self._service, "event": event}
            return json.dumps({**standard, **fields, **standard}, default=str)
        return " ".join(
            [
                at,
                level,
                self._service,
                _quote_if_needed(event),
                *(f"{name}={_quote_if_needed(each)}" for name, each in fields.items()),
            ]
        )


def _quote_if_needed(value: Any) -> str:
    """Return the value as it is if it is a plain word, else as JSON."""
    text = value if isinstance(value, str) else json.dumps(value, default=str)
    return text if _WORD.fullmatch(text) else json.dumps(value, default=str)
