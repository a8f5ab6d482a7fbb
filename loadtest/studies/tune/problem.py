"""The source of a tune: an access log in two parts, or a scenario on two sets of seeds."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from hashlib import sha256
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Self

import numpy as np
from pydantic import Field, model_validator

from client.pipeline.classification import DEFAULT as AS_USUAL
from client.pipeline.classification import ClassificationSettings, StatusList
from client.pipeline.order import CallSettings
from client.pipeline.timeout import TimeoutSettings
from inputs.check import check
from inputs.model import StrictModel
from inputs.wrong_input import WrongInputError, closest
from loadtest.scenario import files
from loadtest.scenario.model import Arm, Scenario, choose_arm
from loadtest.studies.tune.access_log import AccessLog, read
from loadtest.studies.tune.durations import Unit  # noqa: TC001 - pydantic reads the annotation
from loadtest.studies.tune.rebuild import Rebuilt, rebuild
from loadtest.studies.tune.search import DEFAULT, JUDGE, LEARN
from loadtest.studies.tune.statuses import ASIDE, ERROR, OK, TIMEOUT

if TYPE_CHECKING:
    from collections.abc import Mapping

    from client.breakers.policy import PolicySettings


LEAST_REQUESTS = 50
# A timeout is longer than so many of the answers.
_NEARLY_ALL = 0.99
# A call that hangs takes at least this share of the timeout.
_HUNG = 0.5
# From this share of failures on, a stretch belongs to an incident.
_INCIDENT = 0.2


class TuneOptions(StrictModel):
    """All that determines the result of a tune, besides its source."""

    holdout: float = Field(0.4, ge=0.05, le=0.9, description="share of the log's time that scores what was found")
    bad_share: float = Field(0.05, ge=0, le=1, description="share of lines that may be unreadable")
    time_is: Literal["start", "end"] = Field("start", description="which end of a request the log's times are")
    duration_is: Unit | None = Field(None, description="unit of the log's durations, where its column does not say it")
    failure_status: StatusList | None = Field(None, description="statuses of a log that count as failures")
    neutral_status: StatusList | None = Field(None, description="statuses of a log that say nothing of the backend")
    timeout: float | None = Field(None, gt=0, le=3600, description="seconds that a caller waits")
    most_lost: float = Field(0.1, gt=0, le=1, description="largest share of the answers that may be lost")
    candidates: int = Field(80, ge=5, le=10_000, description="candidates in the first round")
    seeds: int = Field(12, ge=5, le=1000, description="seeds for each finalist, and as many others for the rest")
    seed: int = Field(1, ge=0, le=2**31 - 1, description="seed of the search")

    @model_validator(mode="after")
    def _lists_agree(self) -> Self:
        self.classification  # noqa: B018 - raises ValueError where they do not
        return self

    @property
    def classification(self) -> ClassificationSettings:
        """What counts as a failure in a log."""
        given = {"failure_status": self.failure_status, "neutral_status": self.neutral_status}
        return ClassificationSettings.model_validate(
            {name: value for name, value in given.items() if value is not None}
        )


@dataclass(frozen=True)
class LogPart:
    """A part of a log, from `start_s` to `end_s` of the whole, and what was rebuilt from it.

    `recorded`: all its requests; `log`: those that say something of the backend, from which it is rebuilt.
    """

    start_s: float
    end_s: float
    log: AccessLog
    rebuilt: Rebuilt
    recorded: AccessLog

    @property
    def failures(self) -> int:
        """Requests that failed or timed out."""
        return int(np.sum(self.log.outcome != OK))

    @property
    def incidents(self) -> list[tuple[float, float]]:
        """Times, in the whole log, in which more calls failed than noise explains."""
        incidents: list[tuple[float, float]] = []
        for each in self.rebuilt.stretches:
            if each.error_share + each.timeout_share < _INCIDENT:
                continue
            start_s, end_s = self.start_s + each.start_s, self.start_s + each.end_s
            if incidents and incidents[-1][1] == start_s:
                incidents[-1] = incidents[-1][0], end_s
            else:
                incidents.append((start_s, end_s))
        return incidents


@dataclass(frozen=True)
class Problem:
    """Load and faults for searching and for scoring, how long callers wait, and the source of all this.

    `classification` is that of the simulated calls: those that are rebuilt from a log have been classified by then.
    """

    given: str
    name: str
    sha256: str
    scenarios: Mapping[str, Scenario]
    timeout: TimeoutSettings
    timeout_from: str
    fixed: tuple[PolicySettings, ...]
    log: AccessLog | None = None
    parts: Mapping[str, LogPart] | None = None
    time_is: str = "start"
    arm: str | None = None
    classification: ClassificationSettings = AS_USUAL

    @property
    def wait_s(self) -> float:
        """Seconds that a caller waits; a default for settings of slow calls if there is no limit."""
        return self.timeout.total_s or 3.0

    def requests(self, part: str) -> int:
        """Return the number of requests in a run of a part."""
        return sum(segment.requests for segment in self.scenarios[part].load)


def samples() -> list[str]:
    """Return the names of the lab's own logs."""
    folder = resources.files("loadtest.studies.tune") / "samples"
    return sorted(Path(each.name).stem for each in folder.iterdir() if each.name.endswith((".csv", ".jsonl")))


