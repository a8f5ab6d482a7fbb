"""A policy that is tried beside another one or alone, and the two that decide nothing: off and forced open."""

from __future__ import annotations

from dataclasses import asdict

import pytest

from client.breakers.interface import Intervention, NoBreakerError, Refusal, Transition
from tests.client.breakers.breaker_lab import CLOSED, FAILURE, HALF_OPEN, NEUTRAL, OPEN, SUCCESS, Lab


def test_off_lets_everything_through() -> None:
    """No breaker: a hundred failures, no transition, and nothing to set by hand."""
    lab = Lab(policy="off", fail_max=1)

    seen = lab.calls("F" * 100)
    for state in (OPEN, CLOSED):
        with pytest.raises(NoBreakerError, match="the policy is 'off': there is no breaker to set"):
            lab.breaker.force(state, lab.now, Intervention.OPENED)

    assert (seen, lab.transitions, lab.details) == ([(CLOSED, 0)] * 100, [], {})
    assert lab.breaker.shared_permit is lab.breaker.admit(lab.now)


def test_forced_open_refuses_everything() -> None:
    """From its first moment, for ever, and by hand it cannot be closed; callers are asked to come back later."""
    lab = Lab(policy="forced_open", reset_timeout=7)
    seen = [lab.refuse()]
    lab.wait(100_000)
    seen.append(lab.refuse())
    for state in (OPEN, CLOSED):
        with pytest.raises(NoBreakerError, match="stays open: the current policy is 'forced_open'; change the policy"):
            lab.breaker.force(state, lab.now, Intervention.OPENED)

    assert seen == [Refusal(OPEN, "forced open", 7.0, 0.0)] * 2
    assert (lab.breaker.state, lab.details) == (OPEN, {"retry_after_s": 7.0, "let_through": 0.0})


def test_a_tried_policy_refuses_nobody_and_says_whom_it_would_have_refused() -> None:
    """Alone: every call is made. What it would have refused is counted by the result that the call then had."""
    lab = Lab(policy="shadow", fail_max=2, reset_timeout=10)

    seen = lab.calls("FF" + "SSSFN")
    lab.wait(10)
    seen += lab.calls("S")
    lab.wait(2)

    assert seen == [(CLOSED, 0)] * 8
    assert (lab.transitions, lab.details) == (
        [],
        {
            "shadow_report": {
                "policy": "consecutive",
                "state": "closed",
                "in_state_s": 2.0,
                "fail_count": 0,
                "would_refuse": 5,
                "would_refuse_by_result": {"success": 3, "failure": 1, "neutral": 1},
                "transitions": [
                    asdict(each)
                    for each in (
                        Transition(0.0, CLOSED, OPEN, "fail_max reached", 2),
                        Transition(10.0, OPEN, HALF_OPEN, "reset_timeout elapsed", 2),
                        Transition(10.0, HALF_OPEN, CLOSED, "probe succeeded", 0),
                    )
                ],
                "retry_after_s": 0.0,
                "open_for_s": 0.0,
                "probes_out": 0,
                "probe_successes": 0,
                "late_results": 0,
                "let_through": 1.0,
            }
        },
    )


def test_beside_another_policy_only_the_one_in_charge_refuses() -> None:
    """The tried one trips first, and hides nothing; when the other opens, the tried one is not asked any more."""
    lab = Lab(fail_max=4, reset_timeout=10, shadow={"policy": "count_window", "min_calls": 3, "failure_rate": 0.6})

    seen = lab.calls("FSFF" + "FF")
    refused = [lab.refuse(), lab.refuse()]
    report = lab.details["shadow_report"]

    assert seen == [(CLOSED, 1), (CLOSED, 0), (CLOSED, 1), (CLOSED, 2), (CLOSED, 3), (OPEN, 4)]
    assert refused == [Refusal(OPEN, "open", 10.0, 0.0)] * 2
    assert [lab.story, [(each["at"], each["cause"]) for each in report["transitions"]]] == [
        [(0.0, OPEN, "fail_max reached")],
        [(0.0, "failure rate 67%: 2 of 3 calls")],
    ]
    assert (report["would_refuse"], report["state"], report["window"]["calls"]) == (3, "open", 3)
    assert lab.details["retry_after_s"] == 10.0  # of the one in charge


def test_both_policies_are_told_of_retry_after() -> None:
    """Each opens for as long as the backend asks, up to its own cap."""
    honour = {"fail_max": 1, "reset_timeout": 10, "honour_retry_after": True}
    lab = Lab(**honour, open_max_s=60, shadow={**honour, "open_max_s": 30})
    lab.calls("F", retry_after_s=45)

    assert (lab.details["open_for_s"], lab.details["shadow_report"]["open_for_s"]) == (45, 30)


def test_calls_under_way_are_judged_when_they_end() -> None:
    """Let through by both, refused by the tried one: the answer is that of the moment of asking."""
    lab = Lab(policy="shadow", fail_max=1, reset_timeout=10)
    early, tripping = lab.admit(), lab.admit()
    lab.report(tripping, FAILURE)
    would_be_refused = lab.admit()
    lab.report(early, SUCCESS)
    counts = [lab.details["shadow_report"]["would_refuse"]]
    lab.report(would_be_refused, NEUTRAL)
    counts.append(lab.details["shadow_report"]["would_refuse"])

    assert counts == [0, 1]
    assert lab.details["shadow_report"]["late_results"] == 1  # of the early one


def test_setting_by_hand_sets_the_one_in_charge() -> None:
    """Closing resets the tried one, too; where nobody is in charge there is nothing to open."""
    lab = Lab(fail_max=5, shadow={"fail_max": 1})
    lab.calls("F")
    lab.breaker.force(OPEN, lab.now, Intervention.OPENED)
    opened = lab.breaker.state, lab.breaker.fail_count, lab.breaker.since
    lab.wait(1)
    lab.breaker.force(CLOSED, lab.now, Intervention.OPENED)
    alone = Lab(policy="shadow")
    with pytest.raises(NoBreakerError, match="the policy is 'shadow'"):
        alone.breaker.force(OPEN, lab.now, Intervention.OPENED)

    assert (opened, lab.breaker.state, lab.breaker.since) == ((OPEN, 0, 0.0), CLOSED, 1.0)
    assert lab.details["shadow_report"]["state"] == "closed"


def test_a_permit_of_another_breaker_is_a_defect_of_the_caller() -> None:
    """Said at once, rather than counted for one of the two."""
    with pytest.raises(TypeError, match="not a permit of this breaker"):
        Lab(policy="shadow").report(Lab().admit(), SUCCESS)
