"""What a soak is judged by."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bench.soak import SEGMENT_S, SoakCheck, SoakSegment, judge_segments


def soak(**changes: dict[int, object]) -> list[SoakSegment]:
    """Ten minutes in which nothing changes, but for what `changes` says: {field: {segment: value}}."""
    segments = [
        SoakSegment(
            (number + 1) * SEGMENT_S, 15 <= number < 45, 5000.0, 10.0, 70.0, 13, 34, 47, 80 if 15 <= number < 45 else 0
        )
        for number in range(60)
    ]
    for name, values in changes.items():
        for number, value in values.items():
            segments[number] = replace(segments[number], **{name: value})
    return segments


def broken(checks: list[SoakCheck]) -> list[str]:
    return [check.name for check in checks if not check.ok]


def test_nothing_grows() -> None:
    """Every check holds, and says what it saw."""
    assert broken(judge_segments(soak())) == []
    assert judge_segments(soak())[0].detail == "70.0 MiB in the second minute, furthest from it 70.0 MiB (+0.0%)"


def test_the_first_minute_does_not_count() -> None:
    """Pools fill, code is warmed up."""
    assert (
        broken(judge_segments(soak(rss_mib=dict.fromkeys(range(6), 40.0), p99_ms=dict.fromkeys(range(6), 99.0)))) == []
    )


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"rss_mib": {30: 74.0}}, "resident memory after the first minute stays within 5 %"),
        ({"rss_mib": dict.fromkeys(range(54, 60), 66.0)}, "resident memory after the first minute stays within 5 %"),
        ({"tasks": {57: 17}}, "the number of tasks does not grow"),
        ({"connections": {59: 38}}, "the number of connections does not grow"),
        ({"open_files": {54: 51}}, "the number of open files does not grow"),
        (
            {"p99_ms": dict.fromkeys(range(54, 60), 15.1)},
            "p99 of the last minute is at most 1.5 times that of the second",
        ),
        ({"transitions": {20: 0}}, "the breaker did flap"),
    ],
)
def test_what_grows_is_named(changes: dict[str, dict[int, object]], name: str) -> None:
    """One check each, and no other."""
    assert broken(judge_segments(soak(**changes))) == [name]
