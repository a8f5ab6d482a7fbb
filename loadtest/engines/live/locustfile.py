"""The lab as a locustfile: the only module that imports Locust, in its own process.

Headless, the lab's command line starts it with the folder of a run. With the web UI, the form's fields choose the
scenario, each start makes a new run folder and, at its end, the report, and a tab shows the breaker meanwhile.
"""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from dataclasses import dataclass
from functools import cache, partial
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gevent
from gevent.pool import Group
from locust import FastHttpUser, LoadTestShape, events, task
from locust.exception import CatchResponseError

from client.pipeline.call import Outcome
from inputs.environment import from_environment
from inputs.wrong_input import WrongInputError
from loadtest.disk.trouble import at_place
from loadtest.engines.live.conductor import Conductor
from loadtest.engines.live.control import ServiceError, backend_at, client_at
from loadtest.engines.live.services import DISK_TROUBLE, Complaints, end_process
from loadtest.engines.live.ui import form, pages
from loadtest.engines.live.ui.desk import CommandLine, Desk, Session
from loadtest.engines.live.ui.progress import Progress
from loadtest.engines.live.ui.server import bound_servers
from loadtest.records.manifest import ENGINES
from loadtest.records.run_folder import RunFolder
from loadtest.settings import LoadtestSettings
from service.guard.settings import hosts_of, tokens_of
from service.observe import tracing

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Callable, Sequence

    from locust.argument_parser import LocustArgumentParser
    from locust.env import Environment

    from loadtest.records.rows import Row

log = logging.getLogger("breaker-lab")

session = Session()


def add_arguments(parser: LocustArgumentParser) -> None:
    """Add the form's fields, and options for the command line. Called again for each form that is shown."""
    names = form.scenarios(_own_scenarios(sys.argv))
    parser.add_argument("--scenario", choices=names, default=names[0], help="the load, faults and arms to run")
    parser.add_argument(
        "--arms",
        choices=[form.ALL_ARMS, *form.arms(names)],
        default=[form.ALL_ARMS],  # Locust treats an empty list as a list of numbers
        nargs="*",
        is_multiple=True,
        help="arms of that scenario; hold Ctrl to choose several",
    )
    parser.add_argument("--seeds", default="", help="such as 1-5 or 3,7; empty: the scenario's own")
    parser.add_argument(
        "--engine",
        choices=ENGINES,
        default=ENGINES[0],
        help="live: real services in real time; virtual: the same code in seconds, on a clock that jumps",
    )
    # The host is the client. Where the services are is no choice of the form, so a page cannot have other hosts called.
    parser.add_argument("--backend-url", default="", include_in_web_ui=False, help="the backend of the live engine")
    parser.add_argument("--run-dir", default="", include_in_web_ui=False, help="folder of a prepared run")
    parser.add_argument(
        "--own-scenarios", default=".", include_in_web_ui=False, help="folder whose scenario files the form offers"
    )
    parser.add_argument("--results", default="results", include_in_web_ui=False, help="folder of runs from the form")
    parser.add_argument(
        "--until-stdin-closes", action="store_true", include_in_web_ui=False, help="stop when the parent stops"
    )


def _own_scenarios(arguments: Sequence[str]) -> Path:
    """Read --own-scenarios without the parser: the choices of another option depend on it."""
    follows = dict(pairwise(arguments))
    return Path(follows.get("--own-scenarios", "."))


def add_pages(environment: Environment, **_: Any) -> None:
    """Add to the web UI, if there is one: its guard, a tab, a link among the downloads, and the pages behind them."""
    web = environment.web_ui
    if web is None or web.app is None:
        return
    bound_servers()  # before Locust starts its own
    settings = from_environment(LoadtestSettings)
    pages.install_pages(
        web.app, _desk(environment), hosts_of(settings, settings.ui_host), tokens_of(settings, "loadtest")
    )
    # Keep the form's fields in the order in which they were added, not in alphabetical order.
    web.app.jinja_env.policies["json.dumps_kwargs"] = {"sort_keys": False}
    web.template_args["extended_tabs"] = [pages.TAB]
    web.template_args["extended_csv_files"] = [
        {"href": "./results/index.html", "title": "Breaker Lab: all runs and their reports"}
    ]


