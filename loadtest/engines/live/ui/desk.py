"""A run from the form of Locust's web UI, from the check of the fields to the report. Knows nothing of Locust."""

from __future__ import annotations

import logging
import shutil
import subprocess
import sys
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from inputs.wrong_input import WrongInputError
from loadtest.engines.live.control import backend_at, client_at
from loadtest.engines.live.ui import form
from loadtest.engines.live.ui.progress import Progress
from loadtest.records import run_folder
from loadtest.records.glance import read_summary

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from loadtest.records.rows import Row
    from loadtest.records.run_folder import RunFolder
    from service.observe.spans import Tracing

log = logging.getLogger("breaker-lab")


@dataclass(frozen=True)
class CommandLine:
    """What the command line has settled for every run: no form changes it."""

    client_url: str
    backend_url: str
    results: Path
    own_scenarios: Path


@dataclass
class Session:
    """The run of this process, and how far it is.

    `phase`: idle, running, reporting, finished, incomplete or failed.
    """

    folder: RunFolder | None = None
    done: bool = False
    failed: str = ""
    phase: str = "idle"
    progress: Progress | None = None
    traces: Tracing | None = None
    shown: dict[str, Any] = field(default_factory=dict)


class Desk:
    """Takes one run at a time: its place is taken before the first check waits for anything, and given back at its end.

    `launch` makes Locust start, `is_running` says whether Locust still runs one, `report_request` tells Locust of a
    request that it has not sent itself.
    """

    def __init__(
        self,
        session: Session,
        settled: CommandLine,
        launch: Callable[[], None],
        is_running: Callable[[], bool],
        report_request: Callable[[Row], None],
    ) -> None:
        self.settled = settled
        self._session = session
        self._launch = launch
        self._is_running = is_running
        self._report_request = report_request
        self._preparing = False
        self._stop_asked = False
        self._held = ExitStack()
        self._holds_place = False

    @property
    def results(self) -> Path:
        """Return the folder of all runs."""
        return self.settled.results

    @property
    def client_url(self) -> str:
        """Return the address of the client."""
        return self.settled.client_url

    def start(self, fields: Mapping[str, Sequence[str]]) -> None:
        """Start the run that a form asks for, or nothing. Raises WrongInputError."""
        if self._preparing or self._holds_place or self._is_running():
            raise _wrong_input("a run is in progress, or its report is being written: wait for it, or stop it")
        self._preparing, self._stop_asked = True, False
        try:
            self.prepare(fields)
            self._check_still_wanted()
            self._launch()
        except BaseException:
            self._undo()
            raise
        finally:
            self._preparing = False

    def stop_preparing(self) -> None:
        """See to it that a run which is still being prepared does not begin."""
        self._stop_asked = True

    def _check_still_wanted(self) -> None:
        if self._stop_asked:
            raise _wrong_input("the run was stopped before it began")

    def prepare(self, fields: Mapping[str, Sequence[str]]) -> None:
        """Check the fields, reserve the place, make the folder. Raises WrongInputError."""
        settled, session = self.settled, self._session
        choice = form.choose_run(fields, form.scenarios(settled.own_scenarios), settled.client_url)
        live = choice.engine == "live"
        if live:
            client_at(settled.client_url).check("/breaker")
            backend_at(settled.backend_url).check("/faults")
        what = f"{choice.scenario.name} from Locust's web UI"
        with ExitStack() as held:
            held.enter_context(run_folder.reserve_place(settled.results, what, settled.client_url if live else None))
            folder = run_folder.create(
                settled.results, choice.scenario, choice.text, choice.engine, choice.arms, choice.seeds
            )
            session.folder = folder
            session.progress = Progress(folder, None if live else self._report_request)
            self._held, self._holds_place = held.pop_all(), True
        session.phase, session.failed, session.shown = "running", "", {}

    def _undo(self) -> None:
        """Give back what `prepare` took for a run that did not begin."""
        folder, self._session.folder = self._session.folder, None
        if folder is not None:
            shutil.rmtree(folder.path, ignore_errors=True)
            self._session.progress, self._session.phase = None, "idle"
        self._give_back()

    def _give_back(self) -> None:
        self._holds_place = False
        self._held.close()

    def finish(self) -> None:
        """Write the summary and the report of the run that has ended, in a process of their own, and be free again."""
        session = self._session
        if session.folder is None or self._preparing:
            return
        folder, session.folder = session.folder, None
        session.phase = "reporting"
        try:
            if session.progress is not None:
                session.progress.read_news()
            complete = folder.has_ended()
            unlinked = folder.end(complete=complete)
            session.failed = session.failed or unlinked
            command = [sys.executable, "-m", "loadtest", "report", str(folder.path)]
            report = subprocess.run(command, capture_output=True, text=True, check=False)
            log.warning("%s%s", report.stdout.strip(), report.stderr.strip())
            session.shown = _read_report(folder, self.results)
            if "report" not in session.shown:
                session.failed = session.failed or f"the report could not be written: {report.stderr.strip()[-500:]}"
            session.phase = "failed" if session.failed else "finished" if complete else "incomplete"
        except (OSError, WrongInputError) as error:  # the page goes on, and the next run may have room
            why = folder.describe_loss(error) if isinstance(error, OSError) else str(error)
            session.phase, session.failed = "failed", session.failed or why
            log.error(why)  # noqa: TRY400 - a sentence, no trace
        finally:
            self._give_back()

    def progress(self) -> dict[str, Any]:
        """Return the newest figures of the run."""
        session = self._session
        if session.phase == "running" and session.progress is not None:
            session.progress.read_news()
        run = session.progress.snapshot() if session.progress is not None else None
        return {"phase": session.phase, "message": session.failed, "run": run, **session.shown}


def _wrong_input(detail: str) -> WrongInputError:
    return WrongInputError([{"field": "scenario", "value": None, "detail": detail}])


def _read_report(folder: RunFolder, results: Path) -> dict[str, Any]:
    """Return the report's address, its headline, and the run's failed checks; nothing if there is no report."""
    try:
        summary = read_summary(folder.path)
        address = (folder.path / "report.html").resolve(strict=True).relative_to(results.resolve())
    except (OSError, ValueError):
        return {}
    if summary.headline is None:
        return {}
    return {
        "report": f"./results/{address.as_posix()}",
        "headline": summary.headline,
        "broken": list(summary.failed),
    }
