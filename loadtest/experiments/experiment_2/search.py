"""Search settings and seeds under which the lab's Experiment 2 meets the document's table.

A random search on virtual time: draw settings that the document does not name, run both arms, score the whole table by
its worst figure, improve the best by small moves. `make search` runs it; what it found stands in
scenario.toml.
"""

from __future__ import annotations

import heapq
import math
import random
import time
from typing import TYPE_CHECKING, Any

from backend.faults import draw
from backend.weather import WeatherKey
from client.breakers.interface import State
from loadtest.engines.virtual.simulate import simulate
from loadtest.experiments.experiment_2.document import compare
from loadtest.figures.document import POINTS, tolerance_of
from loadtest.figures.summary import fold
from loadtest.scenario import files
from loadtest.scenario.load.schedule import schedule
from loadtest.scenario.model import Scenario

if TYPE_CHECKING:
    from collections.abc import Callable

    from loadtest.records.measured import Measured
    from loadtest.records.summary import DocumentFigure


def measure_seed(scenario: Scenario, seed: int) -> tuple[list[DocumentFigure], list[Measured]]:
    """Return the document's figures as measured with one seed, and the arms they come from."""
    arms = [simulate(scenario, arm, seed) for arm in scenario.arms]
    return compare({arm.arm: fold(arm) for arm in arms}), arms


def worst_deviation(figures: list[DocumentFigure]) -> float:
    """Return the largest deviation in units of its tolerance; 1 or less means that every figure is within."""
    return max(abs(figure.deviation or 0.0) / tolerance_of(float(figure.value), figure.unit) for figure in figures)


def closes_again(arm: Measured) -> bool:
    """Whether the breaker opened, probed and closed again within the run."""
    return any(change.before == State.HALF_OPEN and change.after == State.CLOSED for change in arm.changes)


def estimate_baseline(scenario: Scenario, seed: int) -> tuple[int, int, float]:
    """Return (ok, timeouts, mean response in seconds) of the arm `without`, from a queue by hand.

    First come, first served, callers who leave when their time is up. Only discards draws before both arms are run.
    """
    plan, timeout_s = scenario.plan_of("without", seed), scenario.arms["without"].timeout.total_s or math.inf
    limit = plan.profile_at(0).capacity
    free_at = [0.0] * (limit.workers if limit else 1)
    ok = timeouts = requests = 0
    total_s = 0.0
    for arrival in schedule(scenario.load_of("without"), seed):
        number, at = arrival.id, arrival.intended_s
        requests += 1
        fault = draw(plan.profile_at(at), WeatherKey(seed, str(number), number))
        end = max(at, free_at[0]) + fault.latency_s
        if free_at[0] < at + timeout_s:
            heapq.heapreplace(free_at, min(end, at + timeout_s))
        if end > at + timeout_s:
            timeouts += 1
        else:
            ok += fault.kind == "ok"
        total_s += min(end - at, timeout_s)
    return ok, timeouts, total_s / requests


def draw_settings(rng: random.Random, base: Scenario) -> tuple[Scenario, dict[str, Any]]:
    """Draw what the document leaves open: load, capacity, service time, errors, a slow spell, the client's timeout.

    The rate is near 35 requests in 30 s, so that one opening refuses what the document says and the breaker can
    probe and close again within the run.
    """
    workers = rng.randint(1, 4)
    rate_per_s = round(rng.uniform(1.0, 1.35), 2)
    mean_s = round(workers / rate_per_s * rng.uniform(0.3, 1.0), 2)
    settings = {
        "rate_per_s": rate_per_s,
        "workers": workers,
        "mean_s": mean_s,
        "variation": rng.choice((0.5, 0.75, 1.0)),
        "error_rate": round(rng.uniform(0.42, 0.56), 2),
        "slow_from_s": float(rng.randint(10, 50)),
        "slow_for_s": float(rng.randint(10, 40)),
        "slowdown": rng.choice((1.5, 2.0, 2.5, 3.0, 4.0)),
        "timeout_s": rng.choice((3.0, 4.0, 5.0)),
    }
    return apply_settings(base, settings), settings


