"""What refusing as many requests as the best point, but at random, misjudges: simulated, with queue and timeouts."""

from __future__ import annotations

from statistics import fmean
from typing import TYPE_CHECKING

from loadtest.engines.virtual.simulate import simulate
from loadtest.figures.random_yardstick import draw_requests
from loadtest.studies.many_runs.work import fold_run

if TYPE_CHECKING:
    from collections.abc import Mapping

    from loadtest.studies.many_runs.work import StudyFigures
    from loadtest.studies.sweep.plan import Plan

# Seeds and requests that are simulated: about 2 s.
_SEEDS, _REQUESTS = 50, 100_000


def misjudged_at_random(plan: Plan, measured: Mapping[tuple[int, int], StudyFigures], best: int) -> float | None:
    """Return the share of good requests refused plus that of bad calls let through, in per cent, as for a point.

    None where the point refused nothing, or one run is too long to simulate.
    """
    point, refused = plan.points[best], {seed: measured[best, seed].fast_fail for seed in plan.seeds}
    requests = measured[best, plan.seeds[0]].requests
    seeds = plan.seeds[: min(_SEEDS, _REQUESTS // requests)]
    if not seeds or not any(refused[seed] for seed in seeds):
        return None
    runs = [
        fold_run(
            simulate(
                point.scenario,
                point.arm,
                seed,
                refused=draw_requests(range(1, measured[best, seed].requests + 1), refused[seed], str(seed)),
            )
        )
        for seed in seeds
    ]
    base = [measured[plan.unguarded, seed] for seed in seeds]
    good, bad = fmean(each.good for each in base), fmean(each.bad_calls for each in base)
    shares = []
    if good > 0:
        shares.append(100 * fmean(each.false_positives for each in runs) / good)
    if bad > 0:
        shares.append(100 * fmean(each.bad_calls for each in runs) / bad)
    return round(sum(shares), 9) if shares else None
