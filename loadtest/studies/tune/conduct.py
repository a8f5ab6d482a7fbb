"""Run a tune from its source to its answer."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from client.pipeline.order import CallSettings
from loadtest.studies.tune.choice import Recommendation, choose
from loadtest.studies.tune.fit import PartCourses, simulate_part
from loadtest.studies.tune.recorded import RecordedCalls
from loadtest.studies.tune.runner import Runner
from loadtest.studies.tune.search import (
    DEFAULT,
    JUDGE,
    LEARN,
    OFF,
    Aim,
    Ledger,
    PairedMean,
    SearchResult,
    count_search_runs,
    search,
)
from loadtest.studies.tune.space import space, vary_settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from rich.console import Console

    from client.breakers.policy import PolicySettings
    from loadtest.studies.many_runs.workers import Crew
    from loadtest.studies.tune.objective import Weights
    from loadtest.studies.tune.problem import Problem, TuneOptions
    from loadtest.studies.tune.space import Dimension

# Above so many requests for all runs of a search the candidates become fewer.
_MANY_REQUESTS = 6_000_000
_FEWEST_CANDIDATES = 25


@dataclass(frozen=True)
class Variation:
    """One setting of the answer changed, alone, and what that does to the cost of the judging part."""

    name: str
    value: float | None
    change: PairedMean


@dataclass(frozen=True)
class Reweighed:
    """One weight changed, and which finalist would come first then; how much less it would cost than the answer."""

    name: str
    factor: float
    best: PolicySettings
    saves: float


@dataclass(frozen=True)
class Tuned:
    """Everything that a report tells."""

    problem: Problem
    options: TuneOptions
    aim: Aim
    candidates: int
    learn: Ledger
    judge: Ledger
    result: SearchResult
    choice: Recommendation
    recorded: RecordedCalls
    failures: Mapping[str, int]
    sensitivity: tuple[Variation, ...]
    sensitivity_part: str
    reweighed: tuple[Reweighed, ...]
    courses: tuple[PartCourses, ...]
    runs: int

    @property
    def answer(self) -> PolicySettings:
        """What is recommended; no breaker where nothing is."""
        return self.choice.answer or OFF

    @property
    def recommends(self) -> bool:
        """Whether anything is recommended at all, be it the default or no breaker."""
        return self.choice.answer is not None

    @property
    def needs_none(self) -> bool:
        """Whether nothing fails in all of the log."""
        return self.problem.log is not None and not any(self.failures.values())

    @property
    def settings(self) -> CallSettings:
        """The answer as the client takes it."""
        return CallSettings(breaker=self.answer, timeout=self.problem.timeout)

    @property
    def verdict(self) -> str:
        """What the rest says of what the search found, against the default: better, worse or cannot tell."""
        if not self.failures[JUDGE]:
            return "cannot tell"
        return self.judge.difference(self.result.answer, DEFAULT).verdict


def conduct(
    problem: Problem, options: TuneOptions, aim: Aim, policies: Sequence[str], crew: Crew, console: Console
) -> Tuned:
    """Search on the first part, score on the rest, vary what was found."""
    spaces = {name: each for name, each in space(problem.wait_s).items() if name in policies}
    candidates = count_candidates(problem.requests(LEARN), options.candidates)
    total = count_runs(len(spaces), candidates, options.seeds)
    with _progress(console, total) as on_progress:
        runner = Runner(problem.scenarios, problem.timeout, crew, on_progress, problem.classification)
        learn, judge = Ledger(LEARN, runner, aim), Ledger(JUDGE, runner, aim)
        learn.ensure_runs([], 1)
        failures = {LEARN: _failures(problem, learn, LEARN)}
        some_succeed = any(bare.ok for _, bare in learn.pairs(OFF))
        tried = spaces if failures[LEARN] and some_succeed else {}
        fixed = tuple(dict.fromkeys((*problem.fixed, OFF)))
        result = search(learn, tried, candidates, options.seeds, options.seed, fixed)
        scored = [DEFAULT, result.answer, *result.finalists]
        judge.ensure_runs(scored, options.seeds)
        failures[JUDGE] = _failures(problem, judge, JUDGE)
        recorded = RecordedCalls(problem, {LEARN: learn, JUDGE: judge})
        nothing_fails = problem.log is not None and not any(failures.values())
        choice = (
            Recommendation(OFF) if nothing_fails else choose(result, recorded.ledgers, failures, recorded.objections)
        )
        answer = choice.answer or OFF
        where = judge if failures[JUDGE] else learn
        sensitivity = _sensitivity(where, answer, spaces, options.seeds)
        courses = tuple(simulate_part(problem, runner, part, (DEFAULT, answer)) for part in _parts(problem))
    return Tuned(
        problem,
        options,
        aim,
        candidates,
        learn,
        judge,
        result,
        choice,
        recorded,
        failures,
        sensitivity,
        where.part,
        _reweigh(learn, result, answer),
        courses,
        runner.runs,
    )


def count_candidates(requests: int, wanted: int) -> int:
    """Return how many candidates to draw: of a long log fewer, since each run of it says more."""
    if requests * 5 * wanted <= _MANY_REQUESTS:
        return wanted
    return min(wanted, max(_FEWEST_CANDIDATES, _MANY_REQUESTS // (5 * requests)))


def count_runs(policies: int, candidates: int, seeds: int) -> int:
    """Return about how many runs a tune takes, scoring and variations among them."""
    return count_search_runs(policies, candidates, seeds) + (2 * policies + 6) * seeds


def _parts(problem: Problem) -> tuple[str, ...]:
    return (LEARN, JUDGE) if problem.parts else (JUDGE,)


def _failures(problem: Problem, ledger: Ledger, part: str) -> int:
    """Return how many requests fail: those of the log, or the mean over seeds without a breaker."""
    if problem.parts:
        return problem.parts[part].failures
    pairs = ledger.pairs(OFF)
    return round(sum(bare.requests - bare.ok for _, bare in pairs) / len(pairs))


def _sensitivity(
    ledger: Ledger, answer: PolicySettings, spaces: Mapping[str, tuple[Dimension, ...]], seeds: int
) -> tuple[Variation, ...]:
    if answer.policy not in spaces:
        return ()
    others = list(vary_settings(spaces[answer.policy], answer))
    ledger.ensure_runs([answer, *(breaker for _, _, breaker in others)], seeds)
    return tuple(Variation(name, value, ledger.difference(breaker, answer)) for name, value, breaker in others)


def _reweigh(learn: Ledger, result: SearchResult, answer: PolicySettings) -> tuple[Reweighed, ...]:
    """Say who of the finalists comes first with each weight halved and doubled. Nothing is run for it."""
    reweighed: list[Reweighed] = []
    for name, weight in learn.aim.weights.model_dump().items():
        for factor in (0.5, 2.0):
            other: Weights = learn.aim.weights.model_copy(update={name: factor * weight})
            best = learn.rank(result.finalists, other)[0]
            reweighed.append(Reweighed(name, factor, best, learn.mean(answer, other) - learn.mean(best, other)))
    return tuple(reweighed)


@contextmanager
def _progress(console: Console, total: int) -> Iterator[Callable[[int], None]]:
    columns = (BarColumn(), MofNCompleteColumn(), TextColumn("runs,"), TimeRemainingColumn(compact=True))
    with Progress(
        *columns, TextColumn("left"), console=console, disable=not console.is_terminal, transient=True
    ) as line:
        bar = line.add_task("", total=total)
        done = 0

        def on_progress(count: int) -> None:
            nonlocal done
            done += count
            # How many runs there are is known at the end alone: settings that were met before are not run again.
            line.update(bar, completed=done, total=max(total, done))

        yield on_progress
