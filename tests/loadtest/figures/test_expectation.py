"""A summary held against what its scenario expects."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from client.pipeline.call import Outcome
from inputs.wrong_input import WrongInputError
from loadtest.figures.expectation import check_expectations
from loadtest.figures.summary import fold
from loadtest.records.measured import Measured
from loadtest.records.rows import Row, StateChange
from loadtest.records.shapes import as_json
from loadtest.records.summary import Check
from loadtest.scenario import files
from loadtest.scenario.arm_figures import figure_names

OK = Row("with", 1, 1, 0.0, 0.0, 0.25, 200, "ok", "fresh", "closed", 0, 1, 1, "ok")
ERROR = replace(OK, status=502, outcome="error", would_have="error")
REFUSED = replace(OK, status=503, outcome="fast_fail", state="open", backend_calls=0, would_have="error")
CHANGES = [
    StateChange("with", 1, 1.0, "closed", "open", "because", 5),
    StateChange("with", 1, 2.0, "open", "half-open", "because", 5),
    StateChange("with", 1, 3.0, "half-open", "closed", "because", 0),
]
WITH = Measured("with", [*[OK] * 9, *[ERROR] * 7, *[REFUSED] * 4], CHANGES, [], [])


def of_seeds(*successes: int) -> Measured:
    """Return an arm of which 10 requests were sent with each seed, as many answered as is said."""
    rows = [
        replace(OK if number < count else ERROR, seed=seed, id=number)
        for seed, count in enumerate(successes, 1)
        for number in range(10)
    ]
    return Measured("with", rows, [], [], [])


HEAD = 'name = "mine"\ntitle = "Mine"\nload = [{ requests = 1, rate_per_s = 1 }]\n[arms.with]\n[arms.without]\n'


@pytest.mark.parametrize(
    ("line", "check"),
    [
        ("requests = { min = 20, max = 20 }", Check("requests = 20", ok=True, detail="measured 20")),
        ("requests.min = 21", Check("requests >= 21", ok=False, detail="measured 20")),
        ("requests.max = 19.5", Check("requests <= 19.5", ok=False, detail="measured 20")),
        ("requests = { min = 21, max = 30 }", Check("requests from 21 to 30", ok=False, detail="measured 20")),
        ("requests = { min = 1, max = 19 }", Check("requests from 1 to 19", ok=False, detail="measured 20")),
        ("success_rate.min = 0.45", Check("success_rate >= 0.45", ok=True, detail="measured 0.45")),
        ('"outcomes.ok".max = 9', Check("outcomes.ok <= 9", ok=True, detail="measured 9")),
        ("transitions = { min = 3, max = 3 }", Check("transitions = 3", ok=True, detail="measured 3")),
        ("transitions.max = 2", Check("transitions <= 2", ok=False, detail="measured 3")),
        ('"latency_s.ok.p50".max = 1', Check("latency_s.ok.p50 <= 1", ok=True, detail="measured 0.25")),
        *(
            (f'"{path}".max = 1', Check(f"{path} <= 1", ok=False, detail="there is no such figure in this run"))
            for path in ("latency_s.timeout.p50", "recovery_delay_s")
        ),
    ],
)
def test_a_figure_is_held_against_its_bound(line: str, check: Check) -> None:
    """Met at the bound itself, broken beyond it on either side; a figure that did not occur breaks every bound."""
    found = files.parse(f"{HEAD}[expect.with]\n{line}", "")

    expected = replace(check, name=f"expected of with: {check.name}")
    assert check_expectations(found, [Measured("without", [], [], [], []), WITH]) == [expected]


@pytest.mark.parametrize(
    ("path", "closest"),
    [
        ("request", " (did you mean 'requests'?)"),
        ("requests.", " (did you mean 'requests'?)"),
        ("outcomes", " (did you mean 'outcomes.ok'?)"),
        ("outcomes.ok.p50", " (did you mean 'outcomes.ok'?)"),
        ("latency_s.fastfail.p95", " (did you mean 'latency_s.fast_fail.p95'?)"),
        ("latency_s.ok.p98", " (did you mean 'latency_s.ok.p99'?)"),
        ("runs", ""),
        ("odd", ""),
    ],
)
def test_an_unknown_figure_is_refused_before_anything_runs(path: str, closest: str) -> None:
    """A misspelt figure ends the reading of the file; groups and lists of figures are no figures."""
    with pytest.raises(WrongInputError) as raised:
        files.parse(f'{HEAD}[expect.with]\n"{path}".max = 1', "mine.toml")

    assert [problem["detail"] for problem in raised.value.problems] == [
        f"mine.toml: expect.with.{path}: no such figure{closest}"
    ]


def test_every_figure_of_a_summary_may_be_bounded() -> None:
    """The names that a scenario may use are those that a fold brings forth, with every outcome and a 4xx."""
    rows = [Row("with", 1, n, 0, 0, 1, 404, name, "fresh", "closed", 0, 1, 1, "ok") for n, name in enumerate(Outcome)]

    assert sorted(figure_names()) == sorted(paths(as_json(fold(Measured("with", rows, [], [], [])))))


def paths(figures: dict[str, Any], before: str = "") -> list[str]:
    """Return the dotted path of every figure; the runs have the same ones seed by seed."""
    found = []
    for name, value in figures.items():
        found += paths(value, f"{before}{name}.") if isinstance(value, dict) else [before + name]
    return [path for path in found if path != "runs"]


@pytest.mark.parametrize(
    ("successes", "ok", "detail"),
    [
        ((6, 5), True, "seed 1: measured 6; seed 2: measured 5"),
        ((6, 4, 9, 3), False, "seed 2: measured 4; seed 4: measured 3"),
        (
            (4,) * 8,
            False,
            "; ".join([*(f"seed {seed}: measured 4" for seed in range(1, 6)), "and 3 more seeds"]),
        ),
        ((), False, "nothing was measured"),
    ],
)
def test_a_bound_has_to_hold_with_every_seed(successes: tuple[int, ...], ok: bool, detail: str) -> None:
    """Each seed is a run of its own; those that break the bound are named, the first five of them."""
    found = files.parse(f"{HEAD}[expect.with]\n'outcomes.ok'.min = 5", "")

    assert check_expectations(found, [of_seeds(*successes)]) == [
        Check("expected of with: outcomes.ok >= 5", ok=ok, detail=detail)
    ]


def test_bounds_are_checked_in_the_order_of_the_run_and_of_the_file() -> None:
    """An arm that was left out with --arm is not held against anything."""
    bounds = "[expect.without]\nrequests.min = 1\n[expect.with]\nrequests.min = 1\n'outcomes.ok'.min = 1"
    found = files.parse(HEAD + bounds, "")

    assert [check.name for check in check_expectations(found, [WITH])] == [
        "expected of with: requests >= 1",
        "expected of with: outcomes.ok >= 1",
    ]
    assert len(check_expectations(found, [replace(WITH, arm="without"), WITH])) == 3
