"""Prometheus' configuration and the alert rules."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "observability" / "prometheus"


def read(name: str) -> dict[str, Any]:
    return dict(yaml.safe_load((FOLDER / name).read_text(encoding="utf-8")))


@pytest.mark.parametrize(
    "command", [("check", "config", "prometheus.yml"), ("test", "rules", "alerts.test.yml")], ids=" ".join
)
def test_promtool_is_content(command: tuple[str, ...]) -> None:
    """The configuration and its rules are valid, and each alert fires when it should, and only then."""
    if shutil.which("promtool") is None:
        pytest.skip("no promtool on this machine (Debian: in the package prometheus)")
    done = subprocess.run(["promtool", *command], cwd=FOLDER, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout + done.stderr


def test_both_services_are_scraped_where_compose_runs_them() -> None:
    """The targets are the compose file's services at the ports that they listen on inside."""
    targets = {
        job["job_name"]: target
        for job in read("prometheus.yml")["scrape_configs"]
        for group in job["static_configs"]
        for target in group["targets"]
    }
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))["services"]
    inside = {name: f"{name}:{services[name]['ports'][0].rpartition(':')[2]}" for name in ("client", "backend")}

    assert targets == inside


def test_what_is_published_is_on_loopback_and_pinned() -> None:
    """Both belong to the profile, so that `docker compose up` stays as it was."""
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))["services"]
    found = {name: (services[name]["profiles"], services[name]["ports"]) for name in ("prometheus", "grafana")}

    assert found == {
        "prometheus": (["observability"], ["127.0.0.1:${LAB_PROMETHEUS_PORT:-9090}:9090"]),
        "grafana": (["observability"], ["127.0.0.1:${LAB_GRAFANA_PORT:-3000}:3000"]),
    }
    assert all(re.fullmatch(r"\S+:v?\d+\.\d+\.\d+", services[name]["image"]) for name in found)


def test_each_alert_has_cases_of_both_kinds() -> None:
    """One in which it fires, one in which it does not."""
    alerts = {rule["alert"]: rule for group in read("alerts.yml")["groups"] for rule in group["rules"]}
    cases: dict[str, set[bool]] = {}
    for test in read("alerts.test.yml")["tests"]:
        for case in test["alert_rule_test"]:
            cases.setdefault(case["alertname"], set()).add(bool(case["exp_alerts"]))

    assert set(alerts) == {"BreakerOpen", "BreakerFlapping", "BreakerHalfOpenStuck"}
    assert cases == {alert: {True, False} for alert in alerts}
    for rule in alerts.values():
        assert rule["labels"].keys() == {"severity"}
        assert rule["annotations"].keys() == {"summary", "description"}


def test_the_alerts_ask_for_series_that_the_client_has(pages: dict[str, str]) -> None:
    """A label's value that is misspelt makes an alert that never fires: `half_open` for `half-open`."""
    samples = [sample for family in text_string_to_metric_families(pages["client"]) for sample in family.samples]
    wanted = [
        (name, dict(re.findall(r'(\w+)="([^"]*)"', labels)))
        for group in read("alerts.yml")["groups"]
        for rule in group["rules"]
        for name, labels in re.findall(r"(breaker_\w+)\{([^}]*)\}", rule["expr"])
    ]

    assert len(wanted) == 3
    for name, labels in wanted:
        assert any(sample.name == name and labels.items() <= sample.labels.items() for sample in samples), (
            name,
            labels,
        )
