"""Can you trust this run? Each check has a name, a verdict and its figures."""

from __future__ import annotations

import math
from collections import Counter
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from client.breakers.interface import OUT_OF_REACH, State
from client.pipeline.call import Outcome
from client.pipeline.loop_lag import allowed_lag_s
from loadtest.figures.comparison import LEAST_RUNS, is_clear
from loadtest.figures.no_refusal import explain_no_refusal
from loadtest.records.summary import Check

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from loadtest.records.comparison import Comparison, PairedFigure
    from loadtest.records.manifest import Manifest
    from loadtest.records.measured import Measured
    from loadtest.records.rows import StateChange
    from loadtest.scenario.model import Scenario

# Samples come four times a second.
GAP_S = 1.5
# A busy machine sends late. A little is worth a word; much is no longer the load that was asked for.
LATE_S = 0.05
MISSED_S = 0.25
STOOD_STILL_S = 0.25
# What a comparison is read for, and the number of runs that nobody makes.
CLAIMED = ("success_rate", "mean_response_s", "in_flight_s", "backend_calls")
MOST_RUNS = 10_000


def check_run(scenario: Scenario, manifest: Manifest, arms: Sequence[Measured]) -> list[Check]:
    """Return every check of a run."""
    checks = [_check_completeness(manifest, arms)]
    explained = _explain_idle_arms(scenario, manifest, arms)
    for arm in arms:
        if arm.records:  # what was cut off has no books to compare
            ended = arm.of_seeds({record.seed for record in arm.records})
            checks += [
                _check_conservation(ended),
                _check_outcomes(ended),
                _check_calls(ended),
                _check_transitions(ended),
            ]
            checks += [_check_interference(ended), _check_samples(ended)] if manifest.engine == "live" else []
        checks += [_check_answers(arm), _check_refusals(arm)]
        checks += [_tell_why_nothing_opened(arm.arm, explained[arm.arm])] if arm.arm in explained else []
        if manifest.engine == "live":
            checks += [_check_schedule(arm), *_check_loop(scenario, arm)]
    if scenario.baseline is not None:
        checks.append(_check_weather(manifest, scenario.baseline, arms))
        checks += _check_differences(
            scenario,
            comparable_arms(manifest, scenario.baseline),
            arms if manifest.complete else _ended_together(arms),
            explained,
        )
    return checks


def _explain_idle_arms(scenario: Scenario, manifest: Manifest, arms: Sequence[Measured]) -> dict[str, str]:
    """Say of each arm that refused nothing why, where it is compared, or where it never could have refused."""
    compared = [] if scenario.baseline is None else comparable_arms(manifest, scenario.baseline)
    found = {arm.arm: explain_no_refusal(scenario, arm) for arm in arms}
    return {name: why for name, why in found.items() if why and (name in compared or why.endswith(OUT_OF_REACH))}


def _tell_why_nothing_opened(arm: str, why: str) -> Check:
    caution = f"`{arm}` refused nothing though calls failed or were slow: {why}"
    return Check(f"{arm}: it is known why nothing was refused", ok=True, detail=why, caution=caution)


def check_claims(compared: Comparison | None, runs: int) -> list[Check]:
    """Return whether the runs are enough for what a comparison says; none where nothing is compared."""
    if compared is None:
        return []
    name = "there are enough runs for what the comparison says"
    if runs < LEAST_RUNS:
        detail = f"{runs} run{'s' * (runs > 1)} of each arm, no intervals; from {LEAST_RUNS} runs on there are some"
        these = "this one run" if runs == 1 else f"these {runs} runs"
        caution = f"this comparison holds only for {these}; `--seeds 1-20 --engine virtual` shows the typical result"
        return [Check(name, ok=True, detail=detail, caution=caution)]
    unclear, clear = [], 0
    for arm, figures in compared.arms.items():
        for figure in CLAIMED:
            pair: PairedFigure = getattr(figures, figure)
            if pair.interval is None or pair.difference is None:
                continue
            low, high = pair.interval
            if is_clear(pair.interval):
                clear += 1
            elif pair.difference:
                unclear.append(f"{figure} of `{arm}` ({_runs_needed(runs, pair.difference, high - low)})")
    detail = f"{runs} runs of each arm; {clear} differences are clear, {len(unclear)} may be chance"
    caution = f"too few runs to tell a difference: {', '.join(unclear)}" if unclear else ""
    return [Check(name, ok=True, detail=detail, caution=caution)]


def _runs_needed(runs: int, difference: float, width: float) -> str:
    """Say how many runs would tell the difference from none: an interval narrows with the root of their number."""
    needed = runs * (width / 2 / abs(difference)) ** 2 if difference else math.inf
    return (
        f"about {math.ceil(needed):,} runs would, if the difference is as large as measured"
        if needed <= MOST_RUNS
        else "if any number would"
    )


