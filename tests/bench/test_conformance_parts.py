"""What the questions are made of: answers that become one, clocks that only a question moves, a listener."""

from __future__ import annotations

import time
from datetime import UTC, datetime

import pytest

from bench.conformance.clocks import Clocks
from bench.conformance.finding import Finding, NoAnswerError, TrapJudgement, merge_findings, safe, trap
from bench.peers.peer import DownError, PeerListener


def test_answers_of_several_ways_become_one() -> None:
    """The same in all ways: said once. Else the safe ones first, and the verdict that they share, or partly."""
    found = [
        merge_findings({"a": trap("no"), "b": trap("no")}),
        merge_findings({"a": trap("no"), "b": safe("yes"), "c": trap("no")}),
        merge_findings({"a": trap("no"), "b": trap("never")}),
    ]

    assert found == [trap("no"), Finding(TrapJudgement.PARTLY, "b: yes; a, c: no"), trap("a: no; b: never")]
    with pytest.raises(NoAnswerError):
        merge_findings({})


def test_the_clocks_move_only_what_they_are_put_into() -> None:
    """Module, function and class are replaced in the named modules, stand still, move apart, and come back."""
    clocks = Clocks()
    clocks.zone_h = 2
    before = time, datetime
    with clocks.put_into(__name__):
        first = (time.time(), time.monotonic(), datetime.now(UTC), datetime.now())  # noqa: DTZ005
        clocks.advance(10)
        clocks.jump(-60)
        second = (time.time_ns(), time.monotonic_ns(), datetime.now(UTC), datetime.utcnow())  # noqa: DTZ003

    start = datetime(2026, 1, 1, 12, tzinfo=UTC)
    assert first == (start.timestamp(), 5000.0, start, datetime(2026, 1, 1, 14))  # noqa: DTZ001
    assert second == (
        (round(start.timestamp()) - 50) * 10**9,
        5010 * 10**9,
        datetime(2026, 1, 1, 11, 59, 10, tzinfo=UTC),
        datetime(2026, 1, 1, 11, 59, 10),  # noqa: DTZ001
    )
    assert (time, datetime) == before


def test_a_listener_hears_whatever_there_is() -> None:
    """Any method, with any arguments."""
    events: list[str] = []
    listener = PeerListener(events)
    listener.on_rejected(name="x")
    listener.failure(None, DownError())

    assert events == ["on_rejected", "failure"]
