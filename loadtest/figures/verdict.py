"""Which arm helped and which harmed, disturbance by disturbance: the rule, and its application. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from loadtest.figures.comparison import interval
from loadtest.scenario.phases import OVERALL, after, disturbances

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

# More answers lost or won than this share of the requests count, and more than this number in a run: so much a race
# between two timers may move.
ANSWERS = 0.01
FEW = 2
# Request-seconds or backend calls saved beyond the answers lost count from this share of the baseline's on.
SAVING = 0.10

HELPED, HARMED, TRADE, SAME, UNCLEAR = "helped", "harmed", "a trade", "no difference", "unclear"


@dataclass(frozen=True)
class Tally:
    """What one run spent and got, in one group of phases or in several."""

    requests: int = 0
    ok: int = 0
    seconds: float = 0.0
    calls: int = 0

    def __add__(self, other: Tally) -> Tally:
        """Return both together."""
        return Tally(
            self.requests + other.requests,
            self.ok + other.ok,
            self.seconds + other.seconds,
            self.calls + other.calls,
        )


class Shares(NamedTuple):
    """One run against the baseline's. Shares of what the baseline has, but `answers`: of the requests; `won`: a number.

    `answers` and `lost` are of opposite sign; the saving `beyond` is what is left of `saved` when `lost` is taken off:
    whoever refuses at random saves one per cent of the work for each per cent of the answers.
    """

    won: int
    answers: float
    lost: float
    seconds_saved: float
    seconds_beyond: float
    calls_saved: float
    calls_beyond: float


def shares(base: Tally, other: Tally) -> Shares:
    """Hold one run against the baseline's."""
    won = other.ok - base.ok
    answers = won / base.requests if base.requests else 0.0
    lost = -won / base.ok if base.ok else 0.0
    seconds = 1 - other.seconds / base.seconds if base.seconds else 0.0
    calls = 1 - other.calls / base.calls if base.calls else 0.0
    return Shares(won, answers, lost, seconds, seconds - max(0.0, lost), calls, calls - max(0.0, lost))


def decide(*, won: bool, lost: bool, saved: bool, spent: bool) -> str:
    """Return the verdict: the gain is answers won or work saved, the harm answers lost or work spent.

    Lost or won: more than ANSWERS of the requests, and more than FEW. Saved: SAVING beyond what is lost, of seconds or
    of calls. Spent: SAVING more of either.
    """
    gain, harm = won or saved, lost or spent
    if gain and harm:
        return TRADE
    return HELPED if gain else HARMED if harm else SAME


def word(runs: Sequence[Shares]) -> str:
    """Return the verdict on the means over seeds; `unclear` where the intervals do not back it."""
    said, backed = (_decide_by(runs, shown) for shown in (_on_average, _backed))
    return said if said == backed else UNCLEAR


def _decide_by(runs: Sequence[Shares], shown: Callable[[Sequence[float], float], bool]) -> str:
    """Decide with `shown(values, limit)`: whether the values go beyond the limit."""

    def beyond(name: str, limit: float) -> bool:
        return shown([getattr(run, name) for run in runs], limit)

    def below(name: str, limit: float) -> bool:
        return shown([-getattr(run, name) for run in runs], limit)

    saved = beyond("seconds_beyond", SAVING) or beyond("calls_beyond", SAVING)
    spent = below("seconds_saved", SAVING) or below("calls_saved", SAVING)
    won = beyond("answers", ANSWERS) and beyond("won", FEW)
    lost = below("answers", ANSWERS) and below("won", FEW)
    return decide(won=won, lost=lost, saved=saved, spent=spent)


def _on_average(values: Sequence[float], limit: float) -> bool:
    return bool(values) and float(np.mean(values)) > limit


def _backed(values: Sequence[float], limit: float) -> bool:
    """Whether the interval, where there are enough runs for one, excludes that there is nothing."""
    found = interval(values) if _on_average(values, limit) else None
    return _on_average(values, limit) and (found is None or found[0] > 0)


def judge(baseline: str | None, arms: Mapping[str, dict[str, Any]]) -> dict[str, Any] | None:
    """Return {baseline, runs, arms.<arm>.<disturbance or overall>.{verdict, ...}} from folded arms on the same weather.

    A disturbance is its phases and the quiet time after them; `parts` has both by themselves. One that no
    request met is left out. None without named phases, a baseline, or a second arm.
    """
    if baseline is None or baseline not in arms:
        return None
    met = arms[baseline].get("phases", {})
    named = [name for name in disturbances(met) if met[name]["requests"]]
    base = {run["seed"]: run for run in arms[baseline]["runs"]}
    others = {name: arm for name, arm in arms.items() if name != baseline and arm["runs"]}
    if not named or not base or not others:
        return None
    parts: dict[str, list[str]] = {name: [name, after(name)] for name in named}
    return {
        "baseline": baseline,
        "runs": len(base),
        "arms": {
            name: {
                **{
                    disturbance: {
                        **_cell(base, arm["runs"], partial(_of_groups, groups=groups)),
                        "parts": {
                            group: _figures(_pairs(base, arm["runs"], partial(_of_groups, groups=[group])))
                            for group in groups
                            if group in arm["phases"]
                        },
                    }
                    for disturbance, groups in parts.items()
                },
                OVERALL: _cell(base, arm["runs"], _tally),
            }
            for name, arm in others.items()
        },
    }


def _cell(
    base: Mapping[int, dict[str, Any]], runs: Sequence[dict[str, Any]], part: Callable[[dict[str, Any]], Tally]
) -> dict[str, Any]:
    pairs = _pairs(base, runs, part)
    found = [shares(*pair) for pair in pairs]
    return {
        "verdict": word(found),
        **_figures(pairs),
        **{
            name: {"share": float(np.mean(values)), "interval": interval(values)}
            for name, values in ((name, [getattr(each, name) for each in found]) for name in Shares._fields[1:])
            if values
        },
    }


def _pairs(
    base: Mapping[int, dict[str, Any]], runs: Sequence[dict[str, Any]], part: Callable[[dict[str, Any]], Tally]
) -> list[tuple[Tally, Tally]]:
    """Return (baseline, other) for each seed that both have."""
    return [(part(base[run["seed"]]), part(run)) for run in runs if run["seed"] in base]


def _figures(pairs: Sequence[tuple[Tally, Tally]]) -> dict[str, Any]:
    """Return the requests of the baseline, and each figure of baseline and arm; means over seeds."""
    means = {
        name: [float(np.mean([getattr(pair[side], name) for pair in pairs])) if pairs else 0.0 for side in (0, 1)]
        for name in ("requests", "ok", "seconds", "calls")
    }
    return {
        "requests": means.pop("requests")[0],
        **{name: dict(zip(("baseline", "value"), both, strict=True)) for name, both in means.items()},
    }


def _of_groups(run: dict[str, Any], *, groups: Sequence[str]) -> Tally:
    return sum((_tally(run["phases"][group]) for group in groups if group in run["phases"]), Tally())


def _tally(figures: dict[str, Any]) -> Tally:
    return Tally(figures["requests"], figures["outcomes"]["ok"], figures["in_flight_s"], figures["backend_calls"])
