"""Named phases of the faults: what is a disturbance, and what came after it."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest

from backend.profile import FaultPlan, as_body
from inputs.wrong_input import WrongInputError
from loadtest.figures.summary import fold, sort_rows
from loadtest.records.measured import Measured
from loadtest.records.rows import Row
from loadtest.records.shapes import as_json
from loadtest.scenario import files
from loadtest.scenario.arm_figures import figure_names
from loadtest.scenario.phases import Span, disturbances, groups, named_spans, shaded_spans, spans

OK = Row("with", 1, 1, 0.0, 0.0, 0.25, 200, "ok", "fresh", "closed", 0, 1, 1, "ok")


def plan(*phases: tuple[str, float | None]) -> FaultPlan:
    return FaultPlan.model_validate({"phases": [{"name": name, "duration_s": long} for name, long in phases]})


def test_quiet_time_belongs_to_the_disturbance_before_it() -> None:
    """Phases of one name are one disturbance, wherever they stand; the last phase lasts."""
    found = spans(
        plan(("", 5), ("spike", 2), ("", 3), ("flapping", 1), ("flapping", 1), ("", 2), ("spike", 1), ("", None))
    )

    assert found == [
        Span("before", 0, 5),
        Span("spike", 5, 7),
        Span("after-spike", 7, 10),
        Span("flapping", 10, 11),
        Span("flapping", 11, 12),
        Span("after-flapping", 12, 14),
        Span("spike", 14, 15),
        Span("after-spike", 15, math.inf),
    ]
    assert groups(found) == ["before", "spike", "after-spike", "flapping", "after-flapping"]
    assert disturbances(groups(found)) == ["spike", "flapping"]


@pytest.mark.parametrize(
    ("phases", "expected"),
    [
        ([("", 5), ("", None)], []),
        ([("a", None)], [Span("a", 0, math.inf)]),
        ([("a", 1), ("b", 2)], [Span("a", 0, 1), Span("b", 1, math.inf)]),
    ],
)
def test_without_quiet_time_there_is_no_aftermath(phases: list[tuple[str, float | None]], expected: list[Span]) -> None:
    """And without a name there is nothing to tell apart."""
    assert spans(plan(*phases)) == expected


def test_a_disturbance_is_drawn_as_one() -> None:
    """Its phases in a row are one stretch, those apart are several."""
    found = named_spans(plan(("", 5), ("a", 1), ("a", 1), ("", 2), ("a", 1), ("", None)))

    assert found == [Span("a", 5, 7), Span("a", 9, 10)]


def test_phases_without_names_are_shaded_where_they_differ() -> None:
    """By their number; where some have names, those are the disturbances; of one phase there is nothing to shade."""
    slow = {"latency": {"mean_s": 1.0}}
    text = {"phases": [{"duration_s": 5}, {"duration_s": 3, "profile": slow}, {"duration_s": 2}, {"profile": slow}]}

    assert shaded_spans(FaultPlan.model_validate(text)) == [Span("phase 2", 5, 8), Span("phase 4", 10, math.inf)]
    assert shaded_spans(plan(("", 5), ("a", 1), ("", None))) == [Span("a", 5, 6)]
    assert shaded_spans(FaultPlan()) == []


def test_requests_count_where_they_were_to_be_sent() -> None:
    """However late they were, and whenever they ended: so every arm has the same ones in each group."""
    found = spans(plan(("", 5), ("spike", 2), ("", None)))
    late = replace(OK, id=2, intended_s=4.99, sent_s=5.3, duration_s=3.0)
    rows = [OK, late, *(replace(OK, id=number, intended_s=at) for number, at in enumerate((5.0, 6.99, 7.0, 99.0), 3))]

    by_group = sort_rows(rows, found)

    assert {group: [row.id for row in each] for group, each in by_group.items()} == {
        "before": [1, 2],
        "spike": [3, 4],
        "after-spike": [5, 6],
    }


def test_a_summary_has_the_figures_of_each_group() -> None:
    """The whole dict of one group, and nothing where no phase has a name."""
    refused = replace(OK, id=2, intended_s=5.5, outcome="fast_fail", backend_calls=0, duration_s=0.0, status=503)
    answered = replace(OK, id=3, intended_s=6.0)
    arm = Measured("with", [OK, refused, answered], [], [], [])
    found = fold(arm, spans(plan(("", 5), ("spike", 2), ("", None))))

    assert found.phases is not None
    assert as_json(found.phases["spike"]) == {
        "requests": 2,
        "outcomes": {"ok": 1, "error": 0, "timeout": 0, "fast_fail": 1, "rejected": 0, "cancelled": 0},
        "success_rate": 0.5,
        "backend_calls": 1,
        "fast_fail_rate": 0.5,
        "timeout_rate": 0.0,
        "mean_response_s": 0.125,
        "in_flight_s": 0.25,
        "false_positives": {"fast_fails": 1},
    }
    assert found.phases["after-spike"].requests == 0
    assert found.runs[0].phases == found.phases
    assert "phases" not in as_json(fold(arm))


def test_every_figure_of_a_group_may_be_bounded() -> None:
    """The names that a scenario may use are those that a fold brings forth."""
    not_found = replace(OK, outcome="error", status=404)
    rows = [not_found, replace(not_found, id=2, intended_s=5.0)]
    found = fold(Measured("with", rows, [], [], []), spans(plan(("spike", 5), ("", None))))

    named = [name for name in figure_names(["spike", "after-spike"]) if name.startswith("phases.")]
    assert sorted(named) == sorted(paths(as_json(found.phases), "phases."))


def paths(figures: dict[str, Any], before: str) -> list[str]:
    found = []
    for name, value in figures.items():
        found += paths(value, f"{before}{name}.") if isinstance(value, dict) else [before + name]
    return found


def test_the_backend_shows_the_names() -> None:
    """A single endless phase keeps its name, too."""
    assert as_body(plan(("spike", None)))["phases"][0]["name"] == "spike"
    assert "phases" not in as_body(plan(("", None)))


HEAD = 'name = "mine"\ntitle = "Mine"\nload = [{ requests = 1, rate_per_s = 1 }]\n[arms.with]\n'
PHASES = '[faults]\nphases = [{ duration_s = 1 }, { name = "spike", duration_s = 1 }, {}]\n'


def test_a_bound_may_stand_on_a_phase() -> None:
    """The arm's own faults count, where it has some."""
    own = '[arms.own.faults]\nphases = [{ name = "mist" }]\n'
    bounds = "[expect.own]\n'phases.mist.requests'.min = 1\n[expect.with]\n'phases.after-spike.outcomes.ok'.min = 1"

    assert files.parse(HEAD + PHASES + own + bounds, "").expect["own"].keys() == {"phases.mist.requests"}


