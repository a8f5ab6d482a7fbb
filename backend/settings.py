"""Settings of the backend service: environment variables BACKEND_*."""

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from inputs.shown_url import ShownUrl
from service.observe.log import LogSettings
from service.observe.tracing import Exporter


class BackendSettings(BaseSettings):
    """Where the backend listens, and its logs and traces. Its faults are set over HTTP."""

    model_config = SettingsConfigDict(
        env_prefix="BACKEND_", env_nested_delimiter="__", frozen=True, extra="forbid", allow_inf_nan=False
    )

    host: str = Field("127.0.0.1", description="address to listen on")
    port: int = Field(8001, ge=0, le=65535, description="TCP port; 0: any free one")
    shown_url: ShownUrl | None = Field(
        None,
        exclude=True,
        description="URL of the backend as its users know it, for its messages; none: the one it listens on",
    )
    log: LogSettings = LogSettings()
    tracing: Exporter = Field("off", description="where OpenTelemetry traces go; otlp: to OTEL_EXPORTER_OTLP_ENDPOINT")