def read_problem(given: str, arm: str | None, options: TuneOptions) -> Problem:
    """Read a source: a shipped sample or scenario by name, a .toml file, or a log. Raises WrongInputError."""
    if given in samples():
        return _from_log(
            given, Path(str(resources.files("loadtest.studies.tune") / "samples" / f"{given}.csv")), options, arm
        )
    if given in files.shipped_names() or given.endswith(".toml"):
        return _from_scenario(given, arm, options)
    path = Path(given)
    try:
        exists = path.exists()
    except (OSError, ValueError):
        exists = False
    if not exists:
        known = [*samples(), *files.shipped_names()]
        message = f"no such file{closest(given, known)}; allowed: a file, or one of {', '.join(known)}"
        raise _wrong_input("SOURCE", given, f"SOURCE: got {given!r:.200}; {message}")
    return _from_log(given, path, options, arm)


def _from_scenario(given: str, arm: str | None, options: TuneOptions) -> Problem:
    scenario, text = files.read(given)
    chosen = choose_arm(scenario, arm)
    settings = scenario.arms[chosen]
    timeout = settings.timeout if options.timeout is None else TimeoutSettings(total_s=options.timeout)
    check({"breaker": settings.breaker.model_dump(exclude_unset=True), "timeout": timeout.model_dump()}, CallSettings)
    bare = Scenario(
        name=scenario.name,
        title=scenario.title,
        load=scenario.load_of(chosen),
        faults=scenario.plan_of(chosen, 0),
        arms={"x": Arm(timeout=timeout, classification=settings.classification)},
    )
    own = settings.breaker
    return Problem(
        given=given,
        name=scenario.name,
        sha256=sha256(text.encode()).hexdigest(),
        scenarios={LEARN: bare, JUDGE: bare},
        timeout=timeout,
        timeout_from=f"of the arm {chosen}" if options.timeout is None else "as given",
        fixed=tuple(dict.fromkeys((DEFAULT, own))) if settings.decides else (DEFAULT,),
        arm=chosen,
        classification=settings.classification,
    )


