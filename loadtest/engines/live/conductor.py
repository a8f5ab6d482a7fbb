"""Run the arms of a scenario, one after the other, on two running services, and record what happens.

Knows nothing of Locust: the functions that send a request and run jobs concurrently come from outside.
"""

from __future__ import annotations

import time
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from client.pipeline.call import Outcome, Served
from client.pipeline.loop_lag import STALL_S
from client.pipeline.order import CallSettings
from loadtest.disk.lines import LineFile
from loadtest.disk.trouble import DiskError
from loadtest.engines.live.control import Service, ServiceError
from loadtest.engines.would_have import draw_fault, is_blameless, outcome_of_fault
from loadtest.records.manifest import EffectiveSettings
from loadtest.records.rows import CHANGING, ArmRecord, Row, Sample, StateChange, write
from loadtest.scenario.load.schedule import schedule

if TYPE_CHECKING:
    from collections.abc import Callable

    from backend.profile import FaultPlan
    from loadtest.records.run_folder import RunFolder
    from loadtest.scenario.load.schedule import Arrival
    from loadtest.scenario.model import Scenario

SAMPLE_EVERY_S = 0.25
IDLE_WITHIN_S = 30.0


class Reply(Protocol):
    """An answer of the client: its status (0: none came), how long it took, and its headers."""

    status: int
    duration_s: float

    def header(self, name: str) -> str:
        """Return a header's value, '' where it is missing."""


class Jobs(Protocol):
    """Concurrent work: start jobs, and wait for all of them."""

    def start(self, job: Callable[..., None], *arguments: Any) -> None:
        """Start `job` and return at once."""

    def wait(self, most_s: float | None = None) -> bool:
        """Wait for every job, or for so long; return whether all of them have ended."""


@dataclass
class _Clock:
    """The arm's time, and the conversion of the client's time to it."""

    zero: float
    client_offset: float

    def now(self) -> float:
        return time.perf_counter() - self.zero

    def from_client(self, at: float) -> float:
        return at + self.client_offset - self.zero


