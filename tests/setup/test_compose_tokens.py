"""The compose file and its override with tokens, as far as can be said without an engine."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
SERVICES = {"client": "CLIENT_", "backend": "BACKEND_", "loadtest": "LOADTEST_"}


def read(name: str) -> dict[str, Any]:
    return dict(yaml.safe_load((ROOT / name).read_text(encoding="utf-8")))


def variables(name: str) -> dict[str, dict[str, str]]:
    return {service: each.get("environment", {}) for service, each in read(name)["services"].items()}


def test_each_service_says_that_it_needs_no_token_and_knows_its_name() -> None:
    """And the file says why; every port is published on loopback alone."""
    found = variables("docker-compose.yml")
    comments = " ".join(re.findall(r"(?m)^#(.*)$", (ROOT / "docker-compose.yml").read_text(encoding="utf-8")))

    for service, prefix in SERVICES.items():
        assert (found[service][f"{prefix}INSECURE"], found[service][f"{prefix}ALLOWED_HOSTS"]) == ("yes", service)
    assert "INSECURE=yes" in comments
    assert "published on the host's loopback" in comments
    published = [port for each in read("docker-compose.yml")["services"].values() for port in each.get("ports", ())]
    assert published
    assert all(port.startswith("127.0.0.1:") for port in published)


def test_the_override_has_a_token_for_each_and_takes_insecure_back() -> None:
    """It refuses to start without them; whoever asks a service has the token for it."""
    found = variables("docker-compose.tokens.yml")

    for service, prefix in SERVICES.items():
        own = found[service]
        assert own[f"{prefix}INSECURE"] == "no"
        assert own[f"{prefix}TOKEN"].startswith(f"${{{prefix}TOKEN:?")
        assert own[f"{prefix}READ_TOKEN"] == f"${{{prefix}READ_TOKEN:-${{{prefix}TOKEN}}}}"
    assert found["client"]["CLIENT_BACKEND_TOKEN"] == found["backend"]["BACKEND_TOKEN"]
    assert found["loadtest"]["CLIENT_TOKEN"] == found["client"]["CLIENT_TOKEN"]
    assert found["loadtest"]["BACKEND_TOKEN"] == found["backend"]["BACKEND_TOKEN"]
    assert ".env" in (ROOT / ".gitignore").read_text(encoding="utf-8").splitlines()


def test_prometheus_scrapes_the_same_with_tokens() -> None:
    """But for the files of the tokens, which the override writes."""
    plain, guarded = (read(f"observability/prometheus/{name}.yml") for name in ("prometheus", "with-tokens"))
    files = [job.pop("authorization")["credentials_file"] for job in guarded["scrape_configs"]]
    start = read("docker-compose.tokens.yml")["services"]["prometheus"]["entrypoint"]

    assert guarded == plain
    assert [job["job_name"] for job in plain["scrape_configs"]] == [Path(file).stem.split("-")[0] for file in files]
    assert all(f"> {file};" in start[2] for file in files)
