"""The adaptive policy as a controller: what it comes to under spikes, outages and everyday errors."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import pytest

from client.breakers.interface import Intervention, NoBreakerError, Permit, Refusal
from tests.client.breakers.breaker_lab import CLOSED, FAILURE, OPEN, SUCCESS, Lab

if TYPE_CHECKING:
    from collections.abc import Callable


class Traffic:
    """Calls at a steady rate over a backend whose error rate the test sets."""

    def __init__(self, rate_per_s: float = 50, **settings: Any) -> None:
        self.lab = Lab(policy="adaptive", seed=1, **settings)
        self.step_s = 1 / rate_per_s
        self.fate = random.Random(2).random  # noqa: S311
        self.refused: list[bool] = []

    def run(self, seconds: float, error_rate: float) -> list[float]:
        """Return the share that the breaker meant to refuse, second by second."""
        shares = []
        for number in range(round(seconds / self.step_s)):
            self.lab.wait(self.step_s)
            answer = self.lab.ask()
            self.refused.append(isinstance(answer, Refusal))
            if isinstance(answer, Permit):
                self.lab.report(answer, FAILURE if self.fate() < error_rate else SUCCESS)
            if number % round(1 / self.step_s) == 0:
                shares.append(1 - self.lab.details["let_through"])
        return shares


def mean(values: list[float] | list[bool]) -> float:
    return sum(values) / len(values)


def test_a_spike_of_a_fifth_settles_at_a_quarter() -> None:
    """20 % more errors than usual: r = 0.2 / 0.8, of the share and of the calls; never anywhere near an outage."""
    traffic = Traffic(usual_error_rate=0)
    shares = traffic.run(120, 0.2)

    settled = traffic.refused[20 * 50 :]
    assert (mean(shares[20:]), mean(settled)) == (pytest.approx(0.25, abs=0.06), pytest.approx(0.25, abs=0.06))
    assert max(shares) < 0.6
    assert max(mean(settled[start : start + 50]) for start in range(0, len(settled), 50)) < 0.8


def test_an_outage_is_left_alone_but_for_its_probes_and_ends() -> None:
    """Within a window's length the share is max_refused, and stays; after the end all calls pass again."""
    traffic = Traffic(max_refused=0.9)
    outage = traffic.run(60, 1)
    calls_at_the_end = traffic.refused[-50:].count(False)
    recovery = traffic.run(60, 0)

    assert outage[12:] == [pytest.approx(0.9)] * len(outage[12:])
    assert 0 < calls_at_the_end < 15
    assert recovery[25:] == [0.0] * len(recovery[25:])
    assert traffic.lab.breaker.shared_permit is not None


def test_errors_that_are_usual_are_not_refused_for_ever() -> None:
    """15 % since always: refused at first, hardly any more after three time constants of learning."""
    traffic = Traffic(20, usual_error_rate=0.01, usual_s=60)
    shares = traffic.run(300, 0.15)

    assert (max(shares[:60]) > 0.1, mean(shares[-60:]) < 0.05) == (True, True)
    assert traffic.lab.details["usual_error_rate_seen"] == pytest.approx(0.15, abs=0.04)


def test_a_better_backend_becomes_usual_ten_times_faster() -> None:
    """One step with a full window: up by 1 / usual_s of the way, down by 10 / usual_s."""
    usual = []
    for verdicts in ("F" * 30 + "S" * 70, "F" * 10 + "S" * 90):
        lab = Lab(policy="adaptive", usual_error_rate=0.2, usual_s=1000, min_calls=1, window_s=10)
        lab.calls(verdicts)
        lab.wait(1)
        usual.append(lab.details["usual_error_rate_seen"])

    assert usual == [pytest.approx(0.2 + 0.1 / 1000, rel=1e-4), pytest.approx(0.2 - 0.1 / 100, rel=2e-3)]


def share_after(verdicts: str, **settings: Any) -> float:
    lab = Lab(policy="adaptive", usual_error_rate=0, **settings)
    lab.calls(verdicts)
    lab.wait(1)
    return 1 - float(lab.details["let_through"])


def test_a_step_goes_a_part_of_the_way() -> None:
    """Half of the calls failed, ten are doubted: seen 50 / 110, and gain 0.5 of that in the first step."""
    assert share_after("F" * 50 + "S" * 50, min_calls=10) == pytest.approx(0.5 * 50 / 110)
    assert share_after("F" * 50 + "S" * 50, min_calls=10, adaptive_gain=1) == pytest.approx(50 / 110)


