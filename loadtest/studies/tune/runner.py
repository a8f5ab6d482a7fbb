"""Runs candidates on virtual time, on all cores, each job once."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

from client.pipeline.classification import DEFAULT
from loadtest.scenario.model import Arm, Scenario
from loadtest.studies.many_runs.work import Piece

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from client.breakers.policy import PolicySettings
    from client.pipeline.classification import ClassificationSettings
    from client.pipeline.timeout import TimeoutSettings
    from loadtest.studies.many_runs.work import StudyFigures
    from loadtest.studies.many_runs.workers import Crew

ARM = "tuned"


class Job(NamedTuple):
    """One run: of this part (`learn` or `judge`), with this breaker, with this seed."""

    part: str
    breaker: PolicySettings
    seed: int


class FiguresSource(Protocol):
    """What the search asks: the figures of some jobs."""

    def __call__(self, jobs: Iterable[Job]) -> Mapping[Job, StudyFigures]: ...


class Runner:
    """Hands jobs to the workers and remembers what they gave."""

    def __init__(
        self,
        scenarios: Mapping[str, Scenario],
        timeout: TimeoutSettings,
        crew: Crew,
        on_progress: Callable[[int], None] = lambda _: None,
        classification: ClassificationSettings = DEFAULT,
    ) -> None:
        self._scenarios, self._timeout, self._classification = scenarios, timeout, classification
        self._crew, self._on_progress = crew, on_progress
        self._known: dict[Job, StudyFigures] = {}

    @property
    def runs(self) -> int:
        """How many runs there were."""
        return len(self._known)

    def __call__(self, jobs: Iterable[Job]) -> Mapping[Job, StudyFigures]:
        """Return the figures of all `jobs`, after running those that are new."""
        wanted = list(dict.fromkeys(jobs))
        new = [job for job in wanted if job not in self._known]
        for results in self._crew(self._tasks(new)):
            for result in results:
                self._known[new[result.point]] = result.figures
            self._on_progress(len(results))
        self._on_progress(0)
        return {job: self._known[job] for job in wanted}

    def scenario(self, part: str, breaker: PolicySettings) -> Scenario:
        """Return the scenario of a part with one arm that has this breaker."""
        arm = Arm(breaker=breaker, timeout=self._timeout, classification=self._classification)
        return self._scenarios[part].model_copy(update={"arms": {ARM: arm}})

    def _tasks(self, jobs: Sequence[Job]) -> Iterator[tuple[Piece, ...]]:
        for index, job in enumerate(jobs):
            yield (Piece(index, self.scenario(job.part, job.breaker), ARM, (job.seed,)),)
