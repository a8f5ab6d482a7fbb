"""The guards that the benchmark times are the client's own."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from bench.guards import OWN, SLOW_CALLS, make_own_guard
from client.breakers.interface import State
from client.pipeline.call import Call
from client.pipeline.errors import RefusedError


@pytest.mark.parametrize(
    ("policy", "chosen"), [*((policy, {}) for policy in ("consecutive", *OWN)), ("time_window", SLOW_CALLS)]
)
def test_a_guard_lets_a_call_through(policy: str, chosen: dict[str, Any]) -> None:
    """Closed, each policy answers."""

    async def call() -> int:
        return (await make_own_guard(policy, **chosen)(Call("1"))).status

    assert asyncio.run(call()) == 200


def test_an_open_guard_refuses() -> None:
    """As the benchmark of a refusal needs it."""

    async def call() -> None:
        await make_own_guard("consecutive", State.OPEN)(Call("1"))

    with pytest.raises(RefusedError):
        asyncio.run(call())
