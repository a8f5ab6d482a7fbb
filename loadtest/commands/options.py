"""What several commands share: options with the same name and meaning, and the settings from the environment."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from inputs.environment import from_environment
from inputs.wrong_input import WrongInputError
from loadtest.settings import LoadtestSettings

if TYPE_CHECKING:
    from loadtest.engines.live.services import Urls

ClientUrl = Annotated[str | None, typer.Option(help="Use this client instead of starting one.")]
BackendUrl = Annotated[str | None, typer.Option(help="Use this backend instead of starting one.")]
OutDir = Annotated[Path | None, typer.Option("--out", help="Folder of all runs (default: results).")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print only the path of the report.")]


def read_settings(**given: Any) -> LoadtestSettings:
    """Return the settings of the environment; options on the command line override them."""
    return from_environment(
        LoadtestSettings, None, **{name: value for name, value in given.items() if value is not None}
    )


def find_file(name: str, settings: LoadtestSettings) -> str:
    """Return the path of a named file: as it is or, if there is none, in the folder of the user's own files.

    A name without a suffix is that of something that comes with the lab.
    """
    own = os.path.join(settings.ui_scenarios, name)  # noqa: PTH118 - pathlib raises for impossible names
    found_only_there = not os.path.exists(name) and os.path.isfile(own)  # noqa: PTH110, PTH113 - the same
    return own if Path(name).suffix and found_only_there else name


def wrong_input(field: str, value: object, allowed: str) -> WrongInputError:
    """Return the error for an option."""
    got = "" if value is None else f"got {value!r}; "
    return WrongInputError([{"field": field, "value": value, "detail": f"{field}: {got}allowed: {allowed}"}])


def find_services(settings: LoadtestSettings) -> Urls | None:
    """Return the services to use, after checking that they answer; none: start our own."""
    if settings.client_url is None and settings.backend_url is None:
        return None
    if settings.client_url is None or settings.backend_url is None:
        raise wrong_input("client-url, backend-url", None, "both, or neither of them")
    from loadtest.engines.live.control import backend_at, client_at
    from loadtest.engines.live.services import Urls

    client_at(settings.client_url).check("/breaker")
    backend_at(settings.backend_url).check("/faults")
    return Urls(settings.client_url.rstrip("/"), settings.backend_url.rstrip("/"))


def check_tracing(settings: LoadtestSettings, urls: Urls | None) -> None:
    """Raise WrongInputError, before anything is started, if traces are on but not possible."""
    from backend.settings import BackendSettings
    from client.settings import ClientSettings
    from service.observe import tracing

    if urls is None:  # the settings of our own services, too
        tracing.check(from_environment(ClientSettings).tracing, "CLIENT_TRACING")
        tracing.check(from_environment(BackendSettings).tracing, "BACKEND_TRACING")
    tracing.check(settings.tracing, "LOADTEST_TRACING")
