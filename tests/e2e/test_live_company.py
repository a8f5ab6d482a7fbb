"""A live run that is not alone: services of somebody else, strangers who use them, and a second run."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import lab

from loadtest.engines.live.control import Service, ServiceError
from loadtest.engines.live.services import own_services

if TYPE_CHECKING:
    from pathlib import Path


def test_a_second_run_is_refused_while_one_is_going(tmp_path: Path) -> None:
    """Two at once would measure each other."""
    process = lab.start("run", "experiment-1", "--out", str(tmp_path))
    try:
        lab.wait_for(lab.run_under_way(tmp_path / "experiment-1") / "requests.jsonl", 1)
        second = lab.loadtest("run", str(lab.scenario(tmp_path)), "--out", str(tmp_path))
    finally:
        process.terminate()
        process.communicate(timeout=30)
    assert second.returncode == 2
    assert f"another run is in progress (experiment-1, process {process.pid}," in second.stderr


def test_two_runs_on_the_same_services_are_refused(tmp_path: Path) -> None:
    """Also where each has a results folder of its own."""
    with own_services(tmp_path / "log") as urls:
        where = ("--client-url", urls.client, "--backend-url", urls.backend)
        process = lab.start("run", "experiment-1", "--out", str(tmp_path / "one"), *where)
        try:
            lab.wait_for(lab.run_under_way(tmp_path / "one" / "experiment-1") / "requests.jsonl", 1)
            second = lab.loadtest("run", "experiment-1", "--out", str(tmp_path / "two"), *where)
        finally:
            process.terminate()
            process.communicate(timeout=30)
    assert second.returncode == 2
    assert "another run is in progress" in second.stderr


def test_it_attaches_to_running_services_and_puts_them_back(tmp_path: Path) -> None:
    """With the URLs of two services the lab uses these, and leaves their settings as they were.

    A proxy that the environment names is meant for the world outside, and is not asked.
    """
    with own_services(tmp_path / "log") as urls:
        client, backend = Service("client", urls.client), Service("backend", urls.backend)
        client.send("PATCH", "/breaker", {"fail_max": 77})
        backend.send("PUT", "/faults", {"error_rate": 0.25})
        before = client.get("/config"), backend.get("/faults")
        where = ("--client-url", urls.client, "--backend-url", urls.backend)
        wanted = str(lab.scenario(tmp_path, lab.TINY))
        proxy = {"http_proxy": "http://127.0.0.1:9"}
        done = lab.loadtest("run", wanted, "--out", str(tmp_path / "results"), *where, **proxy)
        assert lab.held(done), done.stdout + done.stderr
        assert (client.get("/config"), backend.get("/faults")) == before


def test_strangers_are_noticed(tmp_path: Path) -> None:
    """A call that did not come from the client, and a knob turned there and back: exit code 1, and each is named."""
    with own_services(tmp_path / "log") as urls:
        where = ("--client-url", urls.client, "--backend-url", urls.backend, "--arm", "with")
        process = lab.start("run", str(lab.scenario(tmp_path)), "--out", str(tmp_path / "results"), *where)
        lab.wait_for(lab.run_under_way(tmp_path / "results" / "short") / "requests.jsonl", 1)
        with contextlib.suppress(ServiceError):
            Service("backend", urls.backend).get("/data")
        faults = Service("backend", urls.backend).get("/faults")
        Service("backend", urls.backend).send("PUT", "/faults", faults)
        said, _ = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "NOT OK with: client and backend count the same calls: rows 15, client 15, backend 16" in said
    assert "NOT OK with: nobody else changed anything: 1 changes" in said
