"""Grafana's provisioning files, as far as they can be checked without Grafana."""

from __future__ import annotations

import json
import re
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from prometheus_client.parser import text_string_to_metric_families

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prometheus_client.samples import Sample

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "observability" / "grafana"
DASHBOARD: dict[str, Any] = json.loads((FOLDER / "dashboards" / "breaker-lab.json").read_text(encoding="utf-8"))
PANELS: list[dict[str, Any]] = DASHBOARD["panels"]
WIDTH = 24
# What stands in a query beside metrics and labels.
WORDS = {"sum", "max", "by", "rate", "increase", "ignoring", "group_left", "histogram_quantile"}


def provisioned(path: str) -> dict[str, Any]:
    return dict(yaml.safe_load((FOLDER / "provisioning" / path).read_text(encoding="utf-8")))


def queries() -> Iterator[str]:
    yield from (target["expr"] for panel in PANELS for target in panel.get("targets", ()))
    yield from (each["expr"] for each in DASHBOARD["annotations"]["list"])


def test_the_data_source_is_the_composed_prometheus() -> None:
    """Version, and one source with what Grafana needs to know of it."""
    found = provisioned("datasources/prometheus.yml")
    source = found["datasources"][0]

    assert (found["apiVersion"], len(found["datasources"])) == (1, 1)
    assert {name: source[name] for name in ("name", "type", "access", "url", "uid", "isDefault")} == {
        "name": "Prometheus",
        "type": "prometheus",
        "access": "proxy",
        "url": "http://prometheus:9090",
        "uid": "breaker-lab-prometheus",
        "isDefault": True,
    }


def test_the_provider_looks_where_compose_puts_the_dashboards() -> None:
    """A folder that is mounted from the one in which the JSON is; the home page, too."""
    found = provisioned("dashboards/breaker-lab.yml")
    provider = found["providers"][0]
    grafana = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))["services"]["grafana"]
    mounts = {inside: ROOT / outside for outside, inside, _ in (each.split(":") for each in grafana["volumes"])}
    inside = provider["options"]["path"]

    assert (found["apiVersion"], provider["type"], bool(provider["name"])) == (1, "file", True)
    assert (mounts[inside] / "breaker-lab.json").is_file()
    assert mounts["/etc/grafana/provisioning"].resolve() == (FOLDER / "provisioning").resolve()
    assert grafana["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"] == f"{inside}/breaker-lab.json"


def test_the_dashboard_has_what_every_dashboard_has() -> None:
    """And no numeric id of a Grafana that it was exported from, which another one would trip over."""
    assert DASHBOARD["uid"] == "breaker-lab"
    assert DASHBOARD["title"]
    assert DASHBOARD["schemaVersion"] >= 36
    assert DASHBOARD.get("id") is None
    assert DASHBOARD["time"].keys() == {"from", "to"}


def test_panels_have_ids_of_their_own_and_do_not_overlap() -> None:
    """Each with a title and a type, inside the grid, and none on another."""
    ids = [panel["id"] for panel in PANELS]
    places = [(panel["title"], *(panel["gridPos"][side] for side in "xywh")) for panel in PANELS]
    overlapping = [
        (one, other)
        for (one, x, y, w, h), (other, x2, y2, w2, h2) in combinations(places, 2)
        if x < x2 + w2 and x2 < x + w and y < y2 + h2 and y2 < y + h
    ]

    assert len(set(ids)) == len(ids)
    assert all(panel["title"] and panel["type"] for panel in PANELS)
    assert overlapping == []
    assert [
        place for place in places if place[1] < 0 or place[3] < 1 or place[4] < 1 or place[1] + place[3] > WIDTH
    ] == []


def test_every_panel_asks_the_provisioned_source() -> None:
    """By its uid; targets of a panel have names of their own."""
    source = {"type": "prometheus", "uid": provisioned("datasources/prometheus.yml")["datasources"][0]["uid"]}
    for panel in PANELS:
        targets = panel.get("targets", [])
        assert bool(targets) is (panel["type"] not in {"row", "alertlist"}), panel["title"]
        assert all(each["datasource"] == source for each in [*targets, *([panel] if targets else [])])
        assert len({each["refId"] for each in targets}) == len(targets)
    assert all(each["datasource"] == source for each in DASHBOARD["annotations"]["list"])


def asked_in_vain(query: str, samples: list[Sample]) -> list[str]:
    """Return what a query asks for and no service has: metrics, and labels with their values."""
    names = {sample.name for sample in samples}
    bare = re.sub(r'"[^"]*"|\$\w+|\{[^}]*\}|\b(?:by|ignoring)\s*\([^)]*\)|\[[^\]]*\]', " ", query)
    asked = set(re.findall(r"[a-z_][a-z_]+", bare)) - WORDS
    missing = [*(asked - names), *([] if asked else [query])]
    for name, labels in re.findall(r"(\w+)\{([^}]*)\}", query):
        wanted = dict(re.findall(r'(\w+)="([^"]*)"', labels))
        if not any(sample.name == name and wanted.items() <= sample.labels.items() for sample in samples):
            missing.append(f"{name}{{{labels}}}")
    return missing


def test_the_queries_ask_for_what_the_services_have(pages: dict[str, str]) -> None:
    """Only metrics that are exported, and label values that occur."""
    samples = [
        sample
        for page in pages.values()
        for family in text_string_to_metric_families(page)
        for sample in family.samples
    ]

    assert {query: wrong for query in queries() if (wrong := asked_in_vain(query, samples))} == {}
    assert [query for query in queries() if query.count("(") != query.count(")")] == []
    assert asked_in_vain('rate(client_cals_total{outcome="okay"}[1m])', samples) == [
        "client_cals_total",
        'client_cals_total{outcome="okay"}',
    ]


def test_the_dashboard_shows_the_whole_story() -> None:
    """State, outcomes, durations, what the backend is spared, refusals, faults: each has its panel."""
    text = " ".join(queries())
    for name in (
        "breaker_state{",
        "breaker_next_call_probes",
        "breaker_state_seconds_total",
        "breaker_transitions_total",
        "breaker_refusals_total",
        "breaker_probes_total",
        "client_calls_total",
        "client_call_duration_seconds_bucket",
        "client_backend_calls_total",
        "client_calls_in_flight",
        "backend_faults_injected_total",
        "backend_requests_total",
        "backend_queue_length",
    ):
        assert name in text
    assert {"state-timeline", "heatmap", "timeseries"} <= {panel["type"] for panel in PANELS}
