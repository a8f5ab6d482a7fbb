"""Settings of the client service: environment variables CLIENT_*, nested with a double underscore."""

from __future__ import annotations

import re
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from client.pipeline.order import CallSettings, parts_of
from inputs.model import StrictModel
from inputs.shown_url import ShownUrl  # noqa: TC001 - pydantic reads the annotation
from service.observe.log import LogSettings
from service.observe.tracing import Exporter  # noqa: TC001 - pydantic reads the annotation


def _check_service_url(url: str) -> str:
    try:
        parts = urlsplit(url)
        fits = bool(re.fullmatch(r"https?://[^/\s]+/?", url)) and bool(parts.hostname) and parts.port != 0
    except ValueError:  # an invalid port, or a bracket that is not closed
        fits = False
    if not fits:
        raise ValueError("allowed: http://HOST[:PORT], a port from 1 to 65535 and no path")
    return url


class UpstreamSettings(StrictModel):
    """The HTTP client for the backend."""

    transport: Literal["aiohttp", "httpx"] = Field("aiohttp", description="HTTP transport used below httpx's API")
    keepalive_s: float = Field(60.0, gt=0, le=3600, description="seconds that an idle connection is kept")
    longest_answer: int = Field(
        16_000_000,
        ge=1,
        le=1_000_000_000,
        description="bytes of the longest answer, decoded; a longer one is a failure, and its connection is closed",
    )


class ClientSettings(BaseSettings, CallSettings):
    """All settings of the client service."""

    model_config = SettingsConfigDict(
        env_prefix="CLIENT_",
        env_nested_delimiter="__",
        frozen=True,
        extra="forbid",
        allow_inf_nan=False,
    )

    host: str = Field("127.0.0.1", description="address to listen on")
    port: int = Field(8000, ge=0, le=65535, description="TCP port; 0: any free one")
    shown_url: ShownUrl | None = Field(
        None,
        exclude=True,
        description="URL of the client as its users know it, for its messages; none: the one it listens on",
    )
    backend_url: Annotated[str, AfterValidator(_check_service_url)] = Field(
        "http://127.0.0.1:8001", description="address of the backend: http://HOST[:PORT]"
    )
    upstream: UpstreamSettings = UpstreamSettings()
    log: LogSettings = LogSettings()
    tracing: Exporter = Field("off", description="where OpenTelemetry traces go; otlp: to OTEL_EXPORTER_OTLP_ENDPOINT")

    @property
    def call(self) -> CallSettings:
        """The part that may change while the service runs."""
        return CallSettings(**parts_of(self))
