"""Time of one guarded call inside the process, without HTTP: this lab's policies and every peer that is installed."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from importlib import import_module
from statistics import median
from typing import TYPE_CHECKING, Any

import pybreaker

from bench.ratio import Ratio
from client.breakers.interface import Intervention, State
from client.breakers.settings import breaker_settings
from client.core import Client
from client.pipeline.breaker import with_breaker
from client.pipeline.call import Answer, Call
from client.pipeline.errors import RefusedError
from client.pipeline.order import CallSettings
from client.pipeline.timeout import TimeoutSettings

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from client.pipeline.call import Handler

CALLS = 20_000
OWN = ("count_window", "time_window", "throttle", "adaptive")
SLOW = "`time_window` that watches for slow calls: a permit for each"
SLOW_CALLS: dict[str, Any] = {"slow_call_s": 60.0, "slow_call_rate": 0.5}
_ANSWER = Answer(200, b"{}")


async def _answer_at_once(call: Call) -> Answer:  # noqa: ARG001 - the work is that there is none
    return _ANSWER


def make_own_guard(policy: str, state: State = State.CLOSED, **chosen: Any) -> Handler:
    settings = CallSettings(breaker=breaker_settings(policy=policy, **chosen), timeout=TimeoutSettings(total_s=None))
    owner = Client(settings, _answer_at_once, clock=time.monotonic)
    if state is State.OPEN:
        owner.force(State.OPEN, Intervention.OPENED)
    return with_breaker(_answer_at_once, settings.breaker, owner)


def _make_calling_guard(state: State = State.CLOSED) -> Handler:
    breaker = pybreaker.CircuitBreaker(fail_max=5, reset_timeout=3600)
    if state is State.OPEN:
        breaker.open()

    async def guarded(call: Call) -> Answer:
        with breaker.calling():
            return await _answer_at_once(call)

    return guarded


# The fastest way to guard a coroutine with each peer, unchanged but for the names.


async def _circuitbreaker() -> Handler:
    decorated: Handler = import_module("circuitbreaker").CircuitBreaker(name="bench").decorate(_answer_at_once)
    return decorated


async def _aiobreaker() -> Handler:
    decorated: Handler = import_module("aiobreaker").CircuitBreaker()(_answer_at_once)
    return decorated


async def _purgatory() -> Handler:
    breaker = await import_module("purgatory").AsyncCircuitBreakerFactory().get_breaker("bench")

    async def guarded(call: Call) -> Answer:
        async with breaker:
            return await _answer_at_once(call)

    return guarded


async def _hyx() -> Handler:
    make = import_module("hyx.circuitbreaker").consecutive_breaker
    decorated: Handler = make(failure_threshold=5, recovery_time_secs=30, recovery_threshold=1)(_answer_at_once)
    return decorated


async def _interlock() -> Handler:
    decorated: Handler = import_module("interlock").CircuitBreaker(name="bench")(_answer_at_once)
    return decorated


async def _pybreaker() -> Handler:
    return _make_calling_guard()


PEERS: dict[str, Callable[[], Awaitable[Handler]]] = {
    "circuitbreaker": _circuitbreaker,
    "aiobreaker": _aiobreaker,
    "purgatory": _purgatory,
    "hyx": _hyx,
    "interlock-cb": _interlock,
    "pybreaker `calling()`": _pybreaker,
}


async def _time_call(handler: Handler) -> float:
    """Return microseconds for each call, whether it is made or refused."""
    call = Call("1")
    refused = (RefusedError, pybreaker.CircuitBreakerError)
    await _time_calls(handler, call, CALLS // 10, refused)  # warm up
    return await _time_calls(handler, call, CALLS, refused)


async def _time_calls(handler: Handler, call: Call, calls: int, refused: tuple[type[Exception], ...]) -> float:
    began = time.perf_counter()
    for _ in range(calls):
        with suppress(*refused):
            await handler(call)
    return (time.perf_counter() - began) / calls * 1e6


def measure(repeats: int, say: Callable[[str], None]) -> tuple[list[Ratio], list[str]]:
    """Return the guard of succeeding calls and of a refusal, microseconds, and what there is to note."""
    say("guards, in the process")
    return asyncio.run(_measure(repeats))


async def _measure(repeats: int) -> tuple[list[Ratio], list[str]]:
    ours = {policy: make_own_guard(policy) for policy in ("consecutive", *OWN)}
    ours[SLOW] = make_own_guard("time_window", **SLOW_CALLS)
    peers, notes = {}, []
    for name, make in PEERS.items():
        try:
            peers[name] = await make()
        except ImportError:
            notes.append(f"{name} is not installed, and was not measured.")
    handlers = ours | peers
    times: dict[str, list[float]] = {name: [] for name in handlers}
    refused: tuple[list[float], list[float]] = ([], [])
    for _ in range(repeats):
        for name, handler in handlers.items():
            times[name].append(await _time_call(handler))
        for side, handler in zip(
            refused, (make_own_guard("consecutive", State.OPEN), _make_calling_guard(State.OPEN)), strict=True
        ):
            side.append(await _time_call(handler))
    stock = "pybreaker `calling()`"
    fastest = min(peers, key=lambda name: median(times[name]))

    def bounded_ratio(what: str, values: list[float], against: str, others: list[float], limit: float) -> Ratio:
        return Ratio(what, against, "us", tuple(values), tuple(others), at_most=limit)

    guard = "guard of a succeeding call"
    ratios = [bounded_ratio(f"{guard}, `consecutive`", times["consecutive"], stock, times[stock], 0.8)]
    ratios += [
        bounded_ratio(f"{guard}, `{name}`", times[name], f"{fastest}, the fastest", times[fastest], 1.0) for name in OWN
    ]
    ratios.append(Ratio(f"{guard}, {SLOW}", f"{fastest}, the fastest", "us", tuple(times[SLOW]), tuple(times[fastest])))
    ratios.append(bounded_ratio("a refusal, `consecutive`", refused[0], f"{stock} when open", refused[1], 0.5))
    others = ", ".join(f"{name} {median(times[name]):.2f}" for name in peers)
    return ratios, [*notes, f"Guard of a succeeding call by every peer, microseconds (medians): {others}."]
