"""Fault plans: phases, and their form as JSON."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backend.profile import FaultPlan, FaultProfile, as_body, changed_body, plan_from
from inputs.wrong_input import WrongInputError

LATENCIES = st.one_of(
    st.builds(dict, mean_s=st.floats(0, 3600)),
    st.builds(dict, distribution=st.just("exponential"), mean_s=st.floats(0, 3600)),
    st.builds(dict, distribution=st.just("uniform"), mean_s=st.just(2.0), spread_s=st.floats(0, 2 / math.sqrt(3))),
    st.builds(dict, distribution=st.just("lognormal"), mean_s=st.floats(1, 3600), spread_s=st.floats(0, 1000)),
)
ERRORS = st.one_of(
    st.builds(dict, error_rate=st.floats(0, 1), error_status=st.integers(400, 599)),
    st.builds(dict, sequence=st.text("SF", min_size=1)),
    st.builds(dict, bursts=st.builds(dict, rate=st.floats(0, 0.5), mean_length=st.floats(2, 1000))),
    st.builds(dict, exact_ratio=st.builds(dict, failures=st.integers(0, 5), of=st.integers(5, 1000))),
)
PROFILES = st.builds(
    lambda errors, latency, hang_rate, capacity: {
        **errors,
        "latency": latency,
        "hang_rate": hang_rate,
        "capacity": capacity,
    },
    ERRORS,
    LATENCIES,
    st.floats(0, 1),
    st.none() | st.builds(dict, workers=st.integers(1, 10_000), queue=st.integers(0, 1_000_000)),
)
PHASES = st.lists(st.builds(dict, duration_s=st.floats(0.001, 1e6), profile=PROFILES), min_size=1, max_size=4)


@settings(max_examples=50)
@given(st.one_of(PROFILES, st.builds(dict, phases=PHASES)), st.integers(0, 2**63 - 1))
def test_a_plan_survives_the_way_through_json(body: dict[str, Any], seed: int) -> None:
    """What GET /faults says can be PUT back, and means the same."""
    plan = plan_from({**body, "seed": seed})

    assert plan_from(as_body(plan)) == plan


def test_phases_change_at_their_boundaries() -> None:
    """A phase begins at the very moment at which the one before it ends, and the last one lasts."""
    plan = FaultPlan.model_validate(
        {
            "phases": [
                {"duration_s": 10, "profile": {"error_rate": 0.1}},
                {"duration_s": 5, "profile": {"error_rate": 0.2}},
                {"duration_s": 1, "profile": {"error_rate": 0.3}},
            ]
        }
    )

    assert [plan.profile_at(at).error_rate for at in (0, 9.999, 10, 14.999, 15, 16, 1e9)] == [
        0.1,
        0.1,
        0.2,
        0.2,
        0.3,
        0.3,
        0.3,
    ]


def test_a_plan_without_phases_is_one_that_lasts() -> None:
    """The short form and its meaning."""
    assert plan_from({"seed": 3, "error_rate": 0.3}) == FaultPlan.model_validate(
        {"seed": 3, "phases": [{"profile": {"error_rate": 0.3}}]}
    )


def test_a_change_is_laid_over_the_plan_key_by_key() -> None:
    """PATCH keeps what it does not name, in nested objects too; phases take the place of a single profile."""
    old = as_body(plan_from({"seed": 3, "error_rate": 0.3, "latency": {"mean_s": 0.5}}))

    assert plan_from(changed_body(old, {"latency": {"distribution": "exponential"}})) == plan_from(
        {"seed": 3, "error_rate": 0.3, "latency": {"distribution": "exponential", "mean_s": 0.5}}
    )
    assert plan_from(changed_body(old, {"phases": [{"profile": {"error_rate": 0.1}}]})) == plan_from(
        {"seed": 3, "error_rate": 0.1}
    )


def test_a_plan_of_phases_keeps_them_when_its_seed_is_changed() -> None:
    """The seed is the plan's own, above its phases."""
    body = {"phases": [{"duration_s": 1, "profile": {"error_rate": 0.1}}, {"profile": {"error_rate": 0.2}}]}

    assert plan_from(changed_body(as_body(plan_from(body)), {"seed": 9})) == plan_from({**body, "seed": 9})


def test_a_profile_cannot_be_changed_where_phases_are_in_force() -> None:
    """Which of the phases would be meant is not guessed."""
    old = as_body(plan_from({"phases": [{"duration_s": 1}, {}]}))

    with pytest.raises(
        WrongInputError, match=r"^error_rate: the current plan has phases; use PUT /faults to replace it$"
    ):
        changed_body(old, {"error_rate": 0.3})


@pytest.mark.parametrize(
    "latency",
    [
        {"distribution": "uniform", "mean_s": 1.0, "spread_s": 1 / math.sqrt(3)},
        {"distribution": "lognormal", "mean_s": 0.001, "spread_s": 1.0},
        {"distribution": "exponential", "mean_s": 0.5, "spread_s": 0.5},
        {"distribution": "constant", "mean_s": 0.5, "spread_s": 0},
    ],
    ids=["uniform", "lognormal", "exponential", "constant"],
)
def test_a_spread_may_reach_its_limit(latency: dict[str, Any]) -> None:
    """The bound itself is allowed."""
    assert FaultProfile.model_validate({"latency": latency}).latency.spread_s == latency["spread_s"]


def test_too_many_phases_are_one_mistake() -> None:
    """However many they are, and whatever is wrong with each."""
    with pytest.raises(WrongInputError) as caught:
        plan_from({"phases": [{"x": 1}] * 30_000})

    assert str(caught.value).endswith("; allowed: at most 1,000 phases, not 30,000")
    assert [each["field"] for each in caught.value.problems] == ["phases"]