class Conductor:
    """One run. `send(request id, arm)` sends a request through the client and returns the Reply."""

    def __init__(
        self,
        scenario: Scenario,
        folder: RunFolder,
        client: Service,
        backend: Service,
        send: Callable[[int, str], Reply],
        new_jobs: Callable[[], Jobs],
    ) -> None:
        self._scenario = scenario
        self._folder = folder
        self._client = client
        self._backend = backend
        self._send = send
        self._new_jobs = new_jobs
        self._files: dict[str, LineFile] = {}
        self._seen = 0
        self._trouble: ServiceError | DiskError | None = None

    def run(self) -> None:
        """Run every arm with every seed, then restore the settings of both services.

        Raises ServiceError, and DiskError, at once wherever it was found.
        """
        manifest = self._folder.manifest()
        with ExitStack() as stack:
            for name in ("requests", "transitions", "samples", "arms"):
                path = getattr(self._folder, name)
                self._files[name] = stack.enter_context(LineFile(path))
            self._restore_afterwards(stack)
            for seed in manifest.seeds:
                for arm in manifest.arms:
                    self._run_arm(arm, seed)

    def _restore_afterwards(self, stack: ExitStack) -> None:
        config = self._client.get("/config")
        faults = self._backend.get("/faults")
        call = {name: config[name] for name in CallSettings.model_fields}
        stack.callback(self._backend.send, "PUT", "/faults", faults)
        stack.callback(self._client.send, "PATCH", "/config?fresh=true", call)

    def _run_arm(self, arm: str, seed: int) -> None:
        plan = self._scenario.plan_of(arm, seed)
        arrivals = list(schedule(self._scenario.load_of(arm), seed))
        self._prepare(arm, seed)
        before = self._counts()
        clock = self._start_clock(plan)
        revisions = self._revisions()
        self._record_settings(arm, seed)
        transitions_before = self._seen
        jobs, watch = self._new_jobs(), self._new_jobs()
        going = True

        def sample() -> None:
            while going and self._trouble is None:
                try:
                    self._take_sample(arm, seed, clock, before[1]["received"])
                except (ServiceError, DiskError) as error:
                    self._trouble = error
                time.sleep(SAMPLE_EVERY_S)

        watch.start(sample)
        try:
            for arrival in arrivals:
                self._sleep_until(arrival.intended_s, clock)
                jobs.start(self._send_request, arm, plan, arrival, clock)
            while not jobs.wait(SAMPLE_EVERY_S):
                self._raise_trouble()
            self._raise_trouble()
        finally:
            going = False
            watch.wait()
        duration_s = clock.now()
        self._wait_until_idle()
        self._take_sample(arm, seed, clock, before[1]["received"])
        self._write_record(
            arm, seed, len(arrivals), duration_s, before, transitions_before, self._revisions() - revisions, clock
        )

    def _sleep_until(self, at_s: float, clock: _Clock) -> None:
        """Wait in small steps, so that trouble ends the run at once. Raises ServiceError, and DiskError."""
        while True:
            self._raise_trouble()
            left = at_s - clock.now()
            if left <= 0:
                return
            time.sleep(min(left, SAMPLE_EVERY_S))

    def _raise_trouble(self) -> None:
        if self._trouble is not None:
            raise self._trouble

    def _prepare(self, arm: str, seed: int) -> None:
        """Apply the arm's settings, with a fresh breaker, and make sure that no request is in flight."""
        call = self._scenario.arms[arm].call_settings(seed).model_dump(mode="json")
        self._client.send("PATCH", "/config?fresh=true", call)
        self._wait_until_idle()
        self._seen = max((each["seq"] for each in self._client.get("/breaker")["transitions"]), default=self._seen)

    def _start_clock(self, plan: FaultPlan) -> _Clock:
        """Compare the client's clock with ours, then set the faults: the arm and its phases start at this moment."""
        before_s = time.perf_counter()
        its_now = float(self._client.get("/breaker")["now_s"])
        offset = (before_s + time.perf_counter()) / 2 - its_now
        setting = time.perf_counter()
        self._backend.send("PUT", "/faults", plan.model_dump(mode="json"))
        return _Clock((setting + time.perf_counter()) / 2, offset)

    def _revisions(self) -> int:
        """Return the number of changes of the settings, the breaker's state or the faults so far."""
        client, backend = self._counts()
        return int(client["revision"]) + int(backend["revision"])

    def _record_settings(self, arm: str, seed: int) -> None:
        """Put the effective settings of both services into the manifest."""
        effective = EffectiveSettings(client=self._client.get("/config"), backend=self._backend.get("/faults"))
        settings = self._folder.manifest().settings
        self._folder.update_manifest(settings={**settings, f"{arm}/{seed}": effective})

    def _send_request(self, arm: str, plan: FaultPlan, arrival: Arrival, clock: _Clock) -> None:
        sent_s = clock.now()
        reply = self._send(arrival.id, arm)
        chosen, fault = self._scenario.arms[arm], draw_fault(plan, arrival.id, sent_s)
        would = outcome_of_fault(fault, chosen.timeout.total_s)
        row = Row(
            arm=arm,
            seed=plan.seed,
            id=arrival.id,
            intended_s=round(arrival.intended_s, 6),
            sent_s=round(sent_s, 6),
            duration_s=round(reply.duration_s, 6),
            status=reply.status,
            outcome=reply.header("X-Outcome") or Outcome.ERROR,
            served=reply.header("X-Served") or Served.NOTHING,
            state=reply.header("X-Breaker-State"),
            fail_count=int(reply.header("X-Breaker-Failures") or 0),
            attempts=int(reply.header("X-Attempts") or 0),
            backend_calls=int(reply.header("X-Backend-Calls") or 0),
            would_have=would,
            blameless=is_blameless(fault, would, chosen.classification),
        )
        try:
            write(self._files["requests"], row)
        except DiskError as error:
            self._trouble = error  # this is a job of its own, whose errors would be found when all have ended

    def _take_sample(self, arm: str, seed: int, clock: _Clock, received_before: int) -> None:
        """Read the breaker before and after the backend: its state is certain only if it did not change in between."""
        first = self._client.get(f"/breaker?transitions_after={self._seen}")
        received = self._backend.get("/stats")["received"] - received_before
        breaker = self._client.get(f"/breaker?transitions_after={self._seen}")
        still = first["transition_count"] == breaker["transition_count"]
        state = breaker["state"] if still else CHANGING
        for change in breaker["transitions"]:
            at_s = round(clock.from_client(change["at"]), 6)
            names = ("before", "after", "cause", "fail_count")
            lag_s = change.get("loop_lag_s", 0.0)
            values = (*(change[name] for name in names), lag_s if lag_s >= STALL_S else 0.0)
            write(self._files["transitions"], StateChange(arm, seed, at_s, *values))
            self._seen = change["seq"]
        at_s = round(clock.from_client(breaker["now_s"]), 6)
        write(self._files["samples"], Sample(arm, seed, at_s, state, received, breaker["in_flight"]))

    def _write_record(
        self,
        arm: str,
        seed: int,
        planned: int,
        duration_s: float,
        before: tuple[dict[str, Any], dict[str, Any]],
        transitions_before: int,
        foreign_changes: int,
        clock: _Clock,
    ) -> None:
        """Write what both services counted."""
        client, backend = self._counts()
        made = self._client.get("/breaker")
        record = ArmRecord(
            arm=arm,
            seed=seed,
            planned=planned,
            duration_s=round(duration_s, 6),
            weather=self._scenario.weather_hash(arm, seed),
            client_requests=client["requests"] - before[0]["requests"],
            client_outcomes=_difference(client["outcomes"], before[0]["outcomes"]),
            client_backend_calls=client["backend_calls"] - before[0]["backend_calls"],
            client_cpu_s=round(client["cpu_s"] - before[0]["cpu_s"], 6),
            backend_received=backend["received"] - before[1]["received"],
            backend_outcomes=_difference(backend["outcomes"], before[1]["outcomes"]),
            backend_busy_s=round(backend["busy_s"] - before[1]["busy_s"], 6),
            transitions_seen=self._seen - transitions_before,
            transitions_made=made["transition_count"] - transitions_before,
            foreign_changes=foreign_changes,
            shadow=made.get("shadow_report", {}).get("would_refuse_by_result", {}),
            late_deadlines=client.get("late_deadlines", 0) - before[0].get("late_deadlines", 0),
            longest_stall_s=round(
                max(
                    (each["lag_s"] for each in client.get("stalls", []) if clock.from_client(each["at"]) > 0), default=0
                ),
                6,
            ),
        )
        write(self._files["arms"], record)

    def _counts(self) -> tuple[dict[str, Any], dict[str, Any]]:
        return self._client.get("/stats"), self._backend.get("/stats")

    def _wait_until_idle(self) -> None:
        """Wait until no request is in flight in either service, so that arms do not affect each other."""
        until = time.monotonic() + IDLE_WITHIN_S
        while time.monotonic() < until:
            client, backend = self._counts()
            if client["in_flight"] == backend["in_flight"] == 0:
                return
            time.sleep(0.05)
        raise ServiceError(f"requests were still under way {IDLE_WITHIN_S:g} s after the last one was answered")


def _difference(after: dict[str, int], before: dict[str, int]) -> dict[str, int]:
    return {name: count - before.get(name, 0) for name, count in after.items()}
