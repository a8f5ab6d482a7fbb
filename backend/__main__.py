"""Run the backend: python -m backend."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from backend.app import create_app
from backend.reset import ResettableProtocol
from backend.settings import BackendSettings
from inputs.environment import from_environment
from service import server
from service.observe import log

if TYPE_CHECKING:
    from fastapi import FastAPI


def _build() -> tuple[FastAPI, str, int, str | None]:
    settings = from_environment(BackendSettings)
    log.configure(settings.log, "backend")
    return create_app(settings), settings.host, settings.port, settings.shown_url


if __name__ == "__main__":
    sys.exit(server.main("backend", "The flaky service.", _build, http=ResettableProtocol))
