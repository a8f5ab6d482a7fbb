"""The live engine on real processes."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
from pathlib import Path

import lab
import pytest

from loadtest.agreement.__main__ import agreement
from loadtest.live.admin import Service, ServiceError
from loadtest.live.services import own_services
from loadtest.run_folder import RunFolder

FIELDS = [
    "arm",
    "seed",
    "id",
    "intended_s",
    "sent_s",
    "duration_s",
    "status",
    "outcome",
    "served",
    "state",
    "fail_count",
    "attempts",
    "backend_calls",
    "would_have",
]


def test_the_breaker_follows_the_document(finished: tuple[str, Path]) -> None:
    """Result, state and count of every request, over real HTTP."""
    guarded = sorted((row for row in lab.rows(finished[1]) if row["arm"] == "with"), key=lambda row: row["id"])
    assert [(row["outcome"], row["state"], row["fail_count"]) for row in guarded] == [
        ("ok", "closed", 0),
        ("error", "closed", 1),
        ("error", "closed", 2),
        ("ok", "closed", 0),
        ("error", "closed", 1),
        ("error", "closed", 2),
        ("error", "closed", 3),
        ("error", "closed", 4),
        ("error", "closed", 5),
        *[("fast_fail", "open", 5)] * 7,
        ("ok", "half-open", 0),
        *[("ok", "closed", 0)] * 5,
    ]
    assert [row["status"] for row in guarded] == [200, 502, 502, 200, *[502] * 5, *[503] * 7, *[200] * 6]


def test_the_virtual_engine_tells_the_same(finished: tuple[str, Path]) -> None:
    """Every request of both arms has the same outcome, state and count on the virtual clock."""
    found = agreement(RunFolder(finished[1]))

    assert [(arm.arm, arm.exactly, arm.differences, arm.ok) for arm in found] == [
        ("with", 22, (), True),
        ("without", 22, (), True),
    ]


def test_a_refusal_knows_what_it_refused(finished: tuple[str, Path]) -> None:
    """Both arms met the same weather: a refused request would have had the fate that it had in the other arm."""
    by_arm = {
        arm: {row["id"]: row for row in lab.rows(finished[1]) if row["arm"] == arm} for arm in ("without", "with")
    }
    assert {id_: row["would_have"] for id_, row in by_arm["with"].items()} == {
        id_: row["outcome"] for id_, row in by_arm["without"].items()
    }


def test_the_files_have_the_fields_of_the_design(finished: tuple[str, Path]) -> None:
    """A row, the manifest and the summary keep to their contract, and calls are conserved."""
    folder = finished[1]
    assert all(list(row) == FIELDS for row in lab.rows(folder))
    figures = lab.summary(folder)
    assert set(figures) >= {"schema", "scenario", "engine", "seeds", "arms", "comparison", "document", "validity"}
    for arm in figures["arms"].values():
        assert arm["requests"] == sum(arm["outcomes"].values()) == 22
    assert [check["name"] for check in figures["validity"] if not check["ok"]] == []
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["complete"] is True
    assert manifest["settings"]["with/1"]["client"]["breaker"]["reset_timeout"] == 1
    assert manifest["settings"]["with/1"]["backend"]["sequence"] == "SFFSFFFFF"
    assert {path.name for path in folder.iterdir()} == {
        *("manifest.json", "requests.jsonl", "transitions.jsonl", "samples.jsonl", "arms.jsonl"),
        *("summary.json", "report.md", "report.html", "charts"),
    }


def test_nothing_is_printed_but_the_trace_and_where_things_stand(finished: tuple[str, Path]) -> None:
    """Locust's own tables and logs stay away from the user."""
    text = finished[0]
    assert "Request 10:  Circuit Breaker OPENED; FAST-FAIL" in text
    assert "Request 18:  Circuit Breaker CLOSED; Backend: SUCCESS" in text
    assert "locust" not in text.lower()
    assert "Aggregated" not in text