def _ended_together(arms: Sequence[Measured]) -> list[Measured]:
    """Return what every arm ran to its end: of a run that was cut off, nothing else can be compared side by side."""
    together = set.intersection(*({record.seed for record in arm.records} for arm in arms))
    return [arm.of_seeds(together) for arm in arms]


def _check_differences(
    scenario: Scenario, names: Sequence[str], arms: Sequence[Measured], explained: Mapping[str, str]
) -> list[Check]:
    """Look whether any arm was ever treated in another way than the baseline: else there is nothing to compare.

    An arm that only tries a policy is not to differ, and is not asked; nor is one of which it is known why it refused
    nothing.
    """
    compared = [name for name in names[1:] if scenario.arms[name].breaker.policy != "shadow"]
    by_arm = {arm.arm: {(row.seed, row.id): (row.outcome, row.state) for row in arm.rows} for arm in arms}
    if not compared or not all(by_arm.get(name) for name in (names[0], *compared)):
        return []
    base = by_arm[names[0]]
    differ = {name: sum(base.get(key) != by_arm[name].get(key) for key in {*base, *by_arm[name]}) for name in compared}
    detail = ", ".join(f"{name}: {count} of {len(base)} requests" for name, count in differ.items())
    name = f"an arm differs from `{names[0]}`"
    idle = [f"`{arm}`" for arm, count in differ.items() if not count and arm not in explained]
    caution = (
        f"no request differs from `{names[0]}`, so the run says nothing about: {', '.join(idle)}"
        if 0 < len(idle) < len(compared)
        else ""
    )
    return [
        Check(
            name,
            any(differ.values()) or not idle,
            f"requests with another outcome or another breaker state: {detail}",
            caution,
        )
    ]


def _check_completeness(manifest: Manifest, arms: Sequence[Measured]) -> Check:
    planned = len(manifest.arms) * len(manifest.seeds)
    ended = sum(len(arm.records) for arm in arms)
    ok = manifest.complete and planned == ended
    return Check("the run is complete", ok, f"{ended} of {planned} arms x seeds ran to their end")


def _check_conservation(arm: Measured) -> Check:
    planned = sum(record.planned for record in arm.records)
    client = sum(record.client_requests for record in arm.records)
    ok = planned == len(arm.rows) == client
    detail = f"planned {planned}, rows {len(arm.rows)}, counted by the client {client}"
    return Check(f"{arm.arm}: every request has one outcome", ok, detail)


def _check_calls(arm: Measured) -> Check:
    in_rows = sum(row.backend_calls for row in arm.rows)
    client = sum(record.client_backend_calls for record in arm.records)
    backend = sum(record.backend_received for record in arm.records)
    detail = f"rows {in_rows}, client {client}, backend {backend}"
    return Check(f"{arm.arm}: client and backend count the same calls", in_rows == client == backend, detail)


def _check_outcomes(arm: Measured) -> Check:
    in_rows = Counter(row.outcome for row in arm.rows)
    client, backend, received = Counter[str](), 0, 0
    for record in arm.records:
        client.update(record.client_outcomes)
        backend += sum(record.backend_outcomes.values())
        received += record.backend_received
    differ = {name for name in {*in_rows, *client} if in_rows[name] != client[name]}
    differences = ", ".join(f"{name}: rows {in_rows[name]}, client {client[name]}" for name in sorted(differ))
    ok = not differ and backend == received
    detail = f"{differences or 'rows and client agree'}; backend received {received} and ended {backend}"
    return Check(f"{arm.arm}: every outcome is the same in all books", ok, detail)


def _check_interference(arm: Measured) -> Check:
    changes = sum(record.foreign_changes for record in arm.records)
    detail = f"{changes} changes of settings, breaker or faults that were not the run's own"
    return Check(f"{arm.arm}: nobody else changed anything", changes == 0, detail)


def _check_samples(arm: Measured) -> Check:
    """Look for a gap in the samples: a service, or the machine, stood still, and the figures would be its doing."""
    gaps = [
        second.at_s - first.at_s
        for seed in arm.seeds
        for first, second in pairwise(sample for sample in arm.samples if sample.seed == seed)
    ]
    worst = max(gaps, default=0.0)
    detail = f"longest time without a sample {worst:.2f} s; allowed {GAP_S:g} s"
    return Check(f"{arm.arm}: both services answered all the time", worst <= GAP_S, detail)


def _check_answers(arm: Measured) -> Check:
    lost = sum(row.status == 0 for row in arm.rows)
    return Check(f"{arm.arm}: every request was answered by the client", lost == 0, f"{lost} without an answer")


