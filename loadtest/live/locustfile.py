"""The lab as a locustfile: the only module that imports Locust, in a process of its own.

Headless, the lab's command line starts it with the folder of a run. With the web UI, the form's fields choose the
scenario, and each start makes a run folder of its own and, at its end, the report.
"""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gevent
from gevent.pool import Group
from locust import FastHttpUser, LoadTestShape, events, task

from loadtest import run_folder, scenario
from loadtest.live.admin import Service, ServiceError
from loadtest.live.conductor import Conductor
from loadtest.run_folder import RunFolder
from loadtest.seeds import parse_seeds
from loadtest.settings import LoadtestSettings
from service import tracing
from service.settings import from_environment
from service.wrong_input import WrongInputError

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Callable

    from locust.argument_parser import LocustArgumentParser
    from locust.env import Environment

    from service.spans import Tracing

log = logging.getLogger("breaker-lab")
ALL_ARMS = "(all arms)"


@dataclass
class Session:
    """What goes on in this process: the run's folder, and how far it has come."""

    folder: RunFolder | None = None
    lock: Any = None
    done: bool = False
    failed: str = ""
    traces: Tracing | None = None


session = Session()


def add_arguments(parser: LocustArgumentParser) -> None:
    """Add the form's fields, and what the command line passes on."""
    names = scenario.shipped()
    arms = [arm for name in names for arm in scenario.read(name)[0].arms]
    parser.add_argument("--scenario", choices=names, default=names[0], help="Scenario")
    parser.add_argument(
        "--arms", choices=[ALL_ARMS, *dict.fromkeys(arms)], default=ALL_ARMS, help="Arms of that scenario"
    )
    parser.add_argument("--seeds", default="", help="Seeds, such as 1-5 or 3,7 (empty: the scenario's own)")
    parser.add_argument("--run-dir", default="", include_in_web_ui=False, help="folder of a prepared run")
    parser.add_argument("--client-url", default="", include_in_web_ui=False, help="where the client is")
    parser.add_argument("--backend-url", default="", include_in_web_ui=False, help="where the backend is")
    parser.add_argument("--results", default="results", include_in_web_ui=False, help="where runs from the form go")
    parser.add_argument(
        "--until-stdin-closes", action="store_true", include_in_web_ui=False, help="end with the parent"
    )


def watch_parent(environment: Environment, **_: Any) -> None:
    """End this process when the one that started it is gone."""
    if _options(environment).until_stdin_closes:

        def wait() -> None:
            gevent.get_hub().threadpool.apply(_read_to_end)
            os._exit(1)

        gevent.spawn(wait)


def _read_to_end() -> None:
    while os.read(0, 4096):
        pass


def begin(environment: Environment, **_: Any) -> None:
    """Take the prepared folder, or make one for what the form asks for."""
    session.done, session.failed = False, ""
    options = _options(environment)
    try:
        if session.traces is None:
            chosen = from_environment(LoadtestSettings).tracing
            session.traces = tracing.start(chosen, "loadtest", "LOADTEST_TRACING")
        session.folder = RunFolder(Path(options.run_dir)) if options.run_dir else _from_form(options)
    except WrongInputError as error:
        _give_up(environment, str(error))


def _options(environment: Environment) -> Namespace:
    options: Namespace | None = environment.parsed_options
    if options is None:
        raise RuntimeError("the lab's locustfile needs Locust's command line")
    return options


def _from_form(options: Namespace) -> RunFolder:
    found, text = scenario.read(options.scenario)
    arms = found.choose_arms([] if options.arms == ALL_ARMS else [options.arms])
    seeds = parse_seeds(options.seeds) or [found.seed]
    results = Path(options.results)
    what = f"{found.name} from Locust's web UI"
    session.lock = run_folder.only_run(results, what, options.client_url or None)
    session.lock.__enter__()
    try:
        return run_folder.create(results, found, text, "live", arms, seeds)
    except WrongInputError:
        _unlock()
        raise


def _unlock() -> None:
    if session.lock is not None:
        session.lock.__exit__(None, None, None)
        session.lock = None


def _give_up(environment: Environment, why: str) -> None:
    """Show the reason in the log and in the UI's list of exceptions."""
    session.done, session.failed = True, why
    log.error(why)
    environment.process_exit_code = 1
    if environment.runner is not None:
        environment.runner.log_exception("local", why, "")


def finish(environment: Environment, **_: Any) -> None:
    """After a run from the form: fold it and write its report, as a process of its own."""
    folder, session.folder = session.folder, None
    options = _options(environment)
    if folder is None or options.run_dir:
        return
    try:
        folder.update_manifest(complete=folder.all_ended())
        command = [sys.executable, "-m", "loadtest", "report", str(folder.path)]
        written = subprocess.run(command, capture_output=True, text=True, check=False)
        log.warning("%s%s", written.stdout.strip(), written.stderr.strip())
    finally:
        _unlock()


def hand_over_traces(**_: Any) -> None:
    """Wait for the last spans to be on their way."""
    if session.traces is not None:
        session.traces.close()


class UntilDone(LoadTestShape):
    """One conducting user until the run is over: the schedule makes the load, not a number of users."""

    def reset_time(self) -> None:
        """Begin anew: Locust calls this at each start, before it asks for the first tick."""
        super().reset_time()
        session.done = False

    def tick(self) -> tuple[int, float] | None:
        """Keep the user, or end the test."""
        return None if session.done else (1, 1)


class GreenletCrew:
    """Jobs as greenlets; all of them end with the user that started them."""

    def __init__(self, crews: list[Group]) -> None:
        self._group = Group()
        crews.append(self._group)

    def start(self, job: Callable[..., None], *arguments: Any) -> None:
        """Run `job` in a greenlet of its own."""
        self._group.start(self._group.greenlet_class(job, *arguments))

    def wait(self) -> None:
        """Wait for all; a job that failed fails the run."""
        self._group.join(raise_error=True)


@dataclass
class HttpReply:
    """A Reply over Locust's response."""

    status: int
    duration_s: float
    headers: Any

    def header(self, name: str) -> str:
        """Return a header's value, '' where it is missing."""
        return str((self.headers or {}).get(name) or "")


class Lab(FastHttpUser):
    """Conducts the whole run; each request is a greenlet of its own on a shared pool of connections."""

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
        crews: list[Group] = []
        try:
            conductor = Conductor(
                folder.scenario(),
                folder,
                Service("client", self.host or ""),
                Service("backend", _options(self.environment).backend_url),
                self._send,
                lambda: GreenletCrew(crews),
            )
            conductor.run()
            session.done = True
        except (ServiceError, WrongInputError) as error:
            _give_up(self.environment, str(error))
        finally:
            for crew in crews:
                crew.kill()

    def _send(self, request_id: int, arm: str) -> HttpReply:
        headers = {"X-Request-Id": str(request_id)}
        if session.traces is None:
            return self._ask(arm, headers)
        with session.traces.call("GET /data"):
            reply = self._ask(arm, headers | session.traces.headers())
            outcome, status = reply.header("X-Outcome") or "no answer", reply.status or None
            about = {"request_id": str(request_id), "arm": arm, "outcome": outcome}
            session.traces.note({**about, "http.response.status_code": status})
            if outcome != "ok":
                session.traces.fail(outcome)
        return reply

    def _ask(self, arm: str, headers: dict[str, str]) -> HttpReply:
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
events.test_start.add_listener(begin)
events.test_stop.add_listener(finish)
events.quitting.add_listener(hand_over_traces)
