"""How many connections there may be, and who makes room."""

from __future__ import annotations

import logging
import resource
from typing import Any

import pytest

from service.guard import limits
from service.guard.crowd import Crowd, longest_idle, raise_descriptor_limit
from service.guard.patience import Patience, Step


class Connection:
    """A connection at some step since some time."""

    def __init__(self, name: str, step: Step, since: float = 0.0) -> None:
        self.name = name
        self.patience = Patience(since)
        self.transport: Any = self
        self.at = step
        self.aborted = False

    def step(self) -> Step:
        return self.at

    def abort(self) -> None:
        self.aborted = True


def test_who_never_asked_goes_first_then_who_has_been_idle_the_longest() -> None:
    """Whoever has a request under way stays, whatever comes."""
    crowd = [
        Connection("busy", Step.ANSWER, 1),
        Connection("sending", Step.BODY, 1),
        Connection("idle", Step.NEXT_HEAD, 5),
        Connection("idle for longer", Step.NEXT_HEAD, 2),
        Connection("half a head", Step.HEAD, 4),
        Connection("new", Step.FIRST_HEAD, 3),
        Connection("leaving", Step.END, 9),
    ]

    assert [each.name for each in longest_idle(crowd, 9)] == [
        "leaving",
        "new",
        "half a head",
        "idle for longer",
        "idle",
    ]
    assert [each.name for each in longest_idle(crowd, 2)] == ["leaving", "new"]


def test_room_is_made_when_there_are_too_many(caplog: pytest.LogCaptureFixture) -> None:
    """For some at once, not for each newcomer; told once, with how many there may be; the newcomer stays."""
    crowd = Crowd(100)
    members = [Connection(str(number), Step.FIRST_HEAD, number) for number in range(101)]
    crowd.connections.update(members)  # type: ignore[arg-type]

    with caplog.at_level(logging.WARNING):
        stay = [crowd.make_room(members[100]) for _ in range(3)]

    assert stay == [True] * 3
    assert [each.name for each in members if each.aborted] == ["0", "1"]
    assert [(record.getMessage(), record.__dict__["fields"]) for record in caplog.records] == [
        ("too_many_connections", {"times": 1, "latest": {"most": 100, "idle_closed": 2}})
    ]


def test_where_none_is_idle_the_newcomer_has_to_go() -> None:
    """And as long as there is room, nobody."""
    crowd = Crowd(1)
    busy, newcomer = Connection("busy", Step.ANSWER), Connection("newcomer", Step.FIRST_HEAD)
    crowd.connections.add(newcomer)  # type: ignore[arg-type]
    alone = crowd.make_room(newcomer)
    crowd.connections.add(busy)  # type: ignore[arg-type]

    assert (alone, crowd.make_room(newcomer), busy.aborted, newcomer.aborted) == (True, False, False, False)


@pytest.mark.parametrize(
    ("soft", "hard", "most"),
    [
        (1024, 20_000, 9_968),
        (256, 1_048_576, limits.MOST_CONNECTIONS),
        (100, 100, 18),
        (40, 40, 8),
        (1024, resource.RLIM_INFINITY, limits.MOST_CONNECTIONS),
    ],
)
def test_the_limit_of_open_files_is_raised_and_half_of_it_used(
    monkeypatch: pytest.MonkeyPatch, soft: int, hard: int, most: int
) -> None:
    """Behind each connection there may be one to the backend."""
    asked: list[tuple[int, tuple[int, int]]] = []
    monkeypatch.setattr(resource, "getrlimit", lambda _: (soft, hard))
    monkeypatch.setattr(resource, "setrlimit", lambda what, bounds: asked.append((what, bounds)))

    assert raise_descriptor_limit() == most
    assert asked == [(resource.RLIMIT_NOFILE, (hard, hard))]


def test_a_limit_that_cannot_be_raised_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on macOS, where the system allows less than it says."""

    def refuse(*_: object) -> None:
        raise ValueError("not allowed")

    monkeypatch.setattr(resource, "getrlimit", lambda _: (1064, resource.RLIM_INFINITY))
    monkeypatch.setattr(resource, "setrlimit", refuse)

    assert raise_descriptor_limit() == 500
