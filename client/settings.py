"""Settings of the client service: environment variables CLIENT_*, nested with a double underscore."""

from __future__ import annotations

import re
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from client.breakers import policies
from client.breakers.settings import BreakerSettings, OrNone, refuse_unread
from service.log import LogSettings
from service.model import StrictModel
from service.tracing import Exporter  # noqa: TC001 - pydantic reads the annotation


def _is_service(url: str) -> str:
    try:
        parts = urlsplit(url)
        fits = bool(re.fullmatch(r"https?://[^/\s]+/?", url)) and bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port that is none, a bracket that is not closed
        fits = False
    if not fits:
        raise ValueError("allowed: http://HOST[:PORT], a port from 1 to 65535 and no path")
    return url


class TimeoutSettings(StrictModel):
    """How long one call of the backend may take."""

    total_s: Annotated[Annotated[float, Field(gt=0, le=3600)] | None, OrNone] = Field(
        3.0, description='seconds; "none" or null: for ever'
    )


class FallbackSettings(StrictModel):
    """What the caller gets in place of an answer."""

    enabled: bool = True
    message: str = Field("The service is temporarily unavailable. Please try again.", max_length=1000)


class CallSettings(StrictModel):
    """How calls are protected: what an arm of a scenario sets, and what may change while the service runs."""

    breaker: BreakerSettings = BreakerSettings()
    timeout: TimeoutSettings = TimeoutSettings()
    fallback: FallbackSettings = FallbackSettings()

    @model_validator(mode="after")
    def _a_call_can_be_slow(self) -> Self:
        _refuse_slower_than_timeout(self.breaker, self.timeout)
        return self


def _refuse_slower_than_timeout(breaker: BreakerSettings, timeout: TimeoutSettings) -> None:
    tried = "breaker" if breaker.shadow is None else "breaker.shadow"
    for place, each in (("breaker", breaker), (tried, breaker.tried())):
        slow_s = None if each is None or "slow_call_s" not in policies()[each.policy].reads else each.slow_call_s
        if slow_s is not None and timeout.total_s is not None and slow_s > timeout.total_s:
            raise ValueError(
                f"{place}.slow_call_s: got {slow_s:g}; allowed: a number <= timeout.total_s = {timeout.total_s:g}, "
                "since no call takes longer"
            )


class UpstreamSettings(StrictModel):
    """The HTTP client towards the backend."""

    transport: Literal["aiohttp", "httpx"] = Field("aiohttp", description="who moves the bytes below httpx's API")
    keepalive_s: float = Field(60.0, gt=0, le=3600, description="seconds an idle connection is kept")


class ClientSettings(BaseSettings):
    """Everything the client service can be told from outside."""

    model_config = SettingsConfigDict(
        env_prefix="CLIENT_",
        env_nested_delimiter="__",
        frozen=True,
        extra="forbid",
        allow_inf_nan=False,
    )

    host: str = Field("127.0.0.1", description="address to listen on")
    port: int = Field(8000, ge=0, le=65535, description="TCP port; 0 takes a free one")
    backend_url: Annotated[str, AfterValidator(_is_service)] = Field(
        "http://127.0.0.1:8001", description="where the backend is"
    )
    breaker: BreakerSettings = BreakerSettings()
    timeout: TimeoutSettings = TimeoutSettings()
    fallback: FallbackSettings = FallbackSettings()
    upstream: UpstreamSettings = UpstreamSettings()
    log: LogSettings = LogSettings()
    tracing: Exporter = Field("off", description="where traces go; otlp: to OTEL_EXPORTER_OTLP_ENDPOINT")

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        refuse_unread(self.breaker)
        _refuse_slower_than_timeout(self.breaker, self.timeout)
        return self

    @property
    def call(self) -> CallSettings:
        """The part that may change while the service runs."""
        return CallSettings(breaker=self.breaker, timeout=self.timeout, fallback=self.fallback)
