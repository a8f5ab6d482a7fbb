"""A policy is one file and one line: a made-up one is found wherever policies are offered, set, shown or counted."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tests.made_up import Checkout

if TYPE_CHECKING:
    from pathlib import Path

POLICY = '''
"""Refuses every n-th call."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from client.breakers.interface import CLOSED, Breaker, Counted, Permit, Refusal
from client.breakers.policy import PolicySettings


class TurnRefusalCause(Counted):
    TURN = "its turn"


class TurnSettings(PolicySettings):
    policy: Literal["turn"] = "turn"
    each_nth: int = Field(2, ge=1, le=100, description="one of so many calls is refused")


class TurnBreaker(Breaker):
    """Refuses one of each so many calls."""

    settings_type = TurnSettings
    refusals = tuple(TurnRefusalCause)

    def __init__(self, settings: TurnSettings, now: float, on_transition: Any) -> None:
        super().__init__(settings, now, on_transition)
        self._calls = 0

    def admit(self, now: float) -> Permit | Refusal:
        self._calls += 1
        if self._calls % self.settings.each_nth == 0:
            return Refusal(CLOSED, TurnRefusalCause.TURN, 0.0, self.since)
        return Permit(CLOSED, 0, now)

    def report(self, permit: Any, verdict: Any, now: float, retry_after_s: float | None = None) -> None:
        pass

    def force(self, state: Any, now: float, kind: Any, for_s: Any = None) -> None:
        pass
'''
SCRIPT = '''
import json
from starlette.testclient import TestClient
from client.app import create_app
from client.settings import ClientSettings
from inputs.environment import from_environment, variables
from inputs.wrong_input import WrongInputError
from loadtest.engines.virtual.simulate import simulate
from loadtest.scenario import files
from loadtest.studies.sweep.grid import settings

ARM = """name = "mine"
title = "Mine"
load = [{ requests = 6, rate_per_s = 1 }]
[arms.with.breaker]
policy = "turn"
each_nth = 3
"""
found = {"variable": "CLIENT_BREAKER__EACH_NTH" in variables(ClientSettings)}
with TestClient(create_app(from_environment(ClientSettings)), "http://localhost") as client:
    before = client.get("/config").json()["breaker"]
    found["config"] = [before["policy"], before["each_nth"]]
    found["order"] = list(before)[-3:]
    found["changed"] = client.patch("/breaker", json={"each_nth": 5}).json()["each_nth"]
    found["wrong"] = client.patch("/breaker", json={"each_nth": 0}).json()["detail"]
    client.patch("/breaker", json={"policy": "consecutive"})
    found["foreign"] = client.patch("/breaker", json={"each_nth": 7}).json()["detail"]
    found["kept"] = client.patch("/breaker", json={"policy": "turn"}).json()["each_nth"]
    schema = client.get("/config/schema").json()
    found["form"] = schema["settings"]["properties"]["breaker"]["properties"]["each_nth"]["maximum"]
    found["about"] = schema["policies"]["turn"]
    found["metric"] = 'breaker_refusals_total{cause="its turn"} 0.0' in client.get("/metrics").text
run = simulate(files.parse(ARM, "mine.toml"), "with", 1)
found["rows"] = [row.outcome for row in run.rows]
found["grid"] = "breaker.each_nth" in settings()
try:
    files.parse(ARM + "fail_max = 3", "mine.toml")
except WrongInputError as error:
    found["refused"] = str(error)
print(json.dumps(found))
'''


def test_a_made_up_policy_is_found_everywhere(tmp_path: Path) -> None:
    """In the environment, over HTTP, in the form, in the metrics, in a scenario's arm, and in a sweep's grid."""
    checkout = Checkout(tmp_path, "client")
    checkout.add("client/breakers/share/turn.py", POLICY)
    checkout.insert(
        "client/breakers/registry.py",
        "if TYPE_CHECKING:",
        "from client.breakers.share.turn import TurnBreaker\n",
    )
    checkout.insert("client/breakers/registry.py", '    "off": NoBreaker,', '    "turn": TurnBreaker,')

    found = json.loads(checkout.run("-c", SCRIPT, CLIENT_BREAKER__POLICY="turn", CLIENT_BREAKER__EACH_NTH="4"))

    foreign = "does not read it, only:"
    assert found == {
        "variable": True,
        "config": ["turn", 4],
        "order": ["each_nth", "seed", "shadow"],
        "changed": 5,
        "wrong": "breaker.each_nth: got 0; allowed: a whole number >= 1 and <= 100",
        "foreign": f"breaker.each_nth: got 7; the policy 'consecutive' {foreign} turn",
        "kept": 5,
        "form": 100,
        "about": {"about": "Refuses one of each so many calls.", "reads": ["each_nth"]},
        "metric": True,
        "rows": ["ok", "ok", "fast_fail"] * 2,
        "grid": True,
        "refused": f"mine.toml: arms.with.breaker.fail_max: got 3; the policy 'turn' {foreign} consecutive",
    }