def test_a_rate_below_the_usual_one_is_no_more_than_none_above_it() -> None:
    """Half the share goes with each step, not more, however well the backend does meanwhile."""
    lab = Lab(policy="adaptive", usual_error_rate=0.5, min_calls=1)
    permit = lab.admit()
    for verdict in (FAILURE, SUCCESS):
        for _ in range(500):
            lab.report(permit, verdict)
        lab.wait(1)
        lab.report(permit, SUCCESS)
        before = 1 - lab.details["let_through"]
    for _ in range(2000):
        lab.report(permit, SUCCESS)
    lab.wait(1)

    assert before > 0.1
    assert 1 - lab.details["let_through"] == pytest.approx(before / 2)


def test_the_window_that_is_shown_is_that_of_the_moment() -> None:
    """Steps are due a quarter of a second after the buckets end; who looks in between sees what is still in them."""
    lab = Lab(policy="adaptive", window_s=10)
    lab.wait(0.25)
    lab.breaker.force(CLOSED, lab.now, Intervention.OPENED)
    lab.calls("F")
    seen = []
    for now in (9.5, 10):
        lab.now = now
        seen.append((lab.details["window"]["calls"], lab.breaker.fail_count))

    assert seen == [(1, 1), (0, 1)]


def test_few_calls_are_believed_less() -> None:
    """One failure, its only call, against twenty doubted ones is next to nothing; of a thousand all are believed."""
    assert [share_after("F" * count, adaptive_gain=1, max_refused=0.99) for count in (1, 20, 980)] == [
        pytest.approx(1 / 21),
        pytest.approx(20 / 40),
        pytest.approx(980 / 1000),
    ]


def test_a_share_that_is_next_to_nothing_is_nothing() -> None:
    """It would halve for ever, and everybody would have to ask."""
    lab = Lab(policy="adaptive", usual_error_rate=0, min_calls=1, seed=1)
    lab.calls("F" * 9)
    shares = []
    for _ in range(24):
        lab.wait(1)
        shares.append(1 - lab.details["let_through"])

    halved = [now for now, before in zip(shares[11:], shares[10:], strict=False) if now]
    assert halved == [pytest.approx(shares[10] / 2**times) for times in range(1, len(halved) + 1)]
    assert (min(halved) > 1e-3, shares[-1], lab.breaker.shared_permit is not None) == (True, 0.0, True)


@pytest.mark.parametrize("silence_s", [100, 100_000, 1e12])
def test_after_a_long_silence_the_past_is_past(silence_s: float) -> None:
    """Nobody called for a time: the next one is let through, what was seen before it was learnt, and it is quick."""
    lab = Lab(policy="adaptive", usual_error_rate=0, min_calls=1, usual_s=100)
    lab.calls("FSSSS" * 10)
    lab.wait(silence_s)
    details = lab.details

    assert (details["window"], details["let_through"]) == ({"calls": 0, "failures": 0}, 1.0)
    # Nine steps of a hundredth of the way, of 50 calls against one that is doubted; at the tenth they are gone.
    assert details["usual_error_rate_seen"] == pytest.approx(0.2 * (1 - (1 - 50 / 51 / 100) ** 9), rel=1e-2)


def test_who_looks_changes_nothing() -> None:
    """A dashboard that reads the snapshot all the time sees what one sees that reads it at the end."""

    def run(look: Callable[[Lab], Any]) -> dict[str, Any]:
        lab = Lab(policy="adaptive", seed=1, window_s=10)
        lab.wait(0.25)
        lab.calls("FFFFSF")
        for _ in range(40):
            lab.wait(0.25)
            look(lab)
        return lab.details

    assert run(lambda lab: lab.details) == run(lambda _: None)


def test_forgetting_by_hand() -> None:
    """Back to the first guess at what is usual; results of before are late; there is nothing to open."""
    lab = Lab(policy="adaptive", seed=1, usual_error_rate=0.1)
    lab.calls("F" * 50)
    before = lab.admit()
    lab.wait(1)
    refusing = lab.details["let_through"] < 1
    lab.breaker.force(CLOSED, lab.now, Intervention.OPENED)
    lab.report(before, FAILURE)
    with pytest.raises(NoBreakerError, match="the current policy is 'adaptive', which never opens"):
        lab.breaker.force(OPEN, lab.now, Intervention.OPENED)

    assert (refusing, before.generation, lab.admit().generation) == (True, 0, 1)
    assert (lab.breaker.since, lab.breaker.fail_count, lab.breaker.shared_permit is not None) == (1.0, 0, True)
    assert lab.details == {
        "fail_count": 0,
        "window": {"calls": 0, "failures": 0},
        "usual_error_rate_seen": 0.1,
        "let_through": 1.0,
        "late_results": 1,
    }


def test_a_refusal_says_that_a_share_is_refused() -> None:
    """Closed all the time, and nobody knows when to come back: at once, with luck."""
    lab = Lab(policy="adaptive", seed=1, min_calls=1, adaptive_gain=1)
    lab.calls("F" * 50)
    lab.wait(1)
    lab.calls("F")

    assert lab.refuse() == Refusal(CLOSED, "share refused", 0.0, 0.0)
    assert lab.transitions == []
