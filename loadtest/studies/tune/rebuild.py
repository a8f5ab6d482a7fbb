"""Rebuild the load and faults of an access log, for a scenario that meets the same pattern. Pure.

Time is cut where the likelihood shows a change: each stretch has its own arrival rate, shares of errors and timeouts,
and log-normal latency, and a new stretch must improve the likelihood by more than the cost of its parameters
(optimal partitioning, Jackson et al., IEEE Signal Processing Letters 12 (2005) 105, over bins of whole seconds).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from statistics import NormalDist
from typing import TYPE_CHECKING, Any

import numpy as np

from backend.profile import Bursts, FaultPlan, FaultProfile, Latency, Phase
from inputs.wrong_input import WrongInputError
from loadtest.scenario.load.segment import Segment
from loadtest.studies.tune.statuses import ERROR, TIMEOUT

if TYPE_CHECKING:
    from loadtest.studies.tune.access_log import AccessLog

    Array = np.ndarray[Any, np.dtype[np.float64]]

_MOST_BINS = 3000
_WIDEST_BIN_S = 600
# Mean number of requests in a bin: the precision with which a change can be located.
_IN_A_BIN = 8
# Requests of a log that get an arrival time of their own; of a longer one, groups of them do.
_MOST_SEGMENTS = 20_000
# Parameters of a stretch: its beginning, rate, two shares, latency's mean and spread.
_PARAMETERS = 6
_MOST_STRETCHES = 400
# Equal latencies, as after rounding, must not make the likelihood infinite.
_LEAST_LOG_SPREAD = 0.1
_LEAST_LATENCY_S = 1e-4
# With this many standard deviations fewer runs of failures than if independent, failures come in bursts.
_BURSTS_FROM = 3.0
_FEWEST_FAILURES = 5
_LONGEST_BURST = 1000
_LONGEST_PAUSE_S = 86_400
_MOST_PER_S, _LEAST_PER_S = 100_000, 1e-3
_NORMAL = NormalDist()


@dataclass(frozen=True)
class SteadyStretch:
    """A time in which nothing changes. Shares are of the requests that begin in it; `burst`: mean failures in a row."""

    start_s: float
    end_s: float
    requests: int
    error_share: float
    timeout_share: float
    mean_s: float
    spread_s: float
    burst: float | None
    profile: FaultProfile

    @property
    def rate_per_s(self) -> float:
        """Requests per second."""
        return self.requests / (self.end_s - self.start_s)


@dataclass(frozen=True)
class Rebuilt:
    """Load and faults of a log or a part of it."""

    load: tuple[Segment, ...]
    stretches: tuple[SteadyStretch, ...]

    @property
    def plan(self) -> FaultPlan:
        """The stretches as phases; the last one has no end."""
        phases = [Phase(duration_s=each.end_s - each.start_s, profile=each.profile) for each in self.stretches]
        phases[-1] = Phase(profile=self.stretches[-1].profile)
        return FaultPlan(phases=tuple(phases))


def rebuild(log: AccessLog, length_s: float, timeout_s: float) -> Rebuilt:
    """Rebuild a log from 0 to `length_s`, for callers who wait `timeout_s`. Raises WrongInputError."""
    edges = bin_edges(length_s, len(log.start_s), _IN_A_BIN)
    borders = _cut_time(log, edges)
    stretches = tuple(_fit_stretch(log, start_s, end_s, timeout_s) for start_s, end_s in pairwise(borders))
    return Rebuilt(_load(log, length_s), stretches)


def bin_edges(length_s: float, requests: int, wanted: int) -> Array:
    """Cut time into bins of equal whole seconds with `wanted` requests on average; the last may be half longer."""
    width = max(1, min(_WIDEST_BIN_S, math.ceil(wanted * length_s / requests)), math.ceil(length_s / _MOST_BINS))
    count = max(1, round(length_s / width))
    return np.append(np.arange(count) * float(width), length_s)


def _load(log: AccessLog, length_s: float) -> tuple[Segment, ...]:
    """Return the arrivals as they came: each at its time, or, in a long log, a few of them evenly from one on.

    A breaker that counts failures in a row goes by who comes between whom, so the gaps are not smoothed.
    """
    _check_rate(log, length_s)
    size = math.ceil(len(log.start_s) / _MOST_SEGMENTS)
    firsts = [*log.start_s[::size].tolist(), length_s]
    load: list[Segment] = []
    left, now_s = len(log.start_s), 0.0
    for start_s, next_s in pairwise(firsts):
        count = min(size, left)
        rate = min(_MOST_PER_S, max(_LEAST_PER_S, count / max(next_s - start_s, 1e-9))) if count > 1 else _MOST_PER_S
        pause_s = max(0.0, start_s - now_s)
        if pause_s > _LONGEST_PAUSE_S:
            raise _wrong_input(log, f"has no request for {pause_s / 3600:.3g} h; allowed: at most 24 h")
        load.append(Segment(requests=count, rate_per_s=rate, pause_s=pause_s))
        # After a pause a segment begins with its first request, without one a gap after the last.
        now_s += pause_s + (count - (pause_s > 0 or len(load) == 1)) / rate
        left -= count
    return tuple(load)


def _check_rate(log: AccessLog, length_s: float) -> None:
    """Raise WrongInputError where more requests come than can be simulated."""
    edges = bin_edges(length_s, len(log.start_s), _IN_A_BIN)
    most = float(np.max(np.histogram(log.start_s, edges)[0] / np.diff(edges)))
    if most > _MOST_PER_S:
        raise _wrong_input(log, f"{most:,.0f} requests come within a second; allowed: at most {_MOST_PER_S:,}")


def _wrong_input(log: AccessLog, message: str) -> WrongInputError:
    return WrongInputError([{"field": "log", "value": log.name, "detail": f"log {log.name}: {message}"}])


def _cut_time(log: AccessLog, edges: Array) -> list[float]:
    """Return the times at which something changes, 0 and the end among them."""
    running = _running_sums(log)
    place = np.append(np.searchsorted(log.start_s, edges[:-1]), len(log.start_s))
    sums = running[:, place]
    penalty = _PARAMETERS / 2 * math.log(len(log.start_s))
    while True:
        found = _partition(sums, edges, penalty)
        if len(found) - 1 <= _MOST_STRETCHES:
            break
        penalty *= 2
    return _refine_borders(log, running, [float(edges[index]) for index in found], float(edges[1]))


def _refine_borders(log: AccessLog, running: Array, borders: list[float], reach_s: float) -> list[float]:
    """Move each border to the request, at most a bin away, at which what comes before and after it fits best."""
    refined = list(borders)
    for index in range(1, len(refined) - 1):
        before_s, now_s, after_s = refined[index - 1 : index + 2]
        low, high = max(before_s, now_s - reach_s), min(after_s, now_s + reach_s)
        first, last = np.searchsorted(log.start_s, [low, high], side="right").tolist()
        last = last if high < after_s else int(np.searchsorted(log.start_s, after_s))
        if first >= last:
            continue
        times = np.append(log.start_s[first:last], now_s)
        place = np.append(np.arange(first, last), np.searchsorted(log.start_s, now_s))
        start, end = np.searchsorted(log.start_s, [before_s, after_s]).tolist()
        end = len(log.start_s) if index == len(refined) - 2 else end
        middle = running[:, place]
        misfit = _misfit(middle - running[:, [start]], times - before_s)
        misfit += _misfit(running[:, [end]] - middle, after_s - times)
        refined[index] = float(times[np.argmin(misfit)])
    return refined


def _running_sums(log: AccessLog) -> Array:
    """Return, up to each request: requests, errors, timeouts; answered ones, with sum and squares of log latency."""
    answered = log.outcome != TIMEOUT
    logs = np.where(answered, np.log(np.maximum(log.duration_s, _LEAST_LATENCY_S)), 0.0)
    columns = (
        np.ones(len(answered)),
        log.outcome == ERROR,
        log.outcome == TIMEOUT,
        answered,
        logs,
        logs * logs,
    )
    return np.array([np.concatenate(([0.0], np.cumsum(column, dtype=float))) for column in columns])


def _partition(sums: Array, edges: Array, penalty: float) -> list[int]:
    """Return the indices of the edges at which the best partition has its borders."""
    count = len(edges) - 1
    best = np.full(count + 1, math.inf)
    best[0] = -penalty
    before = np.zeros(count + 1, dtype=int)
    for end in range(1, count + 1):
        whole = best[:end] + penalty + _misfit(sums[:, [end]] - sums[:, :end], edges[end] - edges[:end])
        before[end] = int(np.argmin(whole))
        best[end] = whole[before[end]]
    found = [count]
    while found[-1] > 0:
        found.append(int(before[found[-1]]))
    return found[::-1]


def _misfit(sums: Array, length_s: Array) -> Array:
    """Return minus the log-likelihood of stretches at their best parameters, up to a constant."""
    requests, errors, timeouts, answered, total, squares = sums
    fine = requests - errors - timeouts
    arrivals = _entropy(requests, length_s) + requests
    outcomes = sum(_entropy(each, requests) for each in (errors, timeouts, fine))
    some = np.maximum(answered, 1)
    variance = np.maximum(squares / some - (total / some) ** 2, _LEAST_LOG_SPREAD**2)
    return np.asarray(arrivals + outcomes + answered / 2 * (np.log(variance) + 1))


def _entropy(count: Array, whole: Array) -> Array:
    """Return -count * log(count / whole), 0 for a count of 0."""
    return np.asarray(-count * np.log(np.maximum(count, 1) / np.maximum(whole, 1e-9)))


def _fit_stretch(log: AccessLog, start_s: float, end_s: float, timeout_s: float) -> SteadyStretch:
    inside = slice(*np.searchsorted(log.start_s, [start_s, end_s]).tolist())
    if end_s >= log.start_s[-1]:
        inside = slice(inside.start, len(log.start_s))
    outcome, duration_s = log.outcome[inside], log.duration_s[inside]
    requests = len(outcome)
    answered = duration_s[outcome != TIMEOUT]
    errors = (outcome == ERROR)[outcome != TIMEOUT]
    mean_s = float(answered.mean()) if len(answered) else 0.0
    spread_s = float(answered.std()) if len(answered) else 0.0
    late = (outcome == TIMEOUT) | (duration_s > timeout_s)
    failed = (outcome == ERROR) | late
    burst = burst_length(failed)
    # What comes in bursts hangs there; then the latency has no tail beyond the timeout.
    latency = _latency(mean_s, spread_s, timeout_s, 0 if burst else int(late.sum()), requests)
    return SteadyStretch(
        start_s=start_s,
        end_s=end_s,
        requests=requests,
        error_share=float((outcome == ERROR).mean()) if requests else 0.0,
        timeout_share=float((outcome == TIMEOUT).mean()) if requests else 0.0,
        mean_s=mean_s,
        spread_s=spread_s,
        burst=burst,
        profile=FaultProfile(
            error_rate=0.0 if burst or not len(errors) else float(errors.mean()),
            bursts=Bursts(rate=float(failed.mean()), mean_length=burst, hang_share=float(late.sum() / failed.sum()))
            if burst
            else None,
            latency=latency,
            hang_rate=0.0 if burst else _hangs(latency, timeout_s, float(late.mean()) if requests else 0.0),
        ),
    )


def burst_length(failed: np.ndarray[Any, np.dtype[np.bool_]]) -> float | None:
    """Return the mean number of failures in a row if runs are longer than for independent failures; else none.

    For independent failures, the number of runs is hypergeometric (Wald and Wolfowitz, 1940).
    """
    count, failures = len(failed), int(failed.sum())
    fine = count - failures
    if failures < _FEWEST_FAILURES or fine <= 1.001 * count / _LONGEST_BURST:
        return None
    runs = int(failed[0]) + int(np.sum(failed[1:] & ~failed[:-1]))
    expected = failures * (fine + 1) / count
    variance = expected * (failures - 1) / count * fine / (count - 1)
    if runs >= expected - _BURSTS_FROM * math.sqrt(variance):
        return None
    # A channel's bursts must not be shorter than runs of independent failures, not even by rounding.
    return min(float(_LONGEST_BURST), max(failures / runs, (1 + 1e-9) * count / fine))


def _latency(mean_s: float, spread_s: float, timeout_s: float, late: int, requests: int) -> Latency:
    """Return a log-normal latency with these moments, whose tail has no more calls beyond the timeout than the log."""
    if mean_s <= _LEAST_LATENCY_S or spread_s < 1e-3 * mean_s:
        return Latency(mean_s=mean_s)
    variance = math.log1p((spread_s / mean_s) ** 2)
    room = 2 * math.log(timeout_s / mean_s) if mean_s < timeout_s else 0.0
    z = _NORMAL.inv_cdf(1 - min(0.5, max(late, 0.5) / requests))
    if 0 < room < z * z:
        variance = min(variance, (z - math.sqrt(z * z - room)) ** 2)
    spread_s = min(mean_s * math.sqrt(math.expm1(min(variance, 13.0))), 3600.0)
    return Latency(distribution="lognormal", mean_s=mean_s, spread_s=spread_s)


def _hangs(latency: Latency, timeout_s: float, late_share: float) -> float:
    """Return the share of calls that must hang, in addition to latencies beyond the timeout, to give the late share."""
    beyond = 0.0
    if latency.distribution == "lognormal" and latency.spread_s:
        sigma = math.sqrt(math.log1p((latency.spread_s / latency.mean_s) ** 2))
        beyond = 1 - _NORMAL.cdf((math.log(timeout_s / latency.mean_s) + sigma * sigma / 2) / sigma)
    elif latency.mean_s > timeout_s:
        beyond = 1.0
    return 0.0 if beyond >= 1 else min(1.0, max(0.0, (late_share - beyond) / (1 - beyond)))