@pytest.mark.parametrize(
    ("faults", "path", "said"),
    [
        (
            PHASES,
            "phases.spkie.requests",
            "no phase 'spkie' (did you mean 'spike'?); allowed: before, spike, after-spike",
        ),
        (PHASES, "phases", "no phase ''; allowed: before, spike, after-spike"),
        ("", "phases.spike.requests", "no phase 'spike'; no phase of this arm's faults has a name"),
        (PHASES, "phases.spike.ok", "no such figure"),
        (PHASES, "phases.spike.request", "no such figure (did you mean 'phases.spike.requests'?)"),
    ],
)
def test_a_bound_on_an_unknown_phase_is_refused(faults: str, path: str, said: str) -> None:
    """Before anything runs, with the names there are."""
    with pytest.raises(WrongInputError) as raised:
        files.parse(f"{HEAD}{faults}[expect.with]\n'{path}'.max = 1", "mine.toml")

    assert str(raised.value).startswith(f"mine.toml: expect.with.{path}: {said}")


@pytest.mark.parametrize("name", ["before", "overall", "after-spike"])
def test_a_name_that_a_report_gives_is_refused(name: str) -> None:
    """A phase of that name could not be told from the quiet time, or from the whole."""
    with pytest.raises(WrongInputError, match=f"faults.phases: got the name '{name}'; allowed: any but"):
        files.parse(HEAD + PHASES.replace("spike", name), "mine.toml")


def test_a_name_is_short_and_plain() -> None:
    """It stands in figures' paths and in tables."""
    for name in ("An Outage", "a.b", "x" * 41):
        with pytest.raises(WrongInputError, match=r"faults.phases.1.name: got"):
            files.parse(HEAD + PHASES.replace("spike", name), "mine.toml")
