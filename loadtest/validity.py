"""Can this run be believed? Each check has a name, a verdict and its figures."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from loadtest.scenario import Scenario
    from loadtest.summary import Measured

# A request that leaves later than this is no longer the load that was asked for.
LATE_S = 0.05


class Check(NamedTuple):
    """One check: `detail` says what was compared, in figures."""

    name: str
    ok: bool
    detail: str


def check_run(scenario: Scenario, manifest: dict[str, Any], arms: Sequence[Measured]) -> list[Check]:
    """Return every check of a run."""
    checks = [_complete(manifest, arms)]
    for arm in arms:
        if arm.records:  # what was cut off has no books to compare
            ended = arm.of_seeds({record.seed for record in arm.records})
            checks += [_conserved(ended), _same_calls(ended), _transitions(ended)]
        checks += [_known(arm), _quiet_while_open(arm)]
        if manifest["engine"] == "live":
            checks.append(_on_time(arm))
    compared = [arm.arm for arm in arms if scenario.baseline]
    if len(compared) > 1:
        checks.append(_same_weather(manifest, compared))
    return checks


def _complete(manifest: dict[str, Any], arms: Sequence[Measured]) -> Check:
    asked = len(manifest["arms"]) * len(manifest["seeds"])
    ended = sum(len(arm.records) for arm in arms)
    ok = bool(manifest["complete"]) and asked == ended
    return Check("the run is complete", ok, f"{ended} of {asked} arms x seeds ran to their end")


def _conserved(arm: Measured) -> Check:
    planned = sum(record.planned for record in arm.records)
    client = sum(record.client_requests for record in arm.records)
    ok = planned == len(arm.rows) == client
    detail = f"planned {planned}, rows {len(arm.rows)}, counted by the client {client}"
    return Check(f"{arm.arm}: every request has one outcome", ok, detail)


def _same_calls(arm: Measured) -> Check:
    in_rows = sum(row.backend_calls for row in arm.rows)
    client = sum(record.client_backend_calls for record in arm.records)
    backend = sum(record.backend_received for record in arm.records)
    detail = f"rows {in_rows}, client {client}, backend {backend}"
    return Check(f"{arm.arm}: client and backend count the same calls", in_rows == client == backend, detail)


def _known(arm: Measured) -> Check:
    lost = sum(row.status == 0 for row in arm.rows)
    return Check(f"{arm.arm}: every request was answered by the client", lost == 0, f"{lost} without an answer")


def _quiet_while_open(arm: Measured) -> Check:
    """No refusal reached the backend, and the backend's own counter stood still between samples in one opening."""
    leaked = sum(row.backend_calls for row in arm.rows if row.outcome == "fast_fail")
    moved = pairs = 0
    for seed in arm.seeds:
        samples = [sample for sample in arm.samples if sample.seed == seed]
        changes = [change.at_s for change in arm.changes if change.seed == seed]
        for first, second in pairwise(samples):
            changed = any(first.at_s <= at <= second.at_s for at in changes)
            if first.state == second.state == "open" and not changed:
                pairs += 1
                moved += second.backend_received - first.backend_received
    detail = f"{leaked} backend calls by refused requests; backend's counter moved by {moved} over {pairs} intervals"
    return Check(f"{arm.arm}: no backend calls while open", leaked == 0 and moved == 0, detail)


def _transitions(arm: Measured) -> Check:
    seen = sum(record.transitions_seen for record in arm.records)
    made = sum(record.transitions_made for record in arm.records)
    return Check(f"{arm.arm}: every transition was recorded", seen == made, f"recorded {seen}, made {made}")


def _on_time(arm: Measured) -> Check:
    late = [row.sent_s - row.intended_s for row in arm.rows]
    worst, p99 = (max(late), float(np.quantile(late, 0.99))) if late else (0.0, 0.0)
    detail = f"99 % sent within {1e3 * p99:.1f} ms, the latest {1e3 * worst:.1f} ms; allowed {1e3 * LATE_S:g} ms"
    return Check(f"{arm.arm}: the load kept to its schedule", p99 <= LATE_S, detail)


def _same_weather(manifest: dict[str, Any], arms: Sequence[str]) -> Check:
    different = [seed for seed in manifest["seeds"] if len({manifest["weather"][f"{arm}/{seed}"] for arm in arms}) > 1]
    detail = (
        f"weather hashes differ for seeds {different}"
        if different
        else f"{len(manifest['seeds'])} seed(s), equal hashes"
    )
    return Check("all arms met the same weather", not different, detail)
