"""A part of the pipeline is one file and one line in `order`: a made-up one is found wherever parts are set."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tests.client.pipeline.made_up_part import add_part
from tests.made_up import Checkout

if TYPE_CHECKING:
    from pathlib import Path

SCRIPT = '''
import json
from pathlib import Path
from starlette.testclient import TestClient
from client.app import create_app
from client.settings import ClientSettings
from inputs.environment import from_environment, variables
from loadtest.engines.virtual.engine import run_on_virtual_time
from loadtest.engines.virtual.simulate import simulate
from loadtest.figures.finished import measure_run
from loadtest.figures.two_runs import compare_runs
from loadtest.records import run_folder
from loadtest.scenario import files
from loadtest.studies.sweep.grid import settings

ARM = """name = "mine"
title = "Mine"
load = [{ requests = 2, rate_per_s = 1 }]
[arms.with]
delay = { delay_s = DELAY }
"""
class Silent:
    def __enter__(self): return self
    def __exit__(self, *_): pass
    def __getattr__(self, _): return lambda: 0.0

found = {"variable": "CLIENT_DELAY__DELAY_S" in variables(ClientSettings)}
with TestClient(create_app(from_environment(ClientSettings)), "http://localhost") as client:
    found["config"] = client.get("/config").json()["delay"]
    found["changed"] = client.patch("/config", json={"delay": {"delay_s": 2}}).json()["delay"]
    found["wrong"] = client.patch("/config", json={"delay": {"delay_s": 99}}).json()["detail"]
    schema = client.get("/config/schema").json()
    found["form"] = schema["settings"]["properties"]["delay"]["properties"]["delay_s"]["maximum"]
    found["started_with"] = schema["started_with"]["delay"]
runs = []
for delay in ("0.25", "0.5"):
    text = ARM.replace("DELAY", delay)
    scenario = files.parse(text, "mine.toml")
    folder = run_folder.create(Path("results") / delay, scenario, text, "virtual", ["with"], [1])
    run_on_virtual_time(folder, Silent())
    runs.append(folder)
found["rows"] = [row.duration_s for row in simulate(scenario, "with", 1).rows]
found["grid"] = "delay.delay_s" in settings()
found["compared"] = [each for each in compare_runs(*map(measure_run, runs)).differences if "delay" in each[0]]
print(json.dumps(found))
'''


def test_a_made_up_part_is_found_everywhere(tmp_path: Path) -> None:
    """In the environment, over HTTP, in the form, in an arm on virtual time, in a grid, and between two runs."""
    checkout = Checkout(tmp_path, "client")
    add_part(checkout)

    found = json.loads(checkout.run("-c", SCRIPT, CLIENT_DELAY__DELAY_S="1.5"))

    assert found == {
        "variable": True,
        "config": {"delay_s": 1.5},
        "changed": {"delay_s": 2.0},
        "wrong": "delay.delay_s: got 99; allowed: a number >= 0 and <= 10",
        "form": 10.0,
        "started_with": {"delay_s": 1.5},
        "rows": [0.5, 0.5],
        "grid": True,
        "compared": [["`with` delay.delay_s", "0.25", "0.5"]],
    }
