"""The disturbances that requests meet: the named phases of the faults, and the quiet time after each. Pure."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

    from backend.profile import FaultPlan

# The name of the quiet time before the first disturbance, and of everything together.
BEFORE = "before"
OVERALL = "overall"
_AFTER = "after-"


class Span(NamedTuple):
    """A stretch of an arm's time, in seconds from its start, and the group of its requests."""

    group: str
    start_s: float
    end_s: float


def group_after(disturbance: str) -> str:
    """Return the group of the quiet time that follows a disturbance."""
    return _AFTER + disturbance


def disturbance_of(group: str) -> str:
    """Return the disturbance that a group belongs to, as the quiet time after it does; another group is its own."""
    return group.removeprefix(_AFTER)


def spans(plan: FaultPlan) -> list[Span]:
    """Return the group of each phase; nothing if no phase has a name.

    A phase with a name is a disturbance, and phases of the same name are one, even if they are apart. A phase without a
    name is quiet time, and belongs to the disturbance before it, which causes what a policy does then.
    """
    if not any(phase.name for phase in plan.phases):
        return []
    found: list[Span] = []
    group, start_s = BEFORE, 0.0
    last = ""
    for phase in plan.phases:
        last = phase.name or last
        group = phase.name or (group_after(last) if last else BEFORE)
        end_s = start_s + (math.inf if phase.duration_s is None else phase.duration_s)
        found.append(Span(group, start_s, end_s))
        start_s = end_s
    found[-1] = found[-1]._replace(end_s=math.inf)
    return found


def named_spans(plan: FaultPlan) -> list[Span]:
    """Return only the disturbances; those of the same name that follow each other are one."""
    found: list[Span] = []
    for span in spans(plan):
        if not disturbances([span.group]):
            continue
        if found and (found[-1].group, found[-1].end_s) == (span.group, span.start_s):
            found[-1] = found[-1]._replace(end_s=span.end_s)
        else:
            found.append(span)
    return found


def shaded_spans(plan: FaultPlan) -> list[Span]:
    """Return what a picture over time shades: disturbances; without names, the phases that differ from the first."""
    if any(phase.name for phase in plan.phases):
        return named_spans(plan)
    found, start_s = [], 0.0
    for number, phase in enumerate(plan.phases, start=1):
        end_s = math.inf if phase.duration_s is None else start_s + phase.duration_s
        if phase.profile != plan.phases[0].profile:
            found.append(Span(f"phase {number}", start_s, end_s))
        start_s = end_s
    return found


def groups(found: Iterable[Span]) -> list[str]:
    """Return the names of the groups, in the order of their first phases."""
    return list(dict.fromkeys(span.group for span in found))


def disturbances(names: Iterable[str]) -> list[str]:
    """Return those groups that are disturbances."""
    return [name for name in names if name != BEFORE and not name.startswith(_AFTER)]


def reserved_names(names: Iterable[str]) -> list[str]:
    """Return the names of phases that mean something else in a report."""
    return [name for name in names if name in (BEFORE, OVERALL) or name.startswith(_AFTER)]
