"""When requests arrive."""

from __future__ import annotations

from itertools import pairwise
from statistics import fmean
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loadtest.scenario import files
from loadtest.scenario.load.schedule import Arrival, schedule
from loadtest.scenario.load.segment import Segment


def load(*segments: dict[str, Any]) -> list[Segment]:
    return [Segment.model_validate(segment) for segment in segments]


def times(*segments: dict[str, Any], seed: int = 1) -> list[float]:
    return [round(arrival.intended_s, 9) for arrival in schedule(load(*segments), seed)]


SEGMENTS = st.lists(
    st.builds(
        Segment,
        requests=st.integers(1, 20),
        rate_per_s=st.floats(0.01, 1000),
        arrivals=st.sampled_from(["constant", "poisson"]),
        pause_s=st.just(0.0) | st.floats(0.001, 100),
    ),
    min_size=1,
    max_size=4,
)


@pytest.mark.parametrize(
    ("segments", "expected"),
    [
        ([{"requests": 1, "rate_per_s": 5}], [0]),
        ([{"requests": 4, "rate_per_s": 2}], [0, 0.5, 1, 1.5]),
        ([{"requests": 2, "rate_per_s": 2, "pause_s": 3}], [3, 3.5]),
        ([{"requests": 2, "rate_per_s": 1}, {"requests": 2, "rate_per_s": 4}], [0, 1, 1.25, 1.5]),
        ([{"requests": 2, "rate_per_s": 1}, {"requests": 2, "rate_per_s": 4, "pause_s": 10}], [0, 1, 11, 11.25]),
    ],
)
def test_constant_arrivals_are_evenly_spaced(segments: list[dict[str, Any]], expected: list[float]) -> None:
    """One every 1/rate s; after a pause the first comes at its end, else a gap of the new rate after the last."""
    assert times(*segments) == expected


def test_poisson_arrivals_are_fixed_by_their_seed() -> None:
    """The same seed gives the same schedule on any day, another seed another one; the first request has a gap, too."""
    segment = {"requests": 4, "rate_per_s": 10, "arrivals": "poisson"}

    assert times(segment) == times(segment)
    assert times(segment) == [0.153382141, 0.271201038, 0.380650221, 0.613780273]
    assert times(segment, seed=2) != times(segment)


def test_poisson_gaps_are_exponential() -> None:
    """Of 4,000 gaps at 10/s the mean is 0.1 s within four standard errors, and a share of 1/e is longer than that."""
    segment = {"requests": 4000, "rate_per_s": 10, "arrivals": "poisson"}
    gaps = [after - before for before, after in pairwise([0.0, *times(segment)])]

    assert fmean(gaps) == pytest.approx(0.1, abs=4 * 0.1 / 4000**0.5)
    assert fmean(gap > 0.1 for gap in gaps) == pytest.approx(0.3679, abs=4 * (0.3679 * 0.6321 / 4000) ** 0.5)


def test_a_pause_moves_a_poisson_segment_as_a_whole() -> None:
    """The pause comes before the first gap and changes none of them."""
    segment = {"requests": 5, "rate_per_s": 1, "arrivals": "poisson"}

    assert times({**segment, "pause_s": 7}) == [round(7 + at, 9) for at in times(segment)]


@settings(max_examples=50)
@given(SEGMENTS, st.integers(0, 2**63 - 1))
def test_arrivals_are_numbered_and_in_order(segments: list[Segment], seed: int) -> None:
    """Ids run from 1 without a gap over all segments, and times rise strictly."""
    arrivals = list(schedule(segments, seed))

    assert [arrival.id for arrival in arrivals] == list(range(1, sum(each.requests for each in segments) + 1))
    assert all(before.intended_s < after.intended_s for before, after in pairwise(arrivals))
    assert list(schedule(segments, seed)) == arrivals


def test_every_arm_of_a_comparison_gets_the_same_arrivals() -> None:
    """The schedule knows nothing of arms: with and without a breaker the same requests come at the same times."""
    found, _ = files.read("experiment-2")

    without, guarded = (list(schedule(found.load_of(arm), 3)) for arm in ("without", "with"))

    assert without == guarded
    assert without[0] == Arrival(1, without[0].intended_s)
    assert len(without) == 100
