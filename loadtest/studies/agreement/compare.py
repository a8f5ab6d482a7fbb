"""Do both engines tell the same of a scenario? Compare a live run with a virtual one, request by request. Pure.

The rule: with the document's own sequence (Experiment 1, replay) every request has the same outcome, state and count;
elsewhere 95 % of the requests have the same outcome, and mean times are within 10 %. What differs is listed in the
order in which it came up, with the reason that can be known from the rows, what came first being asked first: an
earlier difference, then a race with the breaker when the request was sent, then one with its timeout when it ended.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import fmean
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from loadtest.records.rows import Row, StateChange

SAME_OUTCOMES = 0.95
MEANS = 0.10
# Means that are no further apart than what HTTP may take agree, too: of refusals it is nearly all.
HTTP_S = 0.01
# Two events closer than this may be in the other order on the other engine, seconds. A live call takes
# some milliseconds of HTTP more than a virtual one, and more behind a queue of others.
RACE_S = 0.1


@dataclass(frozen=True)
class Disagreement:
    """One request on which the engines differ, and why, as far as the rows tell."""

    arm: str
    seed: int
    id: int
    live: str
    virtual: str
    reason: str


@dataclass(frozen=True)
class ArmAgreement:
    """One arm with one seed. `same`: requests with the same outcome; `exactly`: with state and count the same, too.

    `differences` are in the order in which they came up.
    """

    arm: str
    seed: int
    requests: int
    same: int
    exactly: int
    live_mean_s: float
    virtual_mean_s: float
    to_the_letter: bool
    differences: tuple[Disagreement, ...]

    @property
    def means_apart(self) -> float:
        """How far the mean times are apart, as a share of the live one."""
        return abs(self.virtual_mean_s / self.live_mean_s - 1) if self.live_mean_s else 0.0

    @property
    def ok(self) -> bool:
        """Whether the rule holds."""
        enough = self.exactly == self.requests if self.to_the_letter else self.same >= SAME_OUTCOMES * self.requests
        means = self.means_apart <= MEANS or abs(self.virtual_mean_s - self.live_mean_s) <= HTTP_S
        return self.requests > 0 and enough and means


def compare_rows(
    live: Iterable[Row],
    virtual: Iterable[Row],
    changes: Sequence[StateChange],
    timeouts_s: Mapping[str, float | None],
    to_the_letter: Iterable[str] = (),
) -> list[ArmAgreement]:
    """Hold the rows of two runs against each other, arm by arm and seed by seed.

    `changes`: the transitions of both runs. `timeouts_s`: the timeout of each arm. `to_the_letter`: arms whose every
    request has to be the same. A request that only one engine has counts as a difference.
    """
    ours, theirs = _group_rows(live), _group_rows(virtual)
    exact = set(to_the_letter)
    found = []
    for arm, seed in sorted({*ours, *theirs}):
        one, other = ours.get((arm, seed), {}), theirs.get((arm, seed), {})
        differences: list[Disagreement] = []
        same = exactly = 0
        pairs = [(number, one.get(number), other.get(number)) for number in {*one, *other}]
        for number, first, second in sorted(pairs, key=lambda pair: (_time_of_difference(*pair[1:]), pair[0])):
            if first is None or second is None:
                differences.append(
                    Disagreement(
                        arm, seed, number, _outcome_text(first), _outcome_text(second), "missing on one engine"
                    )
                )
                continue
            same += first.outcome == second.outcome
            if (first.outcome, first.state, first.fail_count) == (second.outcome, second.state, second.fail_count):
                exactly += 1
            elif first.outcome != second.outcome or arm in exact:
                reason = _reason(first, second, differences, changes, timeouts_s.get(arm))
                differences.append(Disagreement(arm, seed, number, _outcome_text(first), _outcome_text(second), reason))
        found.append(
            ArmAgreement(
                arm,
                seed,
                requests=len({*one, *other}),
                same=same,
                exactly=exactly,
                live_mean_s=_mean_s(one.values()),
                virtual_mean_s=_mean_s(other.values()),
                to_the_letter=arm in exact,
                differences=tuple(differences),
            )
        )
    return found


def _group_rows(rows: Iterable[Row]) -> dict[tuple[str, int], dict[int, Row]]:
    groups: dict[tuple[str, int], dict[int, Row]] = {}
    for row in rows:
        groups.setdefault((row.arm, row.seed), {})[row.id] = row
    return groups


def _mean_s(found: Collection[Row]) -> float:
    return fmean(row.duration_s for row in found) if found else 0.0


def _time_of_difference(live: Row | None, virtual: Row | None) -> float:
    """Return when two rows of a request came to differ, seconds: when it was sent to another state, else at its end."""
    rows = [row for row in (live, virtual) if row is not None]
    if len({row.state for row in rows}) == len(rows):
        return min(row.sent_s for row in rows)
    return min(row.end_s for row in rows)


def _outcome_text(row: Row | None) -> str:
    return "-" if row is None else f"{row.outcome}, {row.state}, {row.fail_count}"


def _reason(
    live: Row,
    virtual: Row,
    before: Sequence[Disagreement],
    changes: Sequence[StateChange],
    timeout_s: float | None,
) -> str:
    """Say why two rows of one request differ, as far as they tell. What came first is asked first."""
    own = _race_with_breaker(live, virtual, changes) or _race_at_timeout(live, virtual, timeout_s)
    if before:
        first = f"may follow from request {before[0].id}, where the engines first differ"
        return f"{first}; or {own}" if own else first
    return own or "no reason is known from the rows"


def _race_with_breaker(live: Row, virtual: Row, changes: Sequence[StateChange]) -> str:
    """Return words on a change of state close to the sending of a request that met another state; '' for none."""
    near = [
        abs(change.at_s - row.sent_s)
        for change in changes
        for row in (live, virtual)
        if (change.arm, change.seed) == (row.arm, row.seed)
    ]
    if live.state == virtual.state or not near or min(near) > RACE_S:
        return ""
    return f"a race with the breaker: it changed its state {1000 * min(near):.0f} ms from the request"


def _race_at_timeout(live: Row, virtual: Row, timeout_s: float | None) -> str:
    """Return words on a request that one engine answered shortly before its timeout; '' for none."""
    answered = live if virtual.outcome == "timeout" else virtual
    if timeout_s is None or "timeout" not in {live.outcome, virtual.outcome}:
        return ""
    if timeout_s - answered.duration_s > RACE_S:
        return ""
    return f"a race at the timeout: answered after {answered.duration_s:.3f} s on one engine, limit {timeout_s:g} s"


def as_markdown(scenario: str, found: Sequence[ArmAgreement]) -> str:
    """Write the table of a scenario, and every difference below it."""
    lines = [
        f"## {scenario}",
        "",
        "| arm | seed | requests | same outcome | same outcome, state and count | mean, live | mean, virtual | |",
        "|---|---|---|---|---|---|---|---|",
        *(
            f"| `{each.arm}` | {each.seed} | {each.requests} | {each.same} | {each.exactly} | {each.live_mean_s:.3f} s "
            f"| {each.virtual_mean_s:.3f} s ({100 * each.means_apart:.1f} % apart) "
            f"| {'agree' if each.ok else '**differ**'} |"
            for each in found
        ),
        "",
    ]
    differences = [each for arm in found for each in arm.differences]
    if not differences:
        return "\n".join([*lines, "No request differs in its outcome.", ""])
    rows = (
        f"| `{each.arm}` | {each.seed} | {each.id} | {each.live} | {each.virtual} | {each.reason} |"
        for each in differences
    )
    head = ["| arm | seed | request | live | virtual | why |", "|---|---|---|---|---|---|"]
    return "\n".join([*lines, *head, *rows, ""])
