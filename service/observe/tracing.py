"""Traces, off by default: OpenTelemetry is an extra, and nothing of the extra is loaded before somebody asks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BeforeValidator

from inputs.wrong_input import WrongInputError

if TYPE_CHECKING:
    from types import ModuleType

    from service.observe.spans import Tracing

# FastAPI has traces of its own, of which the path under load would not be part.
NONE_OF_FASTAPI: Any = {"tracing": False, "metrics": False, "logs": False, "auto_configure": False}

Exporter = Annotated[
    Literal["off", "otlp", "console"], BeforeValidator(lambda value: value.lower() if isinstance(value, str) else value)
]


def start(exporter: Exporter, service: str, variable: str) -> Tracing | None:
    """Return the traces of `service`, none where they are off; close them at its end. Raises what `check` does."""
    if exporter == "off":
        return None
    traces: Tracing = _loaded(exporter, variable).start(exporter, service)
    return traces


def check(exporter: Exporter, variable: str) -> None:
    """Raise WrongInputError where traces cannot be had: the extra is not installed, or the collector's address is none.

    It names `variable`, the setting that asked for them, or that of the address.
    """
    if exporter != "off":
        _loaded(exporter, variable).check(exporter)


def _loaded(exporter: Exporter, variable: str) -> ModuleType:
    try:
        from service.observe import spans  # noqa: PLC0415 - the extra
    except ModuleNotFoundError as error:
        detail = f"{variable}: got {exporter!r}; needs the extra 'tracing': make .venv/.tracing ({error})"
        raise WrongInputError([{"field": variable, "value": exporter, "detail": detail}]) from error
    return spans
