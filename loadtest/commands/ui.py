"""The command `ui`."""

from __future__ import annotations

import subprocess
from contextlib import closing
from pathlib import Path  # noqa: TC003 - typer reads the annotation
from typing import TYPE_CHECKING, Annotated

import typer

from loadtest.commands.options import (
    BackendUrl,
    ClientUrl,
    OutDir,
    check_tracing,
    find_services,
    read_settings,
    wrong_input,
)
from loadtest.terminal.console import out
from loadtest.terminal.interruption import Interrupted

if TYPE_CHECKING:
    from loadtest.engines.live.services import Urls
    from loadtest.settings import LoadtestSettings


def ui(
    client_url: ClientUrl = None,
    backend_url: BackendUrl = None,
    out_dir: OutDir = None,
    port: Annotated[str | None, typer.Option(metavar="N", help="Port of the web UI (default: 8089).")] = None,
    scenarios: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Also offer the scenario files of this folder (default: the current one)."),
    ] = None,
) -> None:
    """Open Locust's web UI: a form to choose a run, a tab that shows the breaker, and a link to each report."""
    from loadtest.disk.lines import open_log
    from loadtest.disk.room import check_room
    from loadtest.engines.live.services import own_services
    from loadtest.records.run_folder import wanted
    from loadtest.report.all_runs import write_index

    chosen = read_settings(
        client_url=client_url, backend_url=backend_url, out=out_dir, ui_port=port, ui_scenarios=scenarios
    )
    if not chosen.ui_scenarios.is_dir():
        raise wrong_input("scenarios", str(chosen.ui_scenarios), "a folder")
    urls = find_services(chosen)
    check_tracing(chosen, urls)
    _check_place(chosen)
    with wanted(chosen.out):
        chosen.out.mkdir(parents=True, exist_ok=True)
        check_room(chosen.out)
        write_index(chosen.out)
        open_log(chosen.out / ".ui.log").close()
    log = chosen.out / ".ui.log"
    try:
        if urls is not None:
            _serve_ui(chosen, urls, log)
        else:
            with own_services(log) as started:
                _serve_ui(chosen, started, log)
    except Interrupted as signalled:
        raise typer.Exit(0 if signalled.exit_code == 130 else signalled.exit_code) from None


def _check_place(settings: LoadtestSettings) -> None:
    """Raise WrongInputError if the port is taken, or if strangers could reach the UI without a token."""
    from service.guard.settings import check_exposure
    from service.listener import listen

    everywhere = settings.ui_host == "*"  # for Locust, every address of this machine
    with closing(listen("0.0.0.0" if everywhere else settings.ui_host, settings.ui_port)) as listener:  # noqa: S104
        check_exposure(listener.getsockname()[0], settings, "LOADTEST_")


def _serve_ui(settings: LoadtestSettings, urls: Urls, log: Path) -> None:
    """Run Locust. Its output, including its tables at the end, goes to the log and to the UI's own page of logs."""
    from loadtest.disk.lines import open_log
    from loadtest.engines.live.engine import locust_command
    from loadtest.engines.live.services import end_process, last_words
    from loadtest.terminal.errors import ChildError
    from service.listener import url_of

    where = ["--host", urls.client, "--backend-url", urls.backend]
    options = [*where, "--results", str(settings.out), "--own-scenarios", str(settings.ui_scenarios)]
    place = ["--web-host", settings.ui_host, "--web-port", str(settings.ui_port), "--until-stdin-closes"]
    command = locust_command(*options, *place, "--loglevel", "WARNING")
    with open_log(log) as said:
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=said, stderr=said, start_new_session=True)
    url = settings.shown_url or url_of(settings.ui_host, settings.ui_port)
    out.print(f"Locust's web UI: {url} (Ctrl-C ends it; log in {log})", markup=False)
    try:
        code = process.wait()
    finally:
        end_process(process)
    if code:
        raise ChildError(f"Locust ended with exit code {code}: {last_words(log)}")
