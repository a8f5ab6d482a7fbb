"""Where the recorded calls and the rebuilt pattern agree, and what is said where they do not."""

from __future__ import annotations

import pytest

from loadtest.studies.tune.problem import TuneOptions, read_problem
from loadtest.studies.tune.recorded import Agreement, RecordedCalls
from loadtest.studies.tune.search import DEFAULT, JUDGE


def agreement(recorded: float, rebuilt: float, half: float = 0.0, most_lost: float = 0.1) -> Agreement:
    return Agreement(JUDGE, recorded, rebuilt, 2.0, (rebuilt - half, rebuilt + half), most_lost)


@pytest.mark.parametrize(
    ("found", "holds"),
    [
        (agreement(0.05, 0.05), True),
        (agreement(0.059, 0.05), True),
        (agreement(0.061, 0.05), False),
        (agreement(0.039, 0.05), False),
        (agreement(0.085, 0.05, half=0.03), True),
        (agreement(0.33, 0.025, half=0.05), False),
        (agreement(0.101, 0.099, half=0.05), False),
        (agreement(0.5, 0.45, half=0.1), True),
    ],
    ids=["same", "near", "too many", "too few", "chance", "blips", "over the limit alone", "both over the limit"],
)
def test_they_agree_within_chance_and_a_percentage_point(found: Agreement, holds: bool) -> None:
    """And where only one of them says that too much is lost, they do not."""
    assert found.holds is holds


def test_a_scenario_has_no_recorded_calls(scenario_calls: RecordedCalls) -> None:
    assert scenario_calls.parts == ()
    assert scenario_calls.objections(DEFAULT) == []
    assert scenario_calls.disagreements(DEFAULT) == []
    with pytest.raises(ValueError, match="no recorded calls"):
        scenario_calls.replay("whole", DEFAULT)


@pytest.fixture
def scenario_calls() -> RecordedCalls:
    return RecordedCalls(read_problem("policies", None, TuneOptions()), {})
