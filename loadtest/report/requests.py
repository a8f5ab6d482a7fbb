"""What the interactive picture of a report knows of each request, small enough to stand in the page. Pure."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any

from client.breakers.interface import State
from client.dashboard import looks
from client.pipeline.call import Outcome, Served
from loadtest.figures.summary import state_bands
from loadtest.scenario.phases import shaded_spans

if TYPE_CHECKING:
    from collections.abc import Sequence

    from loadtest.figures.finished import FinishedRun
    from loadtest.records.measured import Measured
    from loadtest.records.rows import Row

# With more points than this in a picture a page gets slow; with more in all it gets large.
MOST_SHOWN = 6000
MOST_KEPT = 20_000
MOST_SEEDS = 20
_STATES, _SERVED = list(State), list(Served)
_WOULD_HAVE = [Outcome.OK, Outcome.ERROR, Outcome.TIMEOUT]


def requests_of(done: FinishedRun) -> dict[str, Any]:
    """Return the data of the picture: for each seed the arms, with a list for each field of a request.

    Where there are too many requests, every n-th by id stands for the rest, and `every` says so; where there are too
    many seeds, the first ones are there, and `seeds_left_out` says how many are not.
    """
    seeds = done.manifest.seeds
    most = max(Counter(row.seed for arm in done.arms for row in arm.rows).values(), default=0)
    every = max(1, -(-most // MOST_SHOWN))
    offered = max(1, min(len(seeds), MOST_SEEDS, MOST_KEPT // max(1, most // every)))
    return {
        "outcomes": {name: {"word": look.word, "colour": look.colour} for name, look in looks.OUTCOMES.items()},
        "states": {name: {"word": look.word, "colour": look.colour} for name, look in looks.STATES.items()},
        "served": _SERVED,
        "would_have": _WOULD_HAVE,
        "every": every,
        "seeds_left_out": len(seeds) - offered,
        "seeds": [
            {"seed": seed, "arms": [_arm(done, arm, seed, every) for arm in done.arms]} for seed in seeds[:offered]
        ],
    }


def as_script(data: dict[str, Any]) -> str:
    """Return JSON that may stand in a script element: nothing in it can end that element."""
    return json.dumps(data, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c")


def _arm(done: FinishedRun, arm: Measured, seed: int, every: int) -> dict[str, Any]:
    one = arm.of_seed(seed)
    rows = [row for row in one.rows if row.id % every == 0] if every > 1 else one.rows
    duration_s = one.duration_s(seed)
    marks = shaded_spans(done.scenario.plan_of(arm.arm, seed))
    guarded = done.scenario.arms[arm.arm].guarded
    return {
        "arm": arm.arm,
        "guarded": guarded,
        "duration_s": round(duration_s, 3),
        "bands": [
            [state, round(start, 3), round(end, 3)]
            for state, start, end in (state_bands(one, seed) if guarded else ())
            if state != State.CLOSED and end > start
        ],
        "marks": [
            [mark.group, round(mark.start_s, 3), round(min(mark.end_s, duration_s), 3)]
            for mark in marks
            if mark.start_s < duration_s
        ],
        **_columns(rows),
    }


def _columns(rows: Sequence[Row]) -> dict[str, Any]:
    """Return the fields as lists; times in milliseconds, words as places in their lists (-1: none of them)."""
    outcomes = list(looks.OUTCOMES)
    return {
        "id": [row.id for row in rows],
        "sent_ms": [round(1000 * row.sent_s) for row in rows],
        "took_ms": [round(1000 * row.duration_s, 1) for row in rows],
        "status": [row.status for row in rows],
        "outcome": [_index_of(outcomes, row.outcome) for row in rows],
        "state": [_index_of(_STATES, row.state) for row in rows],
        "failures": [row.fail_count for row in rows],
        "served": [_index_of(_SERVED, row.served) for row in rows],
        "would_have": [_index_of(_WOULD_HAVE, row.would_have) for row in rows],
    }


def _index_of(names: Sequence[str], name: str) -> int:
    return names.index(name) if name in names else -1