def test_the_report_rebuilds_from_the_rows(finished: tuple[str, Path]) -> None:
    """Without any service, to the same bytes."""
    folder = finished[1]
    before = {name: (folder / name).read_bytes() for name in ("report.md", "report.html", "summary.json")}
    done = lab.loadtest("report", str(folder))
    assert done.returncode == 0, done.stderr
    assert {name: (folder / name).read_bytes() for name in before} == before


def test_a_broken_expectation_fails_the_run(tmp_path: Path) -> None:
    """The lab can stand in somebody's CI."""
    wanted = lab.scenario(tmp_path, lab.TINY, "\n[expect.with]\nbackend_calls = { max = 2 }\n")
    done = lab.loadtest("run", str(wanted), "--out", str(tmp_path / "results"))
    assert done.returncode == 1
    assert "NOT OK expected of with: backend_calls <= 2: measured 3" in done.stdout
    report = (tmp_path / "results" / "short" / "latest" / "report.md").read_text(encoding="utf-8")
    assert report.index("**Not as expected.**") < report.index("## ")
    assert "This run does not hold" not in report


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupted_run_keeps_what_it_measured(tmp_path: Path, number: signal.Signals, code: int) -> None:
    """Ctrl-C and kill: rows and report stay, marked incomplete, and no process is left."""
    process = lab.start("run", "experiment-1", "--out", str(tmp_path))
    folder = tmp_path / "experiment-1" / "latest"
    lab.wait_for(folder / "requests.jsonl", 2)
    below = lab.descendants(process.pid)
    assert len(below) >= 3
    process.send_signal(number)
    said, _ = process.communicate(timeout=30)
    assert process.returncode == code, said
    assert lab.gone(below)
    assert len(lab.rows(folder)) >= 2
    assert lab.summary(folder)["complete"] is False
    assert "NOT OK the run is complete" in said
    assert "This run does not hold" in (folder / "report.md").read_text(encoding="utf-8")
    assert "Traceback" not in said


def test_a_killed_run_leaves_no_process(tmp_path: Path) -> None:
    """SIGKILL cannot be caught: the children notice that their parent is gone, and the rows are there."""
    process = lab.start("run", "experiment-1", "--out", str(tmp_path))
    folder = tmp_path / "experiment-1" / "latest"
    lab.wait_for(folder / "requests.jsonl", 2)
    below = lab.descendants(process.pid)
    process.kill()
    process.communicate(timeout=30)
    assert lab.gone(below)
    done = lab.loadtest("report", str(folder))
    assert done.returncode == 1, done.stderr
    assert "NOT OK the run is complete" in done.stdout
    assert lab.summary(folder)["complete"] is False
    assert len(lab.rows(folder)) >= 2


def test_a_second_run_is_refused_while_one_is_going(tmp_path: Path) -> None:
    """Two at once would measure each other."""
    process = lab.start("run", "experiment-1", "--out", str(tmp_path))
    try:
        lab.wait_for(tmp_path / "experiment-1" / "latest" / "requests.jsonl", 1)
        second = lab.loadtest("run", str(lab.scenario(tmp_path)), "--out", str(tmp_path))
    finally:
        process.terminate()
        process.communicate(timeout=30)
    assert second.returncode == 2
    assert f"another run is going on (experiment-1, process {process.pid}," in second.stderr


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
        assert done.returncode == 0, done.stdout + done.stderr
        assert (client.get("/config"), backend.get("/faults")) == before


def test_strangers_are_noticed(tmp_path: Path) -> None:
    """A call that did not come from the client, and a knob turned there and back: exit code 1, and each is named."""
    with own_services(tmp_path / "log") as urls:
        where = ("--client-url", urls.client, "--backend-url", urls.backend, "--arm", "with")
        process = lab.start("run", str(lab.scenario(tmp_path)), "--out", str(tmp_path / "results"), *where)
        lab.wait_for(tmp_path / "results" / "short" / "latest" / "requests.jsonl", 1)
        with contextlib.suppress(ServiceError):
            Service("backend", urls.backend).get("/data")
        faults = Service("backend", urls.backend).get("/faults")
        Service("backend", urls.backend).send("PUT", "/faults", faults)
        said, _ = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "NOT OK with: client and backend count the same calls: rows 15, client 15, backend 16" in said
    assert "NOT OK with: nobody else changed anything: 1 changes" in said


