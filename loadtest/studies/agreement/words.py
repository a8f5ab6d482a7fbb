"""The text of agreement.md: the scope, the experiments request by request, the other scenarios figure by figure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from client.pipeline.call import Outcome
from loadtest.studies.agreement.compare import HTTP_S, MEANS, SAME_OUTCOMES, as_markdown
from loadtest.studies.agreement.ranges import RACES, TIME_OPEN

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from loadtest.studies.agreement.compare import ArmAgreement
    from loadtest.studies.agreement.ranges import FigureRange, RangeAgreement

LABELS = {
    **{f"outcomes.{each}": f"{str(each).replace('_', '-')}, requests" for each in Outcome},
    "trips": "trips",
    "backend_calls": "backend calls",
    "mean_response_s": "mean response, s",
    "latency_s.all.p95": "95th percentile, s",
    TIME_OPEN: "time open, s",
}


def write_text(by_scenario: Mapping[str, Sequence[ArmAgreement]], ranges: Mapping[str, RangeAgreement]) -> str:
    """Return the whole text."""
    rule = (
        "Each scenario ran on both engines: real services and Locust, and the same code on a virtual clock. The rule: "
        "in `replay` every request has the same outcome, state and count; elsewhere "
        f"{SAME_OUTCOMES:.0%} of the requests have the same outcome; mean times are within {MEANS:.0%}."
    )
    parts = ["# Do the engines agree?", ""]
    if ranges:
        parts += [scope_text(by_scenario, ranges), ""]
    parts += [rule, "", *(as_markdown(name, arms) for name, arms in by_scenario.items())]
    if ranges:
        parts += [_range_text(ranges)]
    return "\n".join(parts)


def scope_text(by_scenario: Mapping[str, Sequence[ArmAgreement]], ranges: Mapping[str, RangeAgreement]) -> str:
    """Say which scenarios agree request by request, which only in distribution, and which not."""
    by_request = [name for name, arms in by_scenario.items() if all(arm.ok for arm in arms)]
    as_a_whole = [name for name, each in ranges.items() if each.ok]
    differ = [name for name in (*by_scenario, *ranges) if name not in (*by_request, *as_a_whole)]
    sentences = []
    if by_request:
        sentences.append(f"{_names(by_request)}: the engines agree request by request.")
    if as_a_whole:
        sentences.append(
            f"{_names(as_a_whole)}: they agree in distribution only, since milliseconds decide the fate of requests "
            "that wait for each other."
        )
    if differ:
        sentences.append(f"{_names(differ)}: **they differ**.")
    return " ".join(sentences)


def _names(names: Sequence[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _range_text(ranges: Mapping[str, RangeAgreement]) -> str:
    streams = next(iter(ranges.values())).streams
    method = (
        f"In {_names(list(ranges))} many requests are under way at once, and two runs of the same weather differ. So "
        "each figure of the live runs is compared with its range (smallest to largest) over "
        f"{streams} virtual runs of the same seed. These differ only in their jitter: each request is sent late, by up "
        "to the time within which 99 % of the live ones were sent. The mean share of the requests that have the same "
        "outcome in two such virtual runs, in a live run and the virtual one without jitter, and in two live runs:"
    )
    rule = (
        "A figure agrees if the live value lies within the range. HTTP takes some milliseconds, which virtual time has "
        f"not: so a time may lie {1000 * HTTP_S:.0f} ms beyond the range, and a number of requests or calls "
        f"{RACES}. By chance, a sound run falls outside in about 2 of {streams + 1} cases for each figure. Figures of "
        "one run may fall outside together. So the number allowed is the larger of two: what this chance gives in 99 % "
        "of the cases if each figure falls outside by itself, and the number that 99 % of as many virtual runs have "
        "outside the range of the others."
    )
    lines = [
        "## Where requests wait for each other",
        "",
        method,
        "",
        "| scenario | arm | late, live: 50 %, 95 %, 99 %, all | two virtual runs | live and virtual | two live runs |",
        "|---|---|---|---|---|---|",
        *(
            f"| `{name}` | `{arm}` | {_late_text(each)} | {each.same[arm]:.0%} | {each.live.same_as_virtual[arm]:.0%} "
            f"| {each.live.same_as_each_other[arm]:.0%} |"
            for name, each in ranges.items()
            for arm in each.same
        ),
        "",
        rule,
        "",
        "| scenario | live runs | figures compared | outside | by chance, about | allowed | |",
        "|---|---|---|---|---|---|---|",
        *(
            f"| `{name}` | {len(each.live.figures)} | {each.checked} | {each.outside} | {each.outside_by_chance:.1f} "
            f"| {each.most_outside} | {'agrees' if each.ok else '**differs**'} |"
            for name, each in ranges.items()
        ),
        "",
        "![Figures of the live runs within the range of the virtual ones](charts/ranges.svg)",
        "",
        *(line for name, each in ranges.items() for line in _scenario_lines(name, each)),
    ]
    return "\n".join(lines)


def _late_text(found: RangeAgreement) -> str:
    return ", ".join(f"{1000 * each:.1f}" for each in found.live.lateness_s) + " ms"


def _scenario_lines(name: str, found: RangeAgreement) -> list[str]:
    return [
        f"### {name}",
        "",
        *(f"- A live run that cannot be believed, {each}" for each in found.live.broken),
        *([""] if found.live.broken else []),
        f"| arm | figure | {found.streams} virtual runs, jitter {1000 * found.jitter_s:.1f} ms | live | |",
        "|---|---|---|---|---|",
        *(
            f"| `{each.arm}` | {LABELS[each.figure]} | {_number(each.low)} to {_number(each.high)} "
            f"| {', '.join(map(_number, each.live))} | {_verdict(each)} |"
            for each in found.ranges
        ),
        "",
    ]


def _number(value: float) -> str:
    return f"{value:.0f}" if value == round(value) else f"{value:.3f}"


def _verdict(found: FigureRange) -> str:
    return f"{len(found.outside)} of {len(found.live)} outside" if found.outside else "agrees"
