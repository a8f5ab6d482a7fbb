"""Run the client: python -m client."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from client.app import create_app
from client.settings import ClientSettings
from inputs.environment import from_environment
from service import server
from service.observe import log

if TYPE_CHECKING:
    from fastapi import FastAPI


def _build() -> tuple[FastAPI, str, int, str | None]:
    settings = from_environment(ClientSettings)
    log.configure(settings.log, "client")
    return create_app(settings), settings.host, settings.port, settings.shown_url


if __name__ == "__main__":
    sys.exit(server.main("client", "The service that protects its calls with a breaker.", _build))
