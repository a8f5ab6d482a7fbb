"""How late the event loop runs, on a clock that the test moves."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from client.core import Client
from client.pipeline.call import Answer, Call
from client.pipeline.loop_lag import IDLE_EVERY_S, LOOK_EVERY_S, LoopLag, is_own_delay
from client.pipeline.order import CallSettings
from virtual_clock.loop import run_virtual

if TYPE_CHECKING:
    from collections.abc import Callable


class Clock:
    """A clock that stands until the test moves it."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def looked(*lags: float) -> LoopLag:
    """Return what was noticed of delays in a row, which end at 100 s."""
    clock = Clock()
    clock.now -= sum(lags) + len(lags) * LOOK_EVERY_S
    lag = LoopLag(clock)

    async def main() -> None:
        for each in lags:
            lag.start(asyncio.get_running_loop())
            clock.now += LOOK_EVERY_S + each
            lag.look()
        lag.close()

    run_virtual(main())
    return lag


def test_a_stall_is_noticed_with_its_length() -> None:
    """Only the longer delays are stalls, and the sum is of those."""
    lag = looked(0.001, 0.02, 1.15, 0.06)

    assert [round(stall.lag_s, 6) for stall in lag.stalls] == [1.15, 0.06]
    assert lag.stalled_s == pytest.approx(1.21)
    assert lag.longest_s(99.0) == pytest.approx(0.935)  # the part after that time
    assert lag.longest_s(99.95) == pytest.approx(0.05)
    assert lag.longest_s(100.0) == 0.0


def test_a_stall_under_way_counts_before_anybody_has_looked() -> None:
    """The first thing that runs after a stall may be a deadline."""
    clock = Clock()
    lag = LoopLag(clock)

    async def main() -> float:
        lag.start(asyncio.get_running_loop())
        clock.now += LOOK_EVERY_S + 1.0
        found = lag.longest_s(100.0)
        lag.close()
        return found

    assert run_virtual(main()) == pytest.approx(1.0)


@pytest.mark.parametrize(("busy", "every_s"), [(True, LOOK_EVERY_S), (False, IDLE_EVERY_S)])
def test_it_looks_seldom_while_nobody_calls(*, busy: bool, every_s: float) -> None:
    """As often as the looks are due."""
    looks: list[float] = []

    class Counted(LoopLag):
        def look(self) -> None:
            looks.append(asyncio.get_running_loop().time())

    async def main() -> None:
        loop = asyncio.get_running_loop()
        lag = Counted(loop.time, lambda: busy)
        lag.start(loop)
        await asyncio.sleep(3.5 * every_s)
        lag.close()
        await asyncio.sleep(1)

    run_virtual(main())
    assert looks == pytest.approx([every_s, 2 * every_s, 3 * every_s])


@pytest.mark.parametrize(
    ("timeout_s", "late_s", "lags", "own"),
    [
        (1.0, 0.09, (), False),
        (1.0, 0.11, (), True),
        (0.2, 0.04, (), False),
        (0.2, 0.06, (), True),
        (0.2, 0.0, (0.04, 0.04), True),
        (0.2, 0.0, (0.03, 0.03), False),
        (0.2, 0.0, (0.009,) * 12, False),
        (3.0, 0.0, (0.1,) * 20, False),
        (3.0, 0.0, (0.3,) * 4, True),
    ],
)
def test_whose_doing_a_timeout_is(timeout_s: float, late_s: float, lags: tuple[float, ...], *, own: bool) -> None:
    """The client's: its deadline fired late, or a third of its time was wasted by delays that a call can feel."""
    assert is_own_delay(timeout_s, late_s, looked(*lags), 100.0 - timeout_s) is own
    assert is_own_delay(timeout_s, late_s, None, 0.0) is (late_s > max(0.05, timeout_s / 10))


@pytest.mark.parametrize(("stall_s", "slow"), [(0.0, 1), (0.3, 0), (0.9, 1)])
def test_a_call_that_only_the_client_made_slow_is_not_slow(stall_s: float, slow: int) -> None:
    """Slow is a second. Of 1.2 s the loop wasted nothing, or 0.3 s; of 2 s it wasted 0.9 s, and the rest is slow."""

    async def main() -> int:
        loop = asyncio.get_running_loop()
        stalled = Stalled(loop.time, stall_s)

        async def upstream(_: Call) -> Answer:
            await asyncio.sleep(1.2 if stall_s < 0.5 else 2.0)
            return Answer(200, b"")

        breaker = {"policy": "count_window", "slow_call_s": 1.0, "slow_call_rate": 1.0}
        client = Client(CallSettings.model_validate({"breaker": breaker}), upstream, (), loop.time, stalled)
        await client.call("1")
        window: dict[str, int] = client.snapshot()["window"]
        return window["slow"]

    assert run_virtual(main()) == slow


class Stalled(LoopLag):
    """A loop that has wasted some seconds."""

    def __init__(self, clock: Callable[[], float], stall_s: float) -> None:
        super().__init__(clock)
        self._stall_s = stall_s

    def wasted_s(self, since: float, least_s: float) -> float:  # noqa: ARG002
        return self._stall_s
