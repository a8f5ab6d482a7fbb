"""Settings of the backend service: environment variables BACKEND_*."""

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from service.listener import ListenSettings
from service.observe.log import LogSettings
from service.observe.tracing import Exporter


class BackendSettings(BaseSettings, ListenSettings):
    """Where the backend listens, who may ask, and its logs and traces. Its faults are set over HTTP."""

    model_config = SettingsConfigDict(
        env_prefix="BACKEND_", env_nested_delimiter="__", frozen=True, extra="forbid", allow_inf_nan=False
    )

    port: int = Field(8001, ge=0, le=65535, description="TCP port; 0: any free one")
    log: LogSettings = LogSettings()
    tracing: Exporter = Field("off", description="where OpenTelemetry traces go; otlp: to OTEL_EXPORTER_OTLP_ENDPOINT")
