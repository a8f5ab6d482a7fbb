"""Settings of the load generator: environment variables LOADTEST_*; the command line overrides them."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from inputs.shown_url import ShownUrl  # noqa: TC001 - pydantic reads the annotation
from service.guard.settings import AccessSettings
from service.observe.tracing import Exporter  # noqa: TC001 - pydantic reads the annotation


class LoadtestSettings(BaseSettings, AccessSettings):
    """The services to use, and the folder of runs."""

    model_config = SettingsConfigDict(env_prefix="LOADTEST_", frozen=True, extra="forbid")

    client_url: str | None = Field(
        None, description="use this client instead of starting one; needs the backend's URL, too"
    )
    backend_url: str | None = Field(
        None, description="use this backend instead of starting one; needs the client's URL, too"
    )
    out: Path = Field(Path("results"), description="folder that keeps all runs")
    ui_host: str = Field("127.0.0.1", description="address of Locust's web UI")
    ui_port: int = Field(8089, ge=1, le=65535, description="port of Locust's web UI")
    shown_url: ShownUrl | None = Field(
        None,
        exclude=True,
        description="URL of Locust's web UI as its users know it, for messages; none: the one it listens on",
    )
    tracing: Exporter = Field("off", description="where OpenTelemetry traces go; otlp: to OTEL_EXPORTER_OTLP_ENDPOINT")
    ui_scenarios: Path = Field(
        Path(),
        description="folder of your own files: the form in Locust's web UI offers its scenarios, and `run`, `sweep` "
        "and `tune` look there for a file that the current folder does not have",
    )
