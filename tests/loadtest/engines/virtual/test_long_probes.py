"""Probes that take long, and half-opens in which nobody calls, in whole scenarios."""

from __future__ import annotations

import pytest

from loadtest.engines.virtual.simulate import simulate
from loadtest.scenario import files

LONG_CALLS = """
name = "long-calls"
title = "Sound calls of 70 s after an outage of 20 s"
[[load]]
requests = 400
rate_per_s = 1
[[faults.phases]]
duration_s = 20
profile = { error_rate = 1 }
[[faults.phases]]
profile = { latency = { mean_s = 70 } }
[arms.timeout]
timeout = { total_s = 120 }
[arms.endless]
timeout = { total_s = "none" }
"""
QUIET = """
name = "quiet"
title = "One failure, one good probe, a quiet minute, two calls 50 ms apart, then one a second"
load = [
    { requests = 1, rate_per_s = 1 },
    { requests = 1, rate_per_s = 1, pause_s = 31 },
    { requests = 2, rate_per_s = 20, pause_s = 65 },
    { requests = 5, rate_per_s = 1, pause_s = 1 },
]
faults = { sequence = "F", latency = { mean_s = 0.1 } }
[arms.consecutive]
breaker = { fail_max = 1, success_threshold = 2 }
[arms.rate]
breaker = { policy = "count_window", min_calls = 1, probe_success_rate = 1.0, probe_calls = 2 }
"""


@pytest.mark.parametrize(
    ("arm", "moves_s"),
    [
        ("timeout", [4, 34, 104]),
        # Without a timeout the probe is given up after 60 s, which opens, and closes when it has succeeded.
        ("endless", [4, 34, 94, 104, 104]),
    ],
)
def test_the_first_sound_probe_closes_however_long_it_takes(arm: str, moves_s: list[int]) -> None:
    """The trip at 4 s is the only one; nobody is refused once the probe has succeeded at 104 s."""
    run = simulate(files.parse(LONG_CALLS, "long.toml"), arm, 1)

    assert [round(change.at_s) for change in run.changes] == moves_s
    assert sum(row.outcome == "fast_fail" for row in run.rows) == 98


@pytest.mark.parametrize("arm", ["consecutive", "rate"])
def test_two_good_probes_close_whatever_the_pause_between_them(arm: str) -> None:
    """All succeed but the first, and the one that comes while the second probe is out."""
    run = simulate(files.parse(QUIET, "quiet.toml"), arm, 1)

    assert [row.outcome for row in run.rows] == ["error", "ok", "ok", "fast_fail", *["ok"] * 5]
