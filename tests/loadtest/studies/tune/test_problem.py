"""What a log is taken for: its failures, its incidents, and how long its callers waited."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest

from loadtest.studies.tune.log_words import reading_notes
from loadtest.studies.tune.problem import Problem, TuneOptions, read_problem

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    # What becomes of a request, by its number and time: status and duration as the log has them.
    Fate = Callable[[int, float], tuple[object, object]]

HEAD = "time,status,duration\n"


def log_of(tmp_path: Path, fate: Fate, *, by_end: bool = False, requests: int = 600) -> Problem:
    """Read a log of two requests a second; `by_end`: its lines stand in the order in which they ended."""
    rows = [(index / 2, *fate(index, index / 2)) for index in range(requests)]
    if by_end:
        rows.sort(key=lambda row: row[0] + float(str(row[2])))
    path = tmp_path / "log.csv"
    path.write_text(HEAD + "".join(f"{time:.3f},{status},{took}\n" for time, status, took in rows), encoding="utf-8")
    return read_problem(str(path), None, TuneOptions())


def incident(now_s: float) -> bool:
    """Two of 20 s, the second in the part that scores."""
    return 60 <= now_s < 80 or 220 <= now_s < 240


def failures(found: Problem) -> int:
    return sum(part.failures for part in (found.parts or {}).values())


def incidents(found: Problem) -> list[int]:
    return [len(part.incidents) for part in (found.parts or {}).values()]


def leaving(rng: random.Random) -> Fate:
    """One caller in ten leaves early."""
    return lambda _, __: (499, f"{rng.uniform(0.02, 0.12):.3f}") if rng.random() < 0.1 else (200, 0.2)


def test_a_caller_who_leaves_is_no_failure_and_no_timeout(tmp_path: Path) -> None:
    """499 says how patient a caller was, and nothing of the backend."""
    found = log_of(tmp_path, leaving(random.Random(1)))  # noqa: S311 - for a test

    assert failures(found) == 0
    assert found.timeout.total_s == 3
    assert found.timeout_from == "the default: the log has no timeout"
    assert any("or a caller who left" in note for note in reading_notes(found.log or pytest.fail("no log")))


def test_callers_who_leave_hide_no_incident(tmp_path: Path) -> None:
    left = leaving(random.Random(1))  # noqa: S311 - for a test
    found = log_of(tmp_path, lambda index, now_s: (503, 0.03) if incident(now_s) else left(index, now_s))

    assert failures(found) == 80
    assert incidents(found) == [1, 1]
    assert found.timeout.total_s == 3


@pytest.mark.parametrize("status", ["404", "429"])
def test_what_is_the_callers_own_hides_no_incident(tmp_path: Path, status: str) -> None:
    """Every second request; it counts neither way, and does not get into the rebuilt pattern."""
    found = log_of(
        tmp_path, lambda index, now_s: (status, 0.02) if index % 2 else (503 if incident(now_s) else 200, 0.1)
    )

    assert failures(found) == 40
    assert incidents(found) == [1, 1]
    assert [part.error_share for part in (found.parts or {})["judge"].rebuilt.stretches][1] > 0.8


def test_timeouts_as_short_as_answers_are_none(tmp_path: Path) -> None:
    """A deadline that the usual answer would not meet is not what callers wait."""
    found = log_of(tmp_path, lambda _, now_s: (4 if incident(now_s) else 0, 0.05))

    assert failures(found) == 80
    assert found.timeout.total_s == 3
    assert found.timeout_from == "the default: the timeouts in the log took no longer than its answers, 0.05 s"
    profile = (found.parts or {})["judge"].rebuilt.plan.phases[1].profile
    assert (profile.hang_rate, profile.hangs) == (0, False)


def test_answers_later_than_the_usual_timeout_are_answers(tmp_path: Path) -> None:
    """Two came all the same; only a `--timeout` that is given cuts them off."""
    found = log_of(
        tmp_path,
        lambda index, now_s: (504, 2.0) if incident(now_s) else (200, 2.5 if index % 150 == 7 else 0.2),
    )

    assert found.timeout.total_s == 2
    assert failures(found) == 80
    cut = read_problem(str(tmp_path / "log.csv"), None, TuneOptions(timeout=1.5))
    assert failures(cut) == 82
    assert cut.log is not None
    assert cut.log.duration_s.max() == 1.5


def test_timeouts_without_a_duration_hang_for_as_long_as_callers_wait(tmp_path: Path) -> None:
    found = log_of(tmp_path, lambda _, now_s: (504, "-") if incident(now_s) else (200, 0.2))

    assert failures(found) == 80
    assert found.timeout_from == "the default: the log does not say how long its timeouts took"
    assert (found.parts or {})["judge"].rebuilt.plan.phases[1].profile.hang_rate == 1


def test_failures_without_a_duration_count(tmp_path: Path) -> None:
    found = log_of(tmp_path, lambda _, now_s: (503, "-") if incident(now_s) else (200, 0.2))

    assert failures(found) == 80
    assert incidents(found) == [1, 1]
    assert found.log is not None
    assert found.log.bad == 0


def test_lines_in_the_order_of_their_ends(tmp_path: Path) -> None:
    rng = random.Random(2)  # noqa: S311 - for a test
    found = log_of(
        tmp_path,
        lambda _, now_s: (503, 0.03) if incident(now_s) else (200, f"{rng.expovariate(1):.3f}"),
        by_end=True,
    )

    assert failures(found) == 80
    assert found.log is not None
    assert found.log.reading.lines_by == "end"
    assert any("in the order in which requests ended" in note for note in reading_notes(found.log))


def test_whole_milliseconds(tmp_path: Path) -> None:
    """Envoy's own name for them has no unit."""
    found = log_of(tmp_path, lambda index, now_s: (503, 30) if incident(now_s) else (200, 150 + index % 100))

    assert found.timeout.total_s == 3
    assert found.log is not None
    assert "durations are read as milliseconds" in " ".join(reading_notes(found.log)).lower()
