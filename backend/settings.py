"""Settings of the backend service: environment variables BACKEND_*."""

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class BackendSettings(BaseSettings):
    """Where the backend listens. Its faults are set over HTTP."""

    model_config = SettingsConfigDict(env_prefix="BACKEND_", frozen=True, extra="forbid")

    host: str = Field("127.0.0.1", description="address to listen on")
    port: int = Field(8001, ge=0, le=65535, description="TCP port; 0 takes a free one")