@cache
def _desk(environment: Environment) -> Desk:
    """Return the desk of this process, which holds the place of the run."""
    options = _options(environment)
    return Desk(
        session,
        CommandLine(options.host or "", options.backend_url, Path(options.results), Path(options.own_scenarios)),
        launch=partial(_launch, environment),
        is_running=partial(_is_running, environment),
        report_request=partial(_report_request, environment),
    )


def _launch(environment: Environment) -> None:
    """Start Locust's runner. If what follows the shape dies, the run ends, so that the next one can begin."""
    runner = environment.runner
    if runner is None:
        raise RuntimeError("the lab's locustfile needs a runner")
    runner.start_shape()
    if runner.shape_greenlet is not None:
        runner.shape_greenlet.link_exception(lambda _: runner.stop())


def _is_running(environment: Environment) -> bool:
    return environment.runner is not None and bool(environment.runner.shape_greenlet)


def watch_parent(environment: Environment, **_: Any) -> None:
    """End this process when its parent has ended."""
    if _options(environment).until_stdin_closes:

        def wait() -> None:
            gevent.get_hub().threadpool.apply(_read_to_end)
            os._exit(1)

        gevent.spawn(wait)


def _read_to_end() -> None:
    while os.read(0, 4096):
        pass


def start_run(environment: Environment, **_: Any) -> None:
    """Use the folder that was prepared by the command line or from the form."""
    session.done, session.failed = False, ""
    options = _options(environment)
    try:
        if session.traces is None:
            chosen = from_environment(LoadtestSettings).tracing
            session.traces = tracing.start(chosen, "loadtest", "LOADTEST_TRACING")
        if options.run_dir:
            session.folder = RunFolder(Path(options.run_dir))
        elif session.folder is None:  # started without its form
            fields = {name: [getattr(options, name) or ""] for name in ("scenario", "seeds", "engine")}
            _desk(environment).prepare({**fields, "arms": options.arms, "user_count": ["1"], "spawn_rate": ["1"]})
    except WrongInputError as error:
        _give_up(environment, str(error))


def _options(environment: Environment) -> Namespace:
    options: Namespace | None = environment.parsed_options
    if options is None:
        raise RuntimeError("the lab's locustfile needs Locust's command line")
    return options


def _report_request(environment: Environment, row: Row) -> None:
    """Add a request that Locust has not sent itself to its statistics."""
    environment.events.request.fire(
        request_type="GET",
        name=f"{row.arm}: {row.outcome}",
        response_time=1000 * row.duration_s,
        response_length=0,
        exception=None if row.outcome == Outcome.OK else CatchResponseError(row.outcome),
        context={},
    )


def _give_up(environment: Environment, why: str) -> None:
    """Show the reason in the log and in the UI's list of exceptions."""
    session.done, session.failed = True, why
    log.error(why)
    environment.process_exit_code = 1
    if environment.runner is not None:
        environment.runner.log_exception("local", why, "")


def finish_run(environment: Environment, **_: Any) -> None:
    """After a run from the form, write its summary and report."""
    if _options(environment).run_dir:
        session.folder = None
    else:
        _desk(environment).finish()


def hand_over_traces(**_: Any) -> None:
    """Wait until the last spans are sent."""
    if session.traces is not None:
        session.traces.close()


class UntilDone(LoadTestShape):
    """One user until the run is over: the load follows the schedule, not the number of users."""

    def reset_time(self) -> None:
        """Start again: Locust calls this at each start, before the first tick."""
        super().reset_time()
        session.done = False

    def tick(self) -> tuple[int, float] | None:
        """Keep the user, or end the test."""
        return None if session.done else (1, 1)


