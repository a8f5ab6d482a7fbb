"""Traces, off by default: OpenTelemetry is an extra, which is only loaded if traces are on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BeforeValidator

from inputs.wrong_input import WrongInputError

if TYPE_CHECKING:
    from types import ModuleType

    from service.observe.spans import Tracing

# FastAPI's own traces are off: they would not include the path under load.
NONE_OF_FASTAPI: Any = {"tracing": False, "metrics": False, "logs": False, "auto_configure": False}

Exporter = Annotated[
    Literal["off", "otlp", "console"], BeforeValidator(lambda value: value.lower() if isinstance(value, str) else value)
]


def start(exporter: Exporter, service: str, variable: str) -> Tracing | None:
    """Return the traces of `service`, none if they are off; close them at its end. Raises like `check`."""
    if exporter == "off":
        return None
    traces: Tracing = _load_spans(exporter, variable).start(exporter, service)
    return traces


def check(exporter: Exporter, variable: str) -> None:
    """Raise WrongInputError if traces are not possible: without the extra, or with an invalid address of the collector.

    The error names `variable`, the setting that switched traces on, or the variable of the address.
    """
    if exporter != "off":
        _load_spans(exporter, variable).check(exporter)


def _load_spans(exporter: Exporter, variable: str) -> ModuleType:
    try:
        from service.observe import spans  # noqa: PLC0415 - the extra
    except ModuleNotFoundError as error:
        detail = f"{variable}: got {exporter!r}; needs the extra 'tracing': make .venv/.tracing ({error})"
        raise WrongInputError([{"field": variable, "value": exporter, "detail": detail}]) from error
    return spans
