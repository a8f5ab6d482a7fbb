"""A made-up part of the pipeline on real services: in an arm, and put back afterwards as it was."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tests.client.pipeline.made_up_part import add_part
from tests.made_up import Checkout

if TYPE_CHECKING:
    from pathlib import Path

SCRIPT = '''
import json, subprocess, sys
from pathlib import Path
from loadtest.engines.live.control import Service
from loadtest.engines.live.services import own_services

Path("mine.toml").write_text("""name = "mine"
title = "Mine"
load = [{ requests = 3, rate_per_s = 20 }]
[arms.with]
delay = { delay_s = 0.25 }
""")
with own_services(Path("services.log")) as urls:
    client = Service("client", urls.client)
    before = client.get("/config")
    command = [sys.executable, "-m", "loadtest", "run", "mine.toml", "--quiet"]
    subprocess.run([*command, "--client-url", urls.client, "--backend-url", urls.backend], stdout=sys.stderr)
    after = client.get("/config")
run = Path("results/mine/latest")
rows = [json.loads(line) for line in (run / "requests.jsonl").read_text().splitlines()]
manifest = json.loads((run / "manifest.json").read_text())
print(json.dumps({
    "waited": [row["duration_s"] >= 0.25 for row in rows],
    "in_force": manifest["settings"]["with/1"]["client"]["delay"],
    "before": before["delay"],
    "put_back": before == after,
}))
'''


def test_a_made_up_part_is_in_force_for_its_arm_and_put_back(tmp_path: Path) -> None:
    """Nobody told the live engine of it: its list is that of the settings."""
    checkout = Checkout(tmp_path, "client")
    add_part(checkout)

    found = json.loads(checkout.run("-c", SCRIPT, CLIENT_DELAY__DELAY_S="0.01"))

    assert found == {
        "waited": [True] * 3,
        "in_force": {"delay_s": 0.25},
        "before": {"delay_s": 0.01},
        "put_back": True,
    }
