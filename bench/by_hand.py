"""The virtual benchmark's model as one writes it by hand in SimPy: arrivals, workers, a timeout, a breaker.

It meets the same weather and keeps the same of each request, so that it must give the same outcomes; `lean`, it draws
from Python's own generator and only counts, as a model does that compares nothing.
"""

from __future__ import annotations

import random
from collections import Counter
from importlib import import_module
from math import exp, log, log1p, sqrt
from statistics import NormalDist
from typing import TYPE_CHECKING, Any, NamedTuple

from backend.weather import uniform

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

_NORMAL = NormalDist()


class SimulatedRequest(NamedTuple):
    """What is kept of a request."""

    id: int
    at: float
    duration_s: float
    outcome: str
    state: str
    fail_count: int
    would_have: str


class QueueModel(NamedTuple):
    """Times in seconds. `workers` with log-normal service and errors, behind a timeout and `fail_max`."""

    requests: int
    rate_per_s: float
    workers: int
    mean_s: float
    spread_s: float
    error_rate: float
    timeout_s: float
    fail_max: int
    reset_timeout: float


class QueueSimulation:
    """One run. Raises ImportError without SimPy."""

    def __init__(self, model: QueueModel, seed: int = 1, *, lean: bool = False) -> None:
        simpy: Any = import_module("simpy")
        self.model = model
        self.ended: list[SimulatedRequest] = []
        self.outcomes: Counter[str] = Counter()
        self._lean = lean
        self._env = simpy.Environment()
        self._pool = simpy.Resource(self._env, model.workers)
        variance = log1p((model.spread_s / model.mean_s) ** 2)
        self._mu, self._sigma = log(model.mean_s) - variance / 2, sqrt(variance)
        self._failures, self._opened_at, self._probing = 0, None, False
        self._generation = 0  # of the state: a result of an earlier one no longer counts
        self._gap, self._work, self._fails = self._own_draws(seed) if lean else self._weather(seed)

    def run(self) -> QueueSimulation:
        """Simulate every request."""
        self._env.process(self._arrivals())
        self._env.run()
        return self

    def _own_draws(self, seed: int) -> tuple[Callable[[int], float], Callable[[int], float], Callable[[int], bool]]:
        draws, model = random.Random(seed), self.model  # noqa: S311 - a simulation
        return (
            lambda _: draws.expovariate(model.rate_per_s),
            lambda _: draws.lognormvariate(self._mu, self._sigma),
            lambda _: draws.random() < model.error_rate,
        )

    def _weather(self, seed: int) -> tuple[Callable[[int], float], Callable[[int], float], Callable[[int], bool]]:
        model = self.model
        return (
            lambda number: -log(uniform(seed, number, "arrival")) / model.rate_per_s,
            lambda number: exp(self._mu + self._sigma * _NORMAL.inv_cdf(uniform(seed, number, 1, "latency"))),
            lambda number: uniform(seed, number, 1, "error") < model.error_rate,
        )

    def _arrivals(self) -> Generator[Any, Any, None]:
        for number in range(1, self.model.requests + 1):
            yield self._env.timeout(self._gap(number))
            self._env.process(self._call(number))

    def _call(self, number: int) -> Generator[Any, Any, None]:
        began = self._env.now
        if self._opened_at is not None:
            if self._probing or began < self._opened_at + self.model.reset_timeout:
                state = "half-open" if self._probing else "open"
                self._keep_request(number, began, "fast_fail", state)
                return
            self._probing = True
            self._generation += 1
        state, generation = "half-open" if self._probing else "closed", self._generation
        deadline = self._env.timeout(self.model.timeout_s)
        with self._pool.request() as turn:
            yield turn | deadline
            if not turn.triggered:
                self._report_outcome(number, began, "timeout", state, generation)
                return
            work = self._env.timeout(self._work(number))
            yield work | deadline
            if not work.processed:
                self._report_outcome(number, began, "timeout", state, generation)
                return
        self._report_outcome(number, began, "error" if self._fails(number) else "ok", state, generation)

    def _report_outcome(self, number: int, began: float, outcome: str, state: str, generation: int) -> None:
        if generation == self._generation:
            self._failures = 0 if outcome == "ok" else self._failures + 1
            if outcome != "ok" and (self._probing or self._failures >= self.model.fail_max):
                self._opened_at, self._probing = self._env.now, False
                self._generation += 1
            elif self._probing:
                self._opened_at, self._probing = None, False
                self._generation += 1
        self._keep_request(number, began, outcome, state)

    def _keep_request(self, number: int, began: float, outcome: str, state: str) -> None:
        self.outcomes[outcome] += 1
        if self._lean:
            return
        would = outcome
        if outcome in ("fast_fail", "timeout"):  # had no worker kept it waiting
            slow = self._work(number) > self.model.timeout_s
            would = "timeout" if slow else "error" if self._fails(number) else "ok"
        self.ended.append(SimulatedRequest(number, began, self._env.now - began, outcome, state, self._failures, would))
