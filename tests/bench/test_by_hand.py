"""The model written by hand in SimPy and the client's own code on virtual time tell the same story."""

from __future__ import annotations

import pytest

from bench.by_hand import QueueModel, QueueSimulation
from bench.virtual import scenario_of
from loadtest.engines.virtual.simulate import simulate

# Requests, rate, workers, mean, spread, error rate, timeout, fail_max, reset_timeout.
QUIET = QueueModel(2000, 60.0, 10, 0.1, 0.05, 0.1, 1.0, 5, 5.0)
ROUGH = QueueModel(2000, 20.0, 3, 0.2, 0.3, 0.5, 0.5, 3, 2.0)


@pytest.mark.parametrize(("model", "seed"), [(QUIET, 1), (ROUGH, 1), (ROUGH, 2)])
def test_both_give_every_request_the_same_end(model: QueueModel, seed: int) -> None:
    """Outcome, state, duration, and what the backend would have answered."""
    pytest.importorskip("simpy", reason="SimPy is one of the peers of `make bench`")
    by_hand = {each.id: each for each in QueueSimulation(model, seed).run().ended}

    rows = simulate(scenario_of(model), "with", seed).rows

    assert len(rows) == len(by_hand) == model.requests
    for row in rows:
        other = by_hand[row.id]
        assert (row.outcome, row.state, row.would_have) == (other.outcome, other.state, other.would_have)
        assert row.duration_s == pytest.approx(other.duration_s, abs=1e-9)


def test_the_rough_model_has_everything_in_it() -> None:
    """Or the comparison would not reach far."""
    pytest.importorskip("simpy", reason="SimPy is one of the peers of `make bench`")

    found = QueueSimulation(ROUGH, 1).run()

    assert min(found.outcomes[outcome] for outcome in ("ok", "error", "timeout", "fast_fail")) > 10
    assert {each.state for each in found.ended} == {"closed", "open", "half-open"}