def _from_log(given: str, path: Path, options: TuneOptions, arm: str | None) -> Problem:
    if arm is not None:
        raise _wrong_input("arm", arm, f"arm: got {arm!r}; an access log has no arms: leave it out")
    log = read(
        path,
        options.bad_share,
        ends=options.time_is == "end",
        unit=options.duration_is,
        classification=options.classification,
    )
    timeout_s, timeout_from = _timeout(log, options.timeout)
    log = _read_timeouts(log, timeout_s)
    if options.timeout is not None:
        log = _cut_answers(log, timeout_s)
    length_s = log.length_s
    cut_s = (1 - options.holdout) * length_s
    parts: dict[str, LogPart] = {}
    for name, start_s, end_s in ((LEARN, 0.0, cut_s), (JUDGE, cut_s, math.nextafter(length_s, math.inf))):
        recorded = log.between(start_s, end_s)
        inside = recorded.only(recorded.outcome != ASIDE)
        count = len(inside.start_s)
        if count < LEAST_REQUESTS or end_s - start_s < 1:
            where = "first" if name == LEARN else "last"
            share = 1 - options.holdout if name == LEARN else options.holdout
            message = (
                f"{count} requests in {end_s - start_s:.3g} s, the {where} {100 * share:.3g} % of its time (--holdout)"
            )
            if len(recorded.start_s) > count:
                message += f", without {len(recorded.start_s) - count:,} that say nothing of the backend"
            detail = (
                f"log {path}: too short for a holdout: {message}; allowed: at least {LEAST_REQUESTS} in 1 s or more"
            )
            raise _wrong_input("log", str(path), detail)
        parts[name] = LogPart(start_s, end_s, inside, rebuild(inside, end_s - start_s, timeout_s), recorded)
    return Problem(
        given=given,
        name=path.name,
        sha256=sha256(path.read_bytes()).hexdigest(),
        scenarios={
            name: Scenario(
                name="trace",
                title=f"Rebuilt from {path.name}"[:200].replace("\n", " ").replace("\r", " "),
                load=part.rebuilt.load,
                faults=part.rebuilt.plan,
                arms={"x": Arm(timeout=TimeoutSettings(total_s=timeout_s))},
            )
            for name, part in parts.items()
        },
        timeout=TimeoutSettings(total_s=timeout_s),
        timeout_from=timeout_from,
        fixed=(DEFAULT,),
        log=log,
        parts=parts,
        time_is="end" if log.reading.ends else "start",
    )


def _timeout(log: AccessLog, given: float | None) -> tuple[float, str]:
    """Return how long callers waited: the median timeout, or what no answer reached.

    A timeout that is no longer than nearly all answers are is none: it would have cut them off, too.
    """
    if given is not None:
        return given, "as given"
    usual = TimeoutSettings().total_s or 3.0
    known = np.ones(len(log.outcome), dtype=bool) if log.guessed is None else ~log.guessed
    timeouts = log.duration_s[known & (log.outcome == TIMEOUT)]
    answers = log.duration_s[known & (log.outcome == OK)]
    median_s = float(np.median(timeouts)) if len(timeouts) else 0.0
    if median_s > (float(np.quantile(answers, _NEARLY_ALL)) if len(answers) else 0.0):
        return float(f"{median_s:.3g}"), f"the median of the {len(timeouts):,} timeouts in the log"
    none = "the log has no timeout"
    if len(timeouts):
        none = f"the timeouts in the log took no longer than its answers, {median_s:.3g} s"
        none = "most timeouts in the log took no time" if median_s == 0 else none
    elif (log.outcome == TIMEOUT).any():
        none = "the log does not say how long its timeouts took"
    longest = float(log.duration_s[log.outcome != ASIDE].max(initial=0.0))
    if longest < usual:
        return usual, f"the default: {none}"
    return min(3600.0, float(math.ceil(longest) + 1)), f"above the longest call: {none}"


def _read_timeouts(log: AccessLog, timeout_s: float) -> AccessLog:
    """Return the log as callers see it who wait `timeout_s`: a timeout of unknown length took so long.

    One that came in less than half of that is an answer that failed: somebody else waited, and for less.
    """
    timed_out = log.outcome == TIMEOUT
    guessed = np.zeros(len(timed_out), dtype=bool) if log.guessed is None else log.guessed
    quick = timed_out & ~guessed & (log.duration_s < _HUNG * timeout_s)
    outcome = np.where(quick, ERROR, log.outcome).astype(np.int8)
    return replace(log, outcome=outcome, duration_s=np.where(timed_out & guessed, timeout_s, log.duration_s))


def _cut_answers(log: AccessLog, timeout_s: float) -> AccessLog:
    """Return the log as it would be had its callers waited `timeout_s`: whatever takes longer is given up."""
    late = (log.outcome != ASIDE) & (log.duration_s > timeout_s)
    outcome = np.where(late, TIMEOUT, log.outcome).astype(np.int8)
    return replace(log, outcome=outcome, duration_s=np.where(late, timeout_s, log.duration_s))


def _wrong_input(field: str, value: str | None, detail: str) -> WrongInputError:
    return WrongInputError([{"field": field, "value": value, "detail": detail}])
