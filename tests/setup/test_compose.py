"""The compose file and the Dockerfile: what every service is bound by, read without an engine."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
OWN = ("backend", "client", "loadtest")


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_is_bounded(name: str) -> None:
    """Processes, memory, logs, and what it keeps in memory as files."""
    service = SERVICES[name]

    assert 0 < service["pids_limit"] <= 1024
    assert re.fullmatch(r"\d+[mg]|\$\{LAB_\w+:-\d+g\}", service["mem_limit"])
    assert service["logging"] == {"driver": "json-file", "options": {"max-size": "10m", "max-file": "3"}}
    assert all(re.fullmatch(r"\S+:size=\d+m", each) for each in service.get("tmpfs", ()))


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_has_no_more_rights_than_it_needs(name: str) -> None:
    """One service has one capability, and no network. Grafana keeps a database on its own file system."""
    service = SERVICES[name]

    assert service["cap_drop"] == ["ALL"]
    assert service["init"] is True
    assert service.get("read_only", False) is (name != "grafana")
    if name == "results":
        assert service["cap_add"] == ["FOWNER"]
        assert service["network_mode"] == "none"
    else:
        assert "cap_add" not in service
        assert service["security_opt"] == ["no-new-privileges:true"]
    assert not {"privileged", "pid", "ipc", "devices", "userns_mode"} & set(service)


@pytest.mark.parametrize("name", SERVICES)
def test_no_service_is_root(name: str) -> None:
    """The images of the lab name their user at the end, and the compose file names no root."""
    service = SERVICES[name]

    assert service.get("user", "nobody") in ("nobody", "${LAB_USER:-10001:10001}")
    if "build" in service:
        image = DOCKERFILE.split(f" AS {service['build']['target']}\n")[1].split("\nFROM ")[0]
        assert re.findall(r"^USER (\S+)$", image, re.MULTILINE) == ["lab"]


@pytest.mark.parametrize("name", SERVICES)
def test_a_port_is_on_loopback_and_can_be_changed(name: str) -> None:
    """Other programs use these ports, too; what a service says of itself follows."""
    service = SERVICES[name]
    ports = {"backend": 8001, "client": 8000, "loadtest": 8089, "prometheus": 9090, "grafana": 3000}
    if name == "results":
        assert "ports" not in service
        return
    variable = f"LAB_{'UI' if name == 'loadtest' else name.upper()}_PORT"
    chosen = f"${{{variable}:-{ports[name]}}}"

    assert service["ports"] == [f"127.0.0.1:{chosen}:{ports[name]}"]
    if name in OWN:
        assert service["environment"][f"{name.upper()}_SHOWN_URL"] == f"http://127.0.0.1:{chosen}"


def test_tags_name_at_least_a_minor_version() -> None:
    """And no `latest`; a registry's own digests come from `make digests`."""
    images = [service["image"] for service in SERVICES.values() if "build" not in service]
    (python,) = re.findall(r"^ARG PYTHON=(\S+)$", DOCKERFILE, re.MULTILINE)

    assert [each for each in images if not re.fullmatch(r"[a-z/]+:v?\d+\.\d+(\.\d+)?", each)] == []
    assert re.fullmatch(r"3\.\d+", python)
    assert re.findall(r"^FROM (?:--\S+ )?(\S+)", DOCKERFILE, re.MULTILINE) == ["${PYTHON_IMAGE}", *["base"] * 4]


def test_a_start_may_take_two_minutes() -> None:
    """A slow machine needs more than the 20 s that it had; once it is up, a minute of silence is a fault."""
    checks = re.findall(r"^HEALTHCHECK (.*?) \\$", DOCKERFILE, re.MULTILINE)

    assert checks == ["--interval=10s --timeout=10s --retries=6 --start-period=120s --start-interval=1s"] * 3
    assert SERVICES["prometheus"]["healthcheck"].items() >= {"start_period": "120s", "retries": 6}.items()


def test_users_files_are_mounted() -> None:
    """Results to write, scenarios to read; each is a folder of the checkout, or the engine would make it as root's."""
    mounts = SERVICES["loadtest"]["volumes"]

    assert mounts == ["./results:/lab/results", "./scenarios:/lab/scenarios:ro"]
    assert all((ROOT / each.partition(":")[0]).is_dir() for each in mounts)
    assert SERVICES["results"]["volumes"] == ["./results:/lab/results"]


def test_volumes_have_names() -> None:
    """One without would stay behind after each `docker compose down`."""
    sources = {each.partition(":")[0] for service in SERVICES.values() for each in service.get("volumes", ())}

    assert {each for each in sources if not each.startswith("./")} == set(COMPOSE["volumes"])