def apply_settings(base: Scenario, settings: dict[str, Any]) -> Scenario:
    """Return the scenario with the drawn settings in place of its own."""

    def profile(mean_s: float) -> dict[str, Any]:
        latency = {"distribution": "lognormal", "mean_s": mean_s, "spread_s": round(mean_s * settings["variation"], 3)}
        return {
            "error_rate": settings["error_rate"],
            "latency": latency,
            "capacity": {"workers": settings["workers"]},
        }

    values = base.model_dump(mode="json", exclude_unset=True)
    values["load"] = [{"requests": 100, "arrivals": "poisson", "rate_per_s": settings["rate_per_s"]}]
    usual, slow = profile(settings["mean_s"]), profile(round(settings["mean_s"] * settings["slowdown"], 3))
    values["faults"] = {
        "phases": [
            {"duration_s": settings["slow_from_s"], "profile": usual},
            {"duration_s": settings["slow_for_s"], "profile": slow},
            {"profile": usual},
        ]
    }
    for arm in values["arms"].values():
        arm["timeout"]["total_s"] = settings["timeout_s"]
    return Scenario.model_validate(values)


def nudge_settings(rng: random.Random, settings: dict[str, Any]) -> dict[str, Any]:
    """Return the settings with one or two of the continuous ones moved a little."""
    moved = dict(settings)
    for name in rng.sample(
        ("rate_per_s", "mean_s", "error_rate", "slow_from_s", "slow_for_s", "slowdown"), rng.randint(1, 2)
    ):
        moved[name] = round(moved[name] * rng.uniform(0.93, 1.07), 2)
    moved["slow_from_s"], moved["slow_for_s"] = round(moved["slow_from_s"]), round(moved["slow_for_s"])
    return moved


def evaluate_settings(base: Scenario, settings: dict[str, Any], seed: int) -> tuple[float, dict[str, Any]] | None:
    """Return (score, settings with seed and figures); none where the breaker does not close again."""
    figures, arms = measure_seed(apply_settings(base, settings), seed)
    if not closes_again(arms[-1]):
        return None
    return worst_deviation(figures), {
        **settings,
        "seed": seed,
        "figures": {each.name: each.measured for each in figures},
    }


def improve_settings(
    rng: random.Random, base: Scenario, start: tuple[float, dict[str, Any]], steps: int
) -> tuple[float, dict[str, Any]]:
    """Improve one find by small moves with its seed kept: the draws stay, so figures change little by little."""
    best = start
    for _ in range(steps):
        settings = {name: value for name, value in best[1].items() if name not in ("seed", "figures")}
        candidate = evaluate_settings(base, nudge_settings(rng, settings), best[1]["seed"])
        if candidate is not None and candidate[0] < best[0]:
            best = candidate
    return best


def search_settings(
    seconds: float, climbs: int, steps: int, seed: int, on_progress: Callable[[str], None]
) -> tuple[int, list[tuple[float, dict[str, Any]]]]:
    """Draw for the given time and improve the best; return how many runs were drawn, and the best of them first."""
    base, _ = files.read("experiment-2")
    rng = random.Random(seed)  # noqa: S311 - no secret
    best: list[tuple[float, dict[str, Any]]] = []
    until, tried = time.monotonic() + seconds, 0
    while time.monotonic() < until:
        drawn, settings = draw_settings(rng, base)
        for number in rng.sample(range(1, 1_000_000), 20):
            tried += 1
            ok, timeouts, mean_s = estimate_baseline(drawn, number)
            if abs(ok - 42) > POINTS or abs(timeouts - 18) > POINTS or abs(mean_s - 1.8) > tolerance_of(1.8, "s"):
                continue
            candidate = evaluate_settings(base, settings, number)
            if candidate is not None:
                best.append(candidate)
        on_progress(f"{tried} runs, best {min((score for score, _ in best), default=math.inf):.2f}")
    best.sort(key=lambda each: each[0])
    for place, start in enumerate(best[:climbs]):
        best[place] = improve_settings(rng, base, start, steps)
        on_progress(f"improving {place + 1} of {climbs}, now {best[place][0]:.2f}")
    best.sort(key=lambda each: each[0])
    return tried, best[:climbs]