def test_two_runs_on_the_same_services_are_refused(tmp_path: Path) -> None:
    """Also where each has a results folder of its own."""
    with own_services(tmp_path / "log") as urls:
        where = ("--client-url", urls.client, "--backend-url", urls.backend)
        process = lab.start("run", "experiment-1", "--out", str(tmp_path / "one"), *where)
        try:
            lab.wait_for(tmp_path / "one" / "experiment-1" / "latest" / "requests.jsonl", 1)
            second = lab.loadtest("run", "experiment-1", "--out", str(tmp_path / "two"), *where)
        finally:
            process.terminate()
            process.communicate(timeout=30)
    assert second.returncode == 2
    assert "another run is going on" in second.stderr


def test_phases_begin_and_end_when_the_scenario_says(tmp_path: Path) -> None:
    """Requests before the border meet the first phase, those after it the second."""
    text = (
        lab.SHORT.split("[[load]]")[0]
        + """
[[load]]
requests = 20
rate_per_s = 20

[[faults.phases]]
duration_s = 0.525
[faults.phases.profile]
error_rate = 1

[[faults.phases]]

[arms.without.breaker]
policy = "off"
"""
    )
    done = lab.loadtest("run", str(lab.scenario(tmp_path, text)), "--out", str(tmp_path / "out"), "-q")
    assert done.returncode == 0, done.stdout + done.stderr
    rows = sorted(lab.rows(tmp_path / "out" / "short" / "latest"), key=lambda row: row["id"])
    assert [row["outcome"] for row in rows] == ["error"] * 11 + ["ok"] * 9
    assert [row["would_have"] for row in rows] == ["error"] * 11 + ["ok"] * 9


def test_a_backend_that_is_not_there(tmp_path: Path) -> None:
    """Exit code 2, which service, and where it was looked for."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
        done = lab.loadtest("run", "experiment-1", "--client-url", url, "--backend-url", url, "--out", str(tmp_path))
    assert done.returncode == 2
    assert f"client-url: client at {url}: cannot be reached" in done.stderr
    assert not list(tmp_path.iterdir())


def test_a_service_that_dies_ends_the_run(tmp_path: Path) -> None:
    """A client killed in the middle of an arm: what was measured stays, the run fails and says why."""
    process = lab.start("run", "experiment-1", "--out", str(tmp_path))
    folder = tmp_path / "experiment-1" / "latest"
    lab.wait_for(folder / "requests.jsonl", 2)
    below = lab.descendants(process.pid)
    victim = next(pid for pid in below if b"client" in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0"))
    os.kill(victim, signal.SIGKILL)
    said, _ = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "client at http://127.0.0.1:" in said
    assert "Traceback" not in said
    assert lab.gone(below)
    assert lab.summary(folder)["complete"] is False


def test_a_results_folder_that_cannot_be_written(tmp_path: Path) -> None:
    """A file stands where the folder should be."""
    (tmp_path / "file").write_text("", encoding="utf-8")
    done = lab.loadtest("run", "experiment-1", "--out", str(tmp_path / "file"))
    assert done.returncode == 2
    assert "cannot be written" in done.stderr


def test_a_misspelt_variable_is_caught_before_anything_starts(tmp_path: Path) -> None:
    """The name, and the one that was probably meant."""
    done = lab.loadtest("run", "experiment-1", "--out", str(tmp_path), LOADTEST_OUTT="x")
    assert done.returncode == 2
    assert "LOADTEST_OUTT: no such setting (did you mean 'LOADTEST_OUT'?)" in done.stderr
    done = lab.loadtest("run", "experiment-1", "--out", str(tmp_path), CLIENT_BREAKER__FAILMAX="3")
    assert done.returncode == 2
    assert "CLIENT_BREAKER__FAILMAX: no such setting (did you mean 'CLIENT_BREAKER__FAIL_MAX'?)" in done.stderr
    assert not list(tmp_path.iterdir())
