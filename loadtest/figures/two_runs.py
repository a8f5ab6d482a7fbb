"""Compare two runs of one scenario: the same arm then and now, or here and there. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import unified_diff
from typing import TYPE_CHECKING, Any

import numpy as np

from client.pipeline.order import CallSettings
from inputs.wrong_input import WrongInputError
from loadtest.figures.comparison import LEAST_RUNS, interval, is_clear, step_of, unpaired_interval
from loadtest.records.manifest import EffectiveSettings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from loadtest.figures.finished import FinishedRun
    from loadtest.records.manifest import Manifest
    from loadtest.records.summary import RunFigures

# Figures of each run, with label and kind for the report.
FIGURES = (
    ("success_rate", "success rate", "percent"),
    ("backend_success_rate", "success rate of actual backend calls", "percent"),
    ("fast_fail_rate", "fast-fail rate", "percent"),
    ("timeout_rate", "timeout rate", "percent"),
    ("mean_response_s", "mean response time, refusals included", "seconds"),
    ("mean_backend_response_s", "mean response time of calls that reached the backend", "seconds"),
    ("backend_calls", "backend calls", "count"),
    ("in_flight_s", "request-seconds held", "seconds"),
    ("backend_busy_s", "backend worker-seconds used", "seconds"),
    ("client_cpu_s", "client CPU seconds", "seconds"),
    ("trips", "trips", "count"),
)


@dataclass(frozen=True)
class FigurePair:
    """One figure of one arm in both runs: means over the seeds that count, and the difference, second minus first."""

    figure: str
    label: str
    kind: str
    first: float | None
    second: float | None
    difference: float | None
    interval: list[float] | None

    @property
    def is_beyond_chance(self) -> bool:
        """Whether there is an interval, and zero is outside of it."""
        return is_clear(self.interval)


@dataclass(frozen=True)
class ArmPair:
    """One arm in both runs. `paired`: by seed, on the same weather; otherwise each run counts with all of its seeds."""

    arm: str
    paired: bool
    first_seeds: list[int]
    second_seeds: list[int]
    figures: list[FigurePair]

    @property
    def method(self) -> str:
        """Say what was compared with what."""
        first, second = len(self.first_seeds), len(self.second_seeds)
        few = f"too few for an interval, which needs {LEAST_RUNS}"
        if self.paired:
            runs = "one seed" if first == 1 else f"{first} seeds"
            means = "" if first == 1 else "; means over them"
            intervals = few if first < LEAST_RUNS else "95 % intervals of the differences by seed (Student's t)"
            return f"paired, {runs} that both runs have, on the same weather{means}; {intervals}"
        intervals = few if min(first, second) < LEAST_RUNS else "95 % intervals from the seeds of each run (Welch's t)"
        return f"not paired, since seeds or weather differ; means over {first} and {second} seed(s); {intervals}"


@dataclass(frozen=True)
class RunComparison:
    """Two runs side by side."""

    first: FinishedRun
    second: FinishedRun
    arms: list[ArmPair]
    only_first: list[str]
    only_second: list[str]
    differences: list[tuple[str, str, str]]
    scenario_diff: list[str]


def compare_runs(first: FinishedRun, second: FinishedRun) -> RunComparison:
    """Compare. Raises WrongInputError for runs of different scenarios, and for runs that have no arm in common."""
    names = first.scenario.name, second.scenario.name
    if names[0] != names[1]:
        raise _wrong_runs(f"got runs of {names[0]!r} and of {names[1]!r}; allowed: two runs of one scenario")
    before, after = list(first.summary.arms), list(second.summary.arms)
    both = [arm for arm in before if arm in after]
    if not both:
        raise _wrong_runs(
            f"the runs have no arm in common: {', '.join(before)}; {', '.join(after)}; allowed: one at least"
        )
    return RunComparison(
        first,
        second,
        [_pair_arm(arm, first, second) for arm in both],
        [arm for arm in before if arm not in after],
        [arm for arm in after if arm not in before],
        _differences(first, second, both),
        _scenario_diff(first.manifest, second.manifest),
    )


def _pair_arm(arm: str, first: FinishedRun, second: FinishedRun) -> ArmPair:
    runs = [{run.seed: run for run in done.summary.arms[arm].runs} for done in (first, second)]
    shared = [
        seed
        for seed in runs[0]
        if seed in runs[1] and first.manifest.weather[f"{arm}/{seed}"] == second.manifest.weather[f"{arm}/{seed}"]
    ]
    enough = min(len(runs[0]), len(runs[1])) >= LEAST_RUNS
    paired = bool(shared) and (len(shared) >= LEAST_RUNS or not enough)
    chosen = [{seed: each[seed] for seed in shared} if paired else each for each in runs]
    figures = [_pair_figure(*named, *chosen, paired=paired) for named in FIGURES]
    return ArmPair(arm, paired, list(chosen[0]), list(chosen[1]), figures)


def _pair_figure(
    figure: str,
    label: str,
    kind: str,
    first: dict[int, RunFigures],
    second: dict[int, RunFigures],
    *,
    paired: bool,
) -> FigurePair:
    sides = [{seed: getattr(run, figure) for seed, run in each.items()} for each in (first, second)]
    if paired:  # a seed counts where both runs have the figure
        seeds = [seed for seed in first if None not in (sides[0][seed], sides[1][seed])]
        before, after = ([each[seed] for seed in seeds] for each in sides)
    else:
        before, after = ([value for value in each.values() if value is not None] for each in sides)
    if not before or not after:
        return FigurePair(figure, label, kind, _mean(before), _mean(after), None, None)
    means = float(np.mean(before)), float(np.mean(after))
    step = step_of(figure, *means)
    bounds = (
        interval([new - old for old, new in zip(before, after, strict=True)], step)
        if paired
        else unpaired_interval(before, after, step)
    )
    return FigurePair(figure, label, kind, *means, means[1] - means[0], bounds)


def _mean(values: Sequence[float]) -> float | None:
    return float(np.mean(values)) if values else None


def _differences(first: FinishedRun, second: FinishedRun, arms: Sequence[str]) -> list[tuple[str, str, str]]:
    """Return (what, first, second) for everything around the figures that is not the same."""
    sides = []
    for done in (first, second):
        manifest = done.manifest
        about = {
            "engine": manifest.engine,
            "jitter": f"up to {1000 * manifest.jitter_s:g} ms" if manifest.jitter_s else "none",
            "seeds": _short_list(manifest.seeds),
            "revision": manifest.git_revision or "unknown",
            "scenario, SHA-256": manifest.scenario_sha256[:16],
            "machine": f"{manifest.host.cores} cores, {manifest.host.system}",
        }
        about |= {f"version of {name}": version for name, version in manifest.versions.items()}
        for arm in arms:
            about |= _flatten(f"`{arm}`", _settings(done, arm))
        sides.append(about)
    names = dict.fromkeys([*sides[0], *sides[1]])
    rows = [(name, str(sides[0].get(name, "none")), str(sides[1].get(name, "none"))) for name in names]
    return [each for each in rows if each[1] != each[2]]


def _settings(done: FinishedRun, arm: str) -> dict[str, Any]:
    """Return the client's settings that were in force with the first seed."""
    settings = done.manifest.settings.get(f"{arm}/{done.manifest.seeds[0]}", EffectiveSettings())
    client = settings.client
    return {name: client[name] for name in CallSettings.model_fields if name in client}


def _flatten(prefix: str, values: Any) -> dict[str, Any]:
    if not isinstance(values, dict):
        return {prefix: values}
    flat: dict[str, Any] = {}
    for name, value in values.items():
        if name != "seed":  # the breaker's own draws take the run's
            flat |= _flatten(f"{prefix}.{name}" if not prefix.endswith("`") else f"{prefix} {name}", value)
    return flat


def _short_list(seeds: Sequence[int]) -> str:
    if len(seeds) > 1 and list(seeds) == list(range(seeds[0], seeds[-1] + 1)):
        return f"{seeds[0]}-{seeds[-1]}"
    return ", ".join(map(str, seeds[:10])) + (f" and {len(seeds) - 10} more" if len(seeds) > 10 else "")


def _scenario_diff(first: Manifest, second: Manifest) -> list[str]:
    before, after = (each.scenario_text.splitlines() for each in (first, second))
    return list(unified_diff(before, after, "A", "B", lineterm="", n=2))


def _wrong_runs(detail: str) -> WrongInputError:
    return WrongInputError([{"field": "A, B", "value": None, "detail": f"A, B: {detail}"}])
