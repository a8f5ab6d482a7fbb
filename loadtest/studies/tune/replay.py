"""Feed the recorded calls themselves to a breaker: what it would have refused of them. Pure.

Each call that is let through ends as it did in the log, when it did. A call that is refused loses its answer, if it had
one. As in the rebuilt pattern, nothing that is refused changes how the others fare: a log does not say that.
"""

from __future__ import annotations

import math
from heapq import heappop, heappush
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from client.breakers import build
from client.breakers.interface import CLOSED, FAILURE, NEUTRAL, OPEN, SUCCESS, Refusal
from loadtest.studies.tune.objective import PER
from loadtest.studies.tune.statuses import ASIDE, ERROR, OK, TIMEOUT

if TYPE_CHECKING:
    from client.breakers.interface import Breaker, Permit, Transition, Verdict
    from client.breakers.policy import PolicySettings
    from loadtest.studies.tune.access_log import AccessLog
    from loadtest.studies.tune.objective import Weights

# A breaker that draws at random is replayed with so many seeds.
_SEEDS = 5
_VERDICTS = {OK: SUCCESS, ERROR: FAILURE, TIMEOUT: FAILURE, ASIDE: NEUTRAL}


class Replayed(NamedTuple):
    """What a breaker does to the recorded calls; means over seeds where it draws at random.

    `lost`: of the `answers` of the log, those that it refuses; `spared`: of the `failures`, those that it refuses.
    `held_s`: seconds that callers wait.
    """

    requests: float
    answers: float
    failures: float
    trips: float
    lost: float
    spared: float
    held_s: float

    @property
    def lost_share(self) -> float:
        """Share of the answers of the log that are refused."""
        return self.lost / self.answers if self.answers else 0.0

    def cost(self, weights: Weights) -> float:
        """Return the cost, in answers lost for each 1,000 requests, as the search reckons it."""
        let_through = self.failures - self.spared
        whole = weights.good_refused * self.lost + weights.bad_let_through * let_through
        return PER * (whole + weights.seconds_held * self.held_s) / self.requests


def replay(log: AccessLog, breaker: PolicySettings, timeout_s: float | None = None) -> Replayed:
    """Replay a log, or a part of it, that is cut at the callers' timeout."""
    seeds = [None] if breaker.seed is not None else range(_SEEDS)
    found: list[Replayed] = []
    for seed in seeds:
        chosen = breaker if seed is None else breaker.model_copy(update={"seed": seed})
        found.append(_replay_once(log, chosen, timeout_s))
        if len(found) == 2 and found[0] == found[1]:
            break  # it draws nothing
    return Replayed(*(float(np.mean(column)) for column in zip(*found, strict=True)))


def _replay_once(log: AccessLog, settings: PolicySettings, timeout_s: float | None) -> Replayed:
    trips = 0

    def on_transition(change: Transition) -> None:
        nonlocal trips
        trips += change.before is CLOSED and change.after is OPEN

    breaker = build(settings, 0.0, on_transition, timeout_s)
    redirects = [False] * len(log.outcome) if log.redirects is None else log.redirects.tolist()
    under_way: list[tuple[float, int, Permit, Verdict]] = []
    refused = np.zeros(len(log.outcome), dtype=bool)
    calls = zip(log.start_s.tolist(), log.duration_s.tolist(), log.outcome.tolist(), redirects, strict=True)
    for number, (start_s, took_s, outcome, redirect) in enumerate(calls):
        _report_ended(breaker, under_way, start_s)
        permit = breaker.shared_permit or breaker.admit(start_s)
        if isinstance(permit, Refusal):
            refused[number] = True
        else:
            verdict = NEUTRAL if redirect else _VERDICTS[outcome]
            heappush(under_way, (start_s + took_s, number, permit, verdict))
    _report_ended(breaker, under_way, math.inf)
    answered, failed = log.outcome == OK, (log.outcome == ERROR) | (log.outcome == TIMEOUT)
    counted = log.outcome != ASIDE
    return Replayed(
        requests=float(counted.sum()),
        answers=float(answered.sum()),
        failures=float(failed.sum()),
        trips=float(trips),
        lost=float((refused & answered).sum()),
        spared=float((refused & failed).sum()),
        held_s=float(log.duration_s[counted & ~refused].sum()),
    )


def _report_ended(breaker: Breaker, under_way: list[tuple[float, int, Permit, Verdict]], now_s: float) -> None:
    """Tell the breaker of the calls that have ended by now, in the order in which they ended."""
    while under_way and under_way[0][0] <= now_s:
        ended_s, _, permit, verdict = heappop(under_way)
        breaker.report(permit, verdict, ended_s)
