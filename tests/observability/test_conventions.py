"""Metrics by the conventions: Prometheus' own linter where it is there, and its rules in Python everywhere."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as open_metrics
from prometheus_client.parser import text_string_to_metric_families

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import httpx

    Ask = Callable[..., httpx.Response]

ROOT = Path(__file__).parents[2]
# promtool's own: https://github.com/prometheus/client_golang/tree/main/prometheus/testutil/promlint
NAME = re.compile(r"(client|breaker|backend|process)(_[a-z]+)+")
OTHER_UNITS = re.compile(r"_(ms|us|ns|milliseconds?|microseconds?|minutes?|hours?|days?|kb|mb|kilobytes|percent)(_|$)")
TYPES = re.compile(r"_(counter|gauge|histogram|summary)(_|$)")


# What is wrong with a family's name, by its type.
RULES: dict[str, Callable[[str, str], bool]] = {
    "not of the form service_what_unit": lambda name, _: not NAME.fullmatch(name),
    "no TYPE": lambda _, kind: kind == "unknown",
    "not a base unit": lambda name, _: bool(OTHER_UNITS.search(name)),
    "its type is in its name": lambda name, _: bool(TYPES.search(name)),
    "_total is for counters": lambda name, kind: kind != "counter" and name.endswith("_total"),
    "a histogram's suffix": lambda name, kind: kind != "histogram" and bool(re.search(r"_(count|sum|bucket)$", name)),
}


def complaints(page: str) -> Iterator[str]:
    """Say what is against the conventions in a page of metrics."""
    # The parser is too kind to show it.
    for name in re.findall(r"^# TYPE (\S+) counter$", page, re.MULTILINE):
        if not name.endswith("_total"):
            yield f"{name}: a counter without _total"
    for family in text_string_to_metric_families(page):
        name = family.name + ("_total" if family.type == "counter" else "")
        yield from (f"{name}: {wrong}" for wrong, is_wrong in RULES.items() if is_wrong(name, family.type))
        if not family.documentation.strip():
            yield f"{name}: no HELP"
        labels = {label for sample in family.samples for label in sample.labels}
        yield from (f"{name}: label {each}" for each in labels if not re.fullmatch(r"[a-z_]+", each))
        seen = Counter((sample.name, *sorted(sample.labels.items())) for sample in family.samples)
        yield from (f"{name}: twice: {key}" for key, times in seen.items() if times > 1)
        if len(seen) > 200:
            yield f"{name}: too many series"


def test_the_pages_keep_the_conventions(pages: dict[str, str]) -> None:
    """Names, units, types, help and labels of everything that is exported."""
    assert {name: list(complaints(page)) for name, page in pages.items()} == {"client": [], "backend": []}


@pytest.mark.parametrize(
    "page",
    [
        "# HELP client_calls Calls.\n# TYPE client_calls counter\nclient_calls 1\n",
        "# HELP client_time_ms Time.\n# TYPE client_time_ms gauge\nclient_time_ms 1\n",
        "# TYPE client_calls_total counter\nclient_calls_total 1\n",
        "# HELP client_calls_total Calls.\nclient_calls_total 1\n",
        "# HELP client_gauge_calls Calls.\n# TYPE client_gauge_calls gauge\nclient_gauge_calls 1\n",
        "# HELP client_fail_count Fails.\n# TYPE client_fail_count gauge\nclient_fail_count 1\n",
        "# HELP client_x_total Twice.\n# TYPE client_x_total counter\nclient_x_total 1\nclient_x_total 2\n",
    ],
)
def test_the_rules_find_what_is_wrong(page: str) -> None:
    """A lint that never complains would be of no use."""
    assert list(complaints(page))


@pytest.mark.parametrize("service", ["client", "backend"])
def test_promtool_has_nothing_to_say(pages: dict[str, str], service: str) -> None:
    """`promtool check metrics`: exit code 0 and not a word."""
    if shutil.which("promtool") is None:
        pytest.skip("no promtool on this machine (Debian: in the package prometheus)")
    done = subprocess.run(
        ["promtool", "check", "metrics"], input=pages[service], capture_output=True, text=True, check=False
    )

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize("service", ["client", "backend"])
def test_open_metrics_is_spoken_to_who_asks_for_it(services: dict[str, Ask], service: str) -> None:
    """Same families in both forms; a scraper that says nothing gets plain text."""
    ask = services[service]
    plain = ask("GET", "/metrics")
    asked = ask("GET", "/metrics", headers={"Accept": "application/openmetrics-text;version=1.0.0,text/plain;q=0.5"})

    assert plain.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert asked.headers["content-type"].startswith("application/openmetrics-text; version=1.0.0")
    names = {sample.name for family in text_string_to_metric_families(plain.text) for sample in family.samples}
    assert {sample.name for family in open_metrics(asked.text) for sample in family.samples} == names


@pytest.mark.parametrize(
    ("service", "name"),
    [("client", "client_call_duration_seconds"), ("backend", "backend_request_duration_seconds")],
)
def test_the_buckets_tell_1_ms_and_30_s_from_their_neighbours(pages: dict[str, str], service: str, name: str) -> None:
    """Bounds below, at and above both; counts that never fall, and end at the number of observations."""
    family = next(each for each in text_string_to_metric_families(pages[service]) if each.name == name)
    series: dict[str, list[tuple[float, float]]] = {}
    counts = {}
    for sample in family.samples:
        outcome = sample.labels["outcome"]
        if sample.name.endswith("_bucket"):
            series.setdefault(outcome, []).append((float(sample.labels["le"]), sample.value))
        elif sample.name.endswith("_count"):
            counts[outcome] = sample.value

    assert sum(counts.values()) > 0
    for outcome, buckets in series.items():
        bounds, values = zip(*buckets, strict=True)
        assert {0.0005, 0.001, 0.002, 20.0, 30.0, 60.0, float("inf")} <= set(bounds)
        assert list(bounds) == sorted(bounds)
        assert list(values) == sorted(values)
        assert values[-1] == counts[outcome]


def test_series_are_all_there_from_the_start(services: dict[str, Ask]) -> None:
    """Traffic, other settings and ids that nobody has seen bring no new series: neither births nor growth."""

    def series() -> set[tuple[str, ...]]:
        return {
            (sample.name, *(f"{name}={value}" for name, value in sorted(sample.labels.items())))
            for ask in services.values()
            for family in text_string_to_metric_families(ask("GET", "/metrics").text)
            for sample in family.samples
        }

    before = series()
    for number in range(20):
        for ask in services.values():
            ask("GET", "/data", headers={"X-Request-Id": f"somebody-{number}"})
    services["client"]("PATCH", "/breaker", json={"fail_max": 1})
    services["client"]("POST", "/breaker/open")
    services["client"]("GET", "/data")
    services["client"]("POST", "/breaker/close")
    services["backend"]("DELETE", "/stats")

    assert series() == before


def test_the_documentation_lists_every_metric(pages: dict[str, str]) -> None:
    """And none that is not there."""
    text = (ROOT / "docs" / "metrics-and-traces.md").read_text(encoding="utf-8")
    listed = set(re.findall(r"^\| `([a-z_]+)` \|", text, re.MULTILINE))
    exported = {
        family.name + {"counter": "_total"}.get(family.type, "")
        for page in pages.values()
        for family in text_string_to_metric_families(page)
    }

    assert listed == {name for name in exported if not name.startswith("process_")}
