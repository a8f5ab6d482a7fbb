"""A pattern that is known is found again: rate, failures, bursts, hangs, latency, and when they change."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backend.profile import Bursts
from inputs.wrong_input import WrongInputError
from loadtest.scenario.load.schedule import schedule
from loadtest.studies.tune.access_log import AccessLog
from loadtest.studies.tune.rebuild import burst_length, rebuild
from loadtest.studies.tune.samples import make
from loadtest.studies.tune.statuses import ERROR, OK, TIMEOUT


def an_access_log(rows: list[tuple[float, int, float]]) -> AccessLog:
    starts, outcomes, durations = zip(*rows, strict=True)
    outcome = np.array(outcomes, dtype=np.int8)
    return AccessLog("t.csv", "0", np.array(starts, dtype=float), outcome, np.array(durations), len(rows), 0, ())


def drawn(
    rng: random.Random, start_s: float, end_s: float, rate: float, error: float, hang: float
) -> list[tuple[float, int, float]]:
    """Poisson arrivals, independent fates, log-normal latency with a median of 0.1 s."""
    rows = []
    now_s = start_s
    while (now_s := now_s + rng.expovariate(rate)) < end_s:
        fate = rng.random()
        outcome = TIMEOUT if fate < hang else ERROR if fate < hang + error else OK
        rows.append((now_s, outcome, 2.0 if outcome == TIMEOUT else rng.lognormvariate(-2.3, 0.5)))
    return rows


def test_an_outage_is_found() -> None:
    """Its borders to within a bin or two, and what happens in it and around it to within chance."""
    rng = random.Random(1)  # noqa: S311 - for a test
    parts = [(0, 120, 8, 0.01, 0), (120, 180, 12, 0.5, 0.3), (180, 300, 8, 0.01, 0)]
    found = rebuild(an_access_log([row for part in parts for row in drawn(rng, *part)]), 300, 2.0)

    assert len(found.stretches) == 3
    before, outage, _ = found.stretches
    assert (outage.start_s, outage.end_s) == (pytest.approx(120, abs=2), pytest.approx(180, abs=2))
    assert outage.rate_per_s == pytest.approx(12, rel=0.1)
    assert before.rate_per_s == pytest.approx(8, rel=0.1)
    assert outage.profile.hang_rate == pytest.approx(0.3, abs=0.05)
    # Of those that do not hang.
    assert outage.profile.error_rate == pytest.approx(0.5 / 0.7, abs=0.06)
    assert outage.profile.bursts is None
    assert before.profile.error_rate < 0.03
    assert before.profile.latency.mean_s == pytest.approx(0.1 * np.exp(0.125), rel=0.1)
    assert [phase.duration_s for phase in found.plan.phases] == [before.end_s, outage.end_s - outage.start_s, None]


def test_an_outage_begins_with_its_first_failure() -> None:
    """To the request, though time is cut in bins first: a breaker goes by failures in a row."""
    rows = [(index / 4 + 0.1, ERROR if 207 <= index < 263 else OK, 0.05) for index in range(480)]
    found = rebuild(an_access_log(rows), 120, 2.0)

    assert [each.start_s for each in found.stretches] == pytest.approx([0, 207 / 4 + 0.1, 263 / 4 + 0.1])
    assert [each.error_share for each in found.stretches] == [0, 1, 0]


def test_arrivals_come_as_they_came() -> None:
    """Those that came together come together, and a pause is one."""
    times = [0.5, 0.51, 0.52, 3, 3, 3, 9, 9.25]
    found = rebuild(an_access_log([(time, OK, 0.1) for time in times]), 10, 2.0)

    assert [each.intended_s for each in schedule(found.load, 1)] == pytest.approx(times, abs=1e-4)


def test_hangs_in_runs_become_bursts() -> None:
    """Six calls in a row hang, now and then; the rebuilt pattern has as many in a row, and no other failures."""
    rows = [(index / 10, TIMEOUT if index % 97 < 6 else OK, 2.0 if index % 97 < 6 else 0.1) for index in range(970)]
    profile = rebuild(an_access_log(rows), 97, 2.0).plan.phases[0].profile

    assert profile.bursts == Bursts(rate=6 / 97, mean_length=6, hang_share=1)
    assert (profile.hang_rate, profile.error_rate) == (0, 0)


def test_steady_noise_is_one_stretch() -> None:
    """What does not change is not cut: chance makes no incidents."""
    rng = random.Random(2)  # noqa: S311 - for a test
    found = rebuild(an_access_log(drawn(rng, 0, 400, 6, 0.05, 0.01)), 400, 2.0)

    assert len(found.stretches) == 1


def test_failures_in_runs_become_bursts() -> None:
    """Twelve fine, four failed, again and again; the same failures shuffled are independent."""
    failed = np.array(([False] * 12 + [True] * 4) * 30)

    assert burst_length(failed) == 4
    assert burst_length(np.random.default_rng(1).permutation(failed)) is None
    assert burst_length(np.ones(50, dtype=bool)) is None
    rows = [(index / 4, ERROR if bad else OK, 0.1) for index, bad in enumerate(failed)]
    bursts = rebuild(an_access_log(rows), 120, 2.0).plan.phases[0].profile.bursts
    assert bursts is not None
    assert (bursts.rate, bursts.mean_length) == (0.25, 4)


def test_the_tail_of_the_latency_brings_no_timeouts_that_were_not_there() -> None:
    """A wide latency near the timeout, and no call beyond it."""
    rng = random.Random(3)  # noqa: S311 - for a test
    rows = [(index / 5, OK, min(1.9, rng.lognormvariate(-0.7, 0.8))) for index in range(600)]
    latency = rebuild(an_access_log(rows), 120, 2.0).plan.phases[0].profile.latency
    assert latency.spread_s is not None
    sigma = np.sqrt(np.log1p((latency.spread_s / latency.mean_s) ** 2))
    z = (np.log(2 / latency.mean_s) + sigma**2 / 2) / sigma

    assert z > 2.9


@settings(max_examples=25, deadline=None)
@given(
    st.lists(
        st.tuples(st.floats(0, 8), st.sampled_from([OK, ERROR, TIMEOUT]), st.floats(0, 3600)), min_size=2, max_size=60
    )
)
def test_any_trace_becomes_a_scenario(gaps: list[tuple[float, int, float]]) -> None:
    """Whatever the log: as many requests as it has, each in its part of the time, and faults that the model takes."""
    times = np.cumsum([gap for gap, _, _ in gaps])
    length_s = float(times[-1]) + 1
    log = an_access_log([(float(time), each[1], each[2]) for time, each in zip(times, gaps, strict=True)])
    found = rebuild(log, length_s, 2.0)
    arrivals = [each.intended_s for each in schedule(found.load, 1)]

    assert len(arrivals) == len(gaps)
    assert arrivals[-1] <= length_s + 1e-6
    assert sum(each.requests for each in found.stretches) == len(gaps)
    assert sum(each.end_s - each.start_s for each in found.stretches) == pytest.approx(length_s)


def test_a_day_without_requests_is_refused() -> None:
    with pytest.raises(WrongInputError, match="has no request for"):
        rebuild(an_access_log([(index + (2e5 if index > 99 else 0), OK, 0.1) for index in range(200)]), 200_300, 2.0)


def test_a_sparse_access_log() -> None:
    """A request an hour, for a week: slower than the slowest rate of a scenario, and yet one."""
    found = rebuild(an_access_log([(3600.0 * hour, OK, 0.1) for hour in range(160)]), 3600.0 * 160, 2.0)

    assert sum(segment.requests for segment in found.load) == 160


def test_nearly_all_fail() -> None:
    """Two successes among thousands of failures: no channel has bursts as long as that."""
    failed = np.ones(5000, dtype=bool)
    failed[[10, 3000]] = False

    assert burst_length(failed) is None


def test_the_sample_is_what_its_script_makes() -> None:
    """To the byte, so that nobody has edited it by hand."""
    assert make.SAMPLE.read_bytes() == ("\n".join(make.lines()) + "\n").encode()
    assert Path(make.SAMPLE).stat().st_size < 1_000_000
