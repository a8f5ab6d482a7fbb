"""The data that the page gets a few times a second: the breaker, the counts, transitions, and some of the calls.

A batch is made once for all listeners, and only while there are any. When the state changes, it is sent at once.
"""

from __future__ import annotations

import asyncio
import json
import secrets
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from client.dashboard.sample import DashboardSample
from client.pipeline.call import Outcome
from service.guard.listeners import write_event

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from client.core import Client
    from client.events import TransitionEvent
    from client.observe.counters import Counters
    from client.pipeline.call import Call
    from service.guard.listeners import Listener

# Seconds between two batches: normally, after a transition, and when nothing happens.
BATCH_EVERY_S = 0.2
SOONEST_S = 0.05
LATEST_S = 1.0
# Calls of each outcome in a batch: all if they are few; of many, at least half of this number.
POINTS = 24
TRANSITIONS = 50


def _new_samples() -> dict[Outcome, DashboardSample]:
    return {outcome: DashboardSample(POINTS) for outcome in Outcome}


class Feed:
    """A hook that works only while somebody listens.

    `extra` returns more entries for each batch.
    """

    def __init__(
        self,
        client: Client,
        counters: Counters,
        extra: Callable[[], dict[str, Any]] = dict,
    ) -> None:
        self._client = client
        self._counters = counters
        self._extra = extra
        self._instance = secrets.token_hex(8)  # a new one after a restart, when the counts start again
        self._listeners: set[Listener] = set()
        self._samples = _new_samples()
        self._batch_wanted = asyncio.Event()
        self._sent_seq = 0
        self._task: asyncio.Task[None] | None = None

    def on_call(self, call: Call) -> None:
        """Count a call, and maybe keep it for the next batch."""
        self._samples[call.outcome].add(call)

    def on_transition(self, event: TransitionEvent) -> None:  # noqa: ARG002 - the counters keep it
        """Make the next batch soon."""
        self._batch_wanted.set()

    @contextmanager
    def pass_on_to(self, listener: Listener) -> Iterator[None]:
        """Send `listener` a first batch, and then all others while the context lasts."""
        if self._task is None or self._task.done():
            self._start_sending()
        listener.offer(self._write_batch(_new_samples(), after=0), asyncio.get_running_loop().time())
        self._listeners.add(listener)
        try:
            yield
        finally:
            self._listeners.discard(listener)
            if not self._listeners:
                self._stop_sending()

    def _start_sending(self) -> None:
        self._samples = _new_samples()
        self._sent_seq = self._client.snapshot()["transition_count"]
        self._client.add_hook(self)
        self._task = asyncio.create_task(self._send_batches())

    def _stop_sending(self) -> None:
        self._client.remove_hook(self)
        if self._task is not None:
            self._task.cancel()
            self._task = None

    async def _send_batches(self) -> None:
        """Make a batch whenever one is due, and send it to all listeners."""
        silent_s, shown = 0.0, self._shown_state()
        while True:
            await asyncio.sleep(SOONEST_S)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._batch_wanted.wait(), BATCH_EVERY_S - SOONEST_S)
            self._batch_wanted.clear()
            before, shown = shown, self._shown_state()
            silent_s += BATCH_EVERY_S
            seen = any(sample.seen for sample in self._samples.values())
            if seen or before != shown or silent_s >= LATEST_S:
                silent_s = 0.0
                samples, self._samples = self._samples, _new_samples()
                batch = self._write_batch(samples, self._sent_seq)
                self._sent_seq = self._client.snapshot()["transition_count"]
                now = asyncio.get_running_loop().time()
                for listener in self._listeners:
                    listener.offer(batch, now)

    def _shown_state(self) -> tuple[Any, ...]:
        """Return the values whose change triggers a batch."""
        return self._client.revision, self._client.in_flight, self._extra()

    def _write_batch(self, samples: dict[Outcome, DashboardSample], after: int) -> bytes:
        """Write a batch. A point is [seconds before now, milliseconds taken]."""
        breaker = self._client.snapshot()
        breaker.get("shadow_report", {}).pop("transitions", None)  # long, and not shown
        now = breaker["now_s"]
        points = {
            outcome: [[round(now - call.at, 3), round(1e3 * call.duration_s, 3)] for call in sample.kept]
            for outcome, sample in samples.items()
            if sample.seen
        }
        data = json.dumps(
            {
                "instance": self._instance,
                "breaker": breaker,
                "settings": self._client.settings.model_dump(mode="json", exclude={"breaker"}),
                "revision": self._client.revision,
                "counts": self._counters.snapshot(),
                "transitions": self._counters.transitions_json(after)[-TRANSITIONS:],
                "calls": {
                    "seen": sum(sample.seen for sample in samples.values()),
                    "sent": sum(len(kept) for kept in points.values()),
                    "points": points,
                },
                **self._extra(),
            },
            separators=(",", ":"),
        )
        return write_event("batch", data)