class GreenletJobs:
    """Jobs as greenlets; all of them end with the user that started them."""

    def __init__(self, groups: list[Group]) -> None:
        self._group = Group()
        groups.append(self._group)

    def start(self, job: Callable[..., None], *arguments: Any) -> None:
        """Run `job` in a new greenlet."""
        self._group.start(self._group.greenlet_class(job, *arguments))

    def wait(self, most_s: float | None = None) -> bool:
        """Wait for all, or for so long; a job that failed fails the run."""
        return bool(self._group.join(timeout=most_s, raise_error=True))


@dataclass
class HttpReply:
    """A Reply from Locust's response."""

    status: int
    duration_s: float
    headers: Any

    def header(self, name: str) -> str:
        """Return a header's value, '' where it is missing."""
        return str((self.headers or {}).get(name) or "")


class Lab(FastHttpUser):
    """Conducts the whole run; each request is a greenlet that uses a shared pool of connections."""

    concurrency = 10_000
    network_timeout = 600.0
    connection_timeout = 60.0

    @task
    def conduct(self) -> None:
        """Run every arm, then end the test."""
        folder = session.folder
        if session.done or folder is None:
            gevent.sleep(0.1)
            return
        if folder.manifest().engine == "virtual":
            self._run_on_virtual_time(folder)
            return
        groups: list[Group] = []
        try:
            conductor = Conductor(
                folder.scenario(),
                folder,
                client_at(self.host or ""),
                backend_at(_options(self.environment).backend_url),
                self._send,
                lambda: GreenletJobs(groups),
            )
            conductor.run()
            session.done = True
        except (ServiceError, WrongInputError) as error:
            _give_up(self.environment, str(error))
        except OSError as error:
            self._give_up_writing(folder, error)
        finally:
            for group in groups:
                group.kill()

    def _give_up_writing(self, folder: RunFolder, error: OSError) -> None:
        """End the run; where it has a parent, that says what was kept, and this process ends at once."""
        if _options(self.environment).run_dir:
            log.error(str(at_place(folder.path, error)))
            os._exit(DISK_TROUBLE)
        _give_up(self.environment, folder.describe_loss(error))

    def _run_on_virtual_time(self, folder: RunFolder) -> None:
        """Let a separate process fill the folder; the progress adds each request to Locust's statistics."""
        progress = session.progress or Progress(folder)
        process = subprocess.Popen(
            [sys.executable, "-m", "loadtest", "fill", str(folder.path)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        complaints = Complaints(process, folder.log)
        try:
            while process.poll() is None:
                gevent.sleep(0.2)
                progress.read_news()
            progress.read_news()
        finally:
            end_process(process)
        if process.returncode != 0:
            _give_up(self.environment, f"the virtual engine gave up: {complaints.last_words()}")
        session.done = True

    def _send(self, request_id: int, arm: str) -> HttpReply:
        headers = {"X-Request-Id": str(request_id)}
        if session.traces is None:
            return self._get_data(arm, headers)
        with session.traces.call("GET /data"):
            reply = self._get_data(arm, headers | session.traces.headers())
            outcome, status = reply.header("X-Outcome") or "no answer", reply.status or None
            about = {"request_id": str(request_id), "arm": arm, "outcome": outcome}
            session.traces.set_attributes({**about, "http.response.status_code": status})
            if outcome != "ok":
                session.traces.mark_failed(outcome)
        return reply

    def _get_data(self, arm: str, headers: dict[str, str]) -> HttpReply:
        with self.client.get("/data", headers=headers, name=arm, catch_response=True) as response:
            reply = HttpReply(
                response.status_code or 0, response.request_meta["response_time"] / 1000, response.headers
            )
            outcome = reply.header("X-Outcome") or "no answer"
            response.request_meta["name"] = f"{arm}: {outcome}"
            if outcome == "ok":
                response.success()
            else:
                response.failure(outcome)
        return reply


events.init_command_line_parser.add_listener(add_arguments)
events.init.add_listener(watch_parent)
events.init.add_listener(add_pages)
events.test_start.add_listener(start_run)
events.test_stop.add_listener(finish_run)
events.quitting.add_listener(hand_over_traces)
