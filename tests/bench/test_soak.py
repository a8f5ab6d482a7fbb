"""What a soak is judged by."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bench.soak import SEGMENT_S, SoakCheck, SoakSegment, judge_segments, phase_of


def soak(**changes: dict[int, object]) -> list[SoakSegment]:
    """Ten minutes in which nothing changes, but for what `changes` says: {field: {segment: value}}."""
    phases = [phase_of(number, 60) for number in range(60)]
    segments = [
        SoakSegment(
            *((number + 1) * SEGMENT_S, phase == "flapping", 5000.0, 10.0, 70.0, 13, 34, 47),
            transitions=80 if phase == "flapping" else 0,
            attacks=3 if phase == "attacked" else 0,
        )
        for number, phase in enumerate(phases)
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
        ({"rss_mib": {30: 74.0}}, "resident memory after the first minute stays within 5 %, until the attack"),
        ({"rss_mib": dict.fromkeys(range(39, 60), 85.0)}, "resident memory is back within 20 % after the attack"),
        ({"rss_mib": dict.fromkeys(range(54, 60), 75.0)}, "resident memory does not grow with each round of attacks"),
        ({"tasks": {57: 17}}, "the number of tasks does not grow"),
        ({"connections": {59: 38}}, "the number of connections does not grow"),
        ({"open_files": {54: 51}}, "the number of open files does not grow"),
        (
            {"p99_ms": dict.fromkeys(range(54, 60), 15.1)},
            "p99 of the last minute is at most 1.5 times that of the second",
        ),
        ({"transitions": {20: 0}}, "the breaker did flap"),
        ({"rate": {40: 0.0}}, "the client was attacked, and answered meanwhile"),
        ({"attacks": dict.fromkeys(range(39, 45), 0)}, "the client was attacked, and answered meanwhile"),
    ],
)
def test_what_grows_is_named(changes: dict[str, dict[int, object]], name: str) -> None:
    """One check each, and no other."""
    assert broken(judge_segments(soak(**changes))) == [name]


def test_memory_under_attack_does_not_count() -> None:
    """What many connections take is given back."""
    assert broken(judge_segments(soak(rss_mib=dict.fromkeys(range(39, 46), 140.0)))) == []


@pytest.mark.parametrize(("minutes", "steady"), [(8, 12), (10, 15), (600, 900)])
def test_the_attack_is_a_minute_before_the_steady_end(minutes: int, steady: int) -> None:
    """However long the soak is, most of its middle is for a backend that flaps."""
    count = minutes * 60 // SEGMENT_S
    phases = [phase_of(number, count) for number in range(count)]

    assert phases == [
        *["steady"] * steady,
        *["flapping"] * (count - 2 * steady - 6),
        *["attacked"] * 6,
        *["steady"] * steady,
    ]
