"""Time of one guarded call inside the process, without HTTP."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from typing import TYPE_CHECKING

import pybreaker

from bench.figure import Figure
from client import breakers
from client.breakers.interface import State
from client.call import Answer, Call
from client.errors import RefusedError
from client.guard import with_breaker
from client.settings import BreakerSettings

if TYPE_CHECKING:
    from collections.abc import Callable

    from client.breakers.interface import Transition
    from client.call import Handler

CALLS = 20_000
_ANSWER = Answer(200, b"{}")


async def _work(call: Call) -> Answer:  # noqa: ARG001 - the work is that there is none
    return _ANSWER


def _ignore(transition: Transition) -> None:
    """Take no notice."""


def _ours(policy: str, state: State) -> Handler:
    breaker = breakers.build(BreakerSettings(policy=policy), time.monotonic(), _ignore)
    if state is State.OPEN:
        breaker.force(State.OPEN, time.monotonic(), "by hand")
    return with_breaker(_work, lambda: breaker, time.monotonic)


async def _time_ours(handler: Handler) -> float:
    began = time.perf_counter()
    for _ in range(CALLS):
        with suppress(RefusedError):
            await handler(Call("1"))
    return (time.perf_counter() - began) / CALLS * 1e6


async def _time_calling(breaker: pybreaker.CircuitBreaker) -> float:
    began = time.perf_counter()
    for _ in range(CALLS):
        with suppress(pybreaker.CircuitBreakerError), breaker.calling():
            await _work(Call("1"))
    return (time.perf_counter() - began) / CALLS * 1e6


def measure(repeats: int, say: Callable[[str], None]) -> list[Figure]:
    """Return the guard of a succeeding call and of a refusal, against pybreaker's own `calling()`. Microseconds."""
    figures = []
    for what, state in (("guard of a succeeding call, `consecutive`", State.CLOSED), ("a refusal", State.OPEN)):
        say(what)
        ours, theirs = [], []
        for _ in range(repeats):
            stock = pybreaker.CircuitBreaker(fail_max=5, reset_timeout=3600)
            if state is State.OPEN:
                stock.open()
            ours.append(asyncio.run(_time_ours(_ours("consecutive", state))))
            theirs.append(asyncio.run(_time_calling(stock)))
        figures.append(Figure(what, "pybreaker `calling()`", "us", tuple(ours), tuple(theirs)))
    return figures
