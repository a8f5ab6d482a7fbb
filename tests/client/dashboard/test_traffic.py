"""The button that sends a little load."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from client.core import Client
from client.dashboard.traffic import LASTS_S, MOST_UNDER_WAY, RATE_PER_S, Traffic
from client.observe.counters import Counters
from client.pipeline.call import Answer, Call
from client.pipeline.order import CallSettings
from virtual_clock.loop import run_virtual

if TYPE_CHECKING:
    from client.pipeline.call import Handler


async def ok(_: Call) -> Answer:
    return Answer(200, b"{}")


async def hang(_: Call) -> Answer:
    await asyncio.Event().wait()
    return Answer(200, b"{}")


def lab(upstream: Handler) -> tuple[Traffic, Counters, Client]:
    counters = Counters()
    client = Client(CallSettings.model_validate({"timeout": {"total_s": None}}), upstream, [counters])
    return Traffic(client.call), counters, client


def test_it_sends_at_its_rate_and_ends_by_itself() -> None:
    """Five a second for a minute; pressed again on the way, it lasts a minute from then on, at the same rate."""

    async def main() -> list[tuple[int, bool]]:
        traffic, counters, _ = lab(ok)
        found = []
        traffic.start()
        await asyncio.sleep(10.1)
        found.append((counters.backend_calls + counters.snapshot()["requests"], traffic.snapshot()["on"]))
        traffic.start()
        await asyncio.sleep(2 * LASTS_S)
        found.append((counters.snapshot()["requests"], traffic.snapshot()["on"]))
        return found

    at_ten = 10 * RATE_PER_S + 1
    assert run_virtual(main()) == [(at_ten, True), (at_ten + LASTS_S * RATE_PER_S, False)]


def test_it_stops_and_starts_again() -> None:
    """Stopping twice is no mistake."""

    async def main() -> list[int]:
        traffic, counters, _ = lab(ok)
        found = []
        for stop in (True, True, False):
            traffic.start()
            await asyncio.sleep(1.1)
            if stop:
                traffic.stop()
                traffic.stop()
            await asyncio.sleep(1)
            found.append(counters.snapshot()["requests"])
        await traffic.close()
        return found

    assert run_virtual(main()) == [6, 12, 23]


def test_a_backend_that_hangs_does_not_collect_calls_for_ever() -> None:
    """Nor does the end of the service wait for them."""

    async def main() -> tuple[int, int, int]:
        traffic, counters, client = lab(hang)
        traffic.start()
        await asyncio.sleep(LASTS_S + 1)
        under_way = client.in_flight
        await traffic.close()
        return under_way, client.in_flight, counters.snapshot()["outcomes"]["cancelled"]

    assert run_virtual(main()) == (MOST_UNDER_WAY, 0, MOST_UNDER_WAY)
