"""Show in the terminal how a run goes: the transcript of short arms, and one line of progress."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Protocol

from rich.progress import BarColumn, Progress, TextColumn

from loadtest.scenario.load.schedule import schedule
from loadtest.terminal import transcript
from loadtest.terminal.transcript import PrintedRequest

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType
    from typing import Self

    from rich.console import Console

    from loadtest.scenario.model import Scenario

# Arms of at most this many requests are printed line by line.
MOST_PRINTED = 40
PLAIN_EVERY_S = 10.0
BETWEEN_ARMS_S = 1.0


class EndedRequest(PrintedRequest, Protocol):
    """A request that has ended."""

    @property
    def arm(self) -> str: ...
    @property
    def seed(self) -> int: ...
    @property
    def end_s(self) -> float: ...


class LiveMoment(Protocol):
    """The progress of a live run, a few times a second."""

    @property
    def arm(self) -> str: ...
    @property
    def seed(self) -> int: ...
    @property
    def at_s(self) -> float: ...
    @property
    def state(self) -> str: ...


class NewsSource(Protocol):
    """What a run has written since the last call."""

    def rows(self, *, every: bool) -> tuple[int, Sequence[EndedRequest]]:
        """Return the number of new requests, and either all of them or only the last."""

    def samples(self) -> Sequence[LiveMoment]:
        """Return the new samples of a live run."""


class Narrator:
    """Reads the run's files as they grow. A context manager; call `read_news` a few times a second."""

    def __init__(
        self,
        console: Console,
        scenario: Scenario,
        arms: Sequence[str],
        seeds: Sequence[int],
        news: NewsSource,
        *,
        virtual: bool = False,
        quiet: bool = False,
    ) -> None:
        self._console, self._quiet = console, quiet
        self._virtual, self._news_of_run = virtual, news
        self._planned: dict[tuple[str, int], int] = {}
        self._ends: dict[tuple[str, int], float] = {}
        for seed in seeds:
            for arm in arms:
                arrivals = list(schedule(scenario.load_of(arm), seed))
                self._planned[arm, seed] = len(arrivals)
                self._ends[arm, seed] = arrivals[-1].intended_s + BETWEEN_ARMS_S
        self._prints_requests = not quiet and min(self._planned.values(), default=0) <= MOST_PRINTED
        self._expected_s = sum(self._ends.values())
        self._total = sum(self._planned.values())
        self._done = 0
        self._before: dict[tuple[str, int], EndedRequest] = {}
        self._state, self._place = "closed", ""
        self._began = self._last_line = self._news = time.monotonic()
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=12),
            TextColumn(
                "{task.completed:.0f}/{task.total:.0f}, breaker {task.fields[state]}, {task.fields[left]} s left"
            ),
            console=console,
            transient=True,
            disable=quiet or not console.is_terminal,
        )
        self._task = self._progress.add_task(
            "starting", total=self._total, state="closed", left=f"{self._seconds_left(0.0):.0f}"
        )

    def __enter__(self) -> Self:
        if not self._quiet:
            runs = len(self._planned)
            what = f"{runs} run{'s' * (runs != 1)} (arms x seeds), {self._total} requests"
            timed = "on virtual time" if self._virtual else f"about {self._expected_s:.0f} s"
            self._console.print(f"{what}, {timed}")
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace_back: TracebackType | None
    ) -> None:
        self._progress.stop()

    def read_news(self) -> float:
        """Read and show what is new; return the seconds since the last news."""
        count, rows = self._news_of_run.rows(every=self._prints_requests)
        samples = self._news_of_run.samples()
        if rows or samples:
            self._news = time.monotonic()
        self._done += count
        for row in rows:
            self._print_request(row)
        for sample in samples:
            self._state = sample.state
            self._place = f"{sample.arm}, seed {sample.seed}, {max(0.0, sample.at_s):.0f} s"
        elapsed = time.monotonic() - self._began
        left = f"{self._seconds_left(elapsed):.0f}"
        self._progress.update(
            self._task, completed=self._done, state=self._state, left=left, description=self._place or "starting"
        )
        if not self._quiet and self._progress.disable and time.monotonic() - self._last_line >= PLAIN_EVERY_S:
            self._last_line = time.monotonic()
            self._console.print(
                f"  {self._place}: {self._done}/{self._total} requests, breaker {self._state}, about {left} s left"
            )
        return time.monotonic() - self._news

    def _seconds_left(self, elapsed: float) -> float:
        """Return the seconds that are left: by the schedule or, on virtual time, by the pace."""
        if self._virtual:
            return elapsed * (self._total / self._done - 1) if self._done else 0.0
        return max(0.0, self._expected_s - elapsed)

    def _print_request(self, row: EndedRequest) -> None:
        self._place = f"{row.arm}, seed {row.seed}, {row.end_s:.0f} s"
        if row.state:
            self._state = row.state
        key = row.arm, row.seed
        if self._quiet or self._planned.get(key, 0) > MOST_PRINTED:
            return
        before = self._before.get(key)
        if before is None:
            self._console.print(f"\n[bold]{row.arm}[/bold], seed {row.seed}")
        self._console.print(transcript.line(row, before), highlight=False, markup=False)
        self._before[key] = row