def _check_refusals(arm: Measured) -> Check:
    """No refusal reached the backend, and the backend's own counter stood still between samples in one opening."""
    leaked = sum(row.backend_calls for row in arm.rows if row.outcome == Outcome.FAST_FAIL)
    moved = pairs = 0
    for seed in arm.seeds:
        samples = [sample for sample in arm.samples if sample.seed == seed]
        changes = [change.at_s for change in arm.changes if change.seed == seed]
        for first, second in pairwise(samples):
            changed = any(first.at_s <= at <= second.at_s for at in changes)
            if first.state == second.state == State.OPEN and not changed:
                pairs += 1
                moved += second.backend_received - first.backend_received
    detail = f"{leaked} backend calls by refused requests; backend's counter moved by {moved} over {pairs} intervals"
    return Check(f"{arm.arm}: no backend calls while open", leaked == 0 and moved == 0, detail)


def _check_transitions(arm: Measured) -> Check:
    seen = sum(record.transitions_seen for record in arm.records)
    made = sum(record.transitions_made for record in arm.records)
    return Check(f"{arm.arm}: every transition was recorded", seen == made, f"recorded {seen}, made {made}")


def _check_schedule(arm: Measured) -> Check:
    late = [row.sent_s - row.intended_s for row in arm.rows]
    worst, p99 = (max(late), float(np.quantile(late, 0.99))) if late else (0.0, 0.0)
    detail = f"99 % sent within {1e3 * p99:.1f} ms, the latest {1e3 * worst:.1f} ms; allowed {1e3 * MISSED_S:g} ms"
    caution = ""
    if LATE_S < p99 <= MISSED_S:
        over = sum(each > LATE_S for each in late)
        caution = (
            f"the machine was busy: {over} of {len(late)} requests of `{arm.arm}` were sent more than "
            f"{1e3 * LATE_S:g} ms late, the latest {1e3 * worst:.0f} ms"
        )
    return Check(f"{arm.arm}: the load kept to its schedule", p99 <= MISSED_S, detail, caution)


def _check_loop(scenario: Scenario, arm: Measured) -> list[Check]:
    """Look whether the client itself stood still, and whether a breaker took that for the backend's failure.

    A run in which it never did has no such check.
    """
    late = sum(record.late_deadlines for record in arm.records)
    longest = max((record.longest_stall_s for record in arm.records), default=0.0)
    if not late and not longest:
        return []
    timeout_s = scenario.arms[arm.arm].timeout.total_s
    trips = 0 if timeout_s is None else sum(_is_own_trip(arm, change, timeout_s) for change in arm.changes)
    detail = f"longest stall {longest:.2f} s, {late} deadlines fired late, {trips} openings on timeouts during a stall"
    caution = ""
    if late or longest >= STOOD_STILL_S:
        caution = (
            f"the client's own process stood still in `{arm.arm}`, for {longest:.2f} s at the longest: {late} timeouts "
            "are its own doing, and do not count against the backend"
        )
    return [Check(f"{arm.arm}: the client did not take its own stall for a failure", trips == 0, detail, caution)]


def _is_own_trip(arm: Measured, change: StateChange, timeout_s: float) -> bool:
    """Whether a breaker opened just after a stall on timeouts that did not fire late, and so counted."""
    allowed_s = allowed_lag_s(timeout_s)
    if change.after != State.OPEN or change.loop_lag_s <= allowed_s:
        return False
    return any(
        row.outcome == Outcome.TIMEOUT
        and row.duration_s <= timeout_s + allowed_s
        and change.at_s - timeout_s <= row.end_s <= change.at_s + allowed_s
        for row in arm.of_seed(change.seed).rows
    )


def _check_weather(manifest: Manifest, baseline: str, arms: Sequence[Measured]) -> Check:
    """Of the arms that are compared, each one that ran to its end met what the baseline met, by what it recorded."""
    names = comparable_arms(manifest, baseline)
    weather = {record.seed: record.weather for arm in arms if arm.arm == baseline for record in arm.records}
    strange = [
        f"{record.arm}/{record.seed}"
        for arm in arms
        if arm.arm in names
        for record in arm.records
        if weather.get(record.seed, record.weather) != record.weather
    ]
    others = [arm.arm for arm in arms if arm.arm not in names]
    left_out = f"; not compared, having load or faults of their own: {', '.join(others)}" if others else ""
    detail = f"differs in {', '.join(strange)}" if strange else f"{len(weather)} seed(s), {len(names)} arm(s){left_out}"
    return Check("all compared arms met the same weather", not strange, detail)


def comparable_arms(manifest: Manifest, baseline: str) -> list[str]:
    """Return the arms that meet the baseline's weather with every seed, the baseline first."""
    weather, seeds = manifest.weather, manifest.seeds
    same = [
        arm
        for arm in manifest.arms
        if all(weather.get(f"{arm}/{seed}") == weather.get(f"{baseline}/{seed}") for seed in seeds)
    ]
    return sorted(same, key=lambda arm: arm != baseline) if baseline in manifest.arms else []
