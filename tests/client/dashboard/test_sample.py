"""Some of many calls, evenly spaced."""

from __future__ import annotations

from itertools import pairwise

import pytest

from client.dashboard.sample import DashboardSample
from client.pipeline.call import Call


def kept(calls: int, limit: int = 8) -> list[int]:
    sample = DashboardSample(limit)
    for number in range(1, calls + 1):
        sample.add(Call(str(number)))
    assert sample.seen == calls
    return [int(call.request_id) for call in sample.kept]


@pytest.mark.parametrize(
    ("calls", "found"),
    [
        (0, []),
        (7, [1, 2, 3, 4, 5, 6, 7]),
        (8, [1, 3, 5, 7]),
        (9, [1, 3, 5, 7, 9]),
        (15, [1, 5, 9, 13]),
        (31, [1, 9, 17, 25]),
        (33, [1, 9, 17, 25, 33]),
    ],
)
def test_few_are_all_kept_and_of_many_every_nth(calls: int, found: list[int]) -> None:
    """Each time that the limit is reached, every other one goes, and half as many come from then on."""
    assert kept(calls) == found


@pytest.mark.parametrize("calls", [8, 100, 1_000, 12_345])
def test_the_sample_is_never_small_nor_large(calls: int) -> None:
    """At least half the limit, less than all of it, from the first call to about the last."""
    found = kept(calls, 24)

    assert 12 <= len(found) < 24 or calls < 24
    assert {later - earlier for earlier, later in pairwise(found)} == {found[1] - found[0]}
    assert calls - found[-1] < found[1] - found[0]
