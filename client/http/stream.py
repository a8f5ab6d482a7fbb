"""The streams at GET /events: each call and transition as it happens, and the answer that both kinds are sent with."""

from __future__ import annotations

import asyncio
import json
from contextlib import contextmanager, suppress
from dataclasses import fields
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from starlette.responses import Response

from client.pipeline.call import Call
from service.caller import CallerGoneError, run_for_caller
from service.guard import limits
from service.guard.listeners import write_event
from service.protocol import connection_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from starlette.types import Receive, Scope, Send

    from client.events import TransitionEvent
    from service.guard.listeners import Audience, Listener

# Seconds between two writes to each listener, at least. One that comes after a pause is made at once.
PASS_ON_EVERY_S = 0.05
_NAMES = tuple(each.name for each in fields(Call))
_values = attrgetter(*_NAMES)
_encode = json.JSONEncoder(separators=(",", ":"), check_circular=False).encode
_HEADERS = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}  # the second for nginx


class EventStream:
    """A hook that passes events on to its listeners, each encoded once.

    Of many events at once only the first are passed on, and all listeners learn how many they have missed.
    """

    def __init__(self) -> None:
        self._listeners: set[Listener] = set()
        self._events: list[Call | TransitionEvent] = []
        self._missed = 0
        self._passed_on_at = float("-inf")
        self._due: asyncio.TimerHandle | None = None

    def on_call(self, call: Call) -> None:
        """Pass a call on."""
        if self._listeners:
            self._keep(call, limits.MOST_EVENTS)

    def on_transition(self, event: TransitionEvent) -> None:
        """Pass a transition on."""
        if self._listeners:
            self._keep(event, 2 * limits.MOST_EVENTS)  # there is room for it after many calls

    def _keep(self, event: Call | TransitionEvent, most: int) -> None:
        if len(self._events) >= most:
            self._missed += 1
        else:
            self._events.append(event)
        if self._due is None:
            loop = asyncio.get_running_loop()
            wait_s = self._passed_on_at + PASS_ON_EVERY_S - loop.time()
            self._due = loop.call_later(max(0.0, wait_s), self._pass_on)

    def _pass_on(self) -> None:
        if self._due is not None:
            self._due.cancel()
            self._due = None
        events, self._events = self._events, []
        missed, self._missed = self._missed, 0
        self._passed_on_at = now = asyncio.get_running_loop().time()
        written = [_write(each) for each in events]
        if missed:
            written.append(write_event("missed", _encode({"events": missed})))
        piece = b"".join(written)
        for listener in self._listeners:
            listener.offer(piece, now)

    @contextmanager
    def pass_on_to(self, listener: Listener, snapshot: Callable[[], dict[str, Any]]) -> Iterator[None]:
        """Send `listener` a snapshot, and then all that happens while the context lasts."""
        if self._events:
            self._pass_on()  # it is in the snapshot
        listener.offer(write_event("snapshot", _encode(snapshot())), asyncio.get_running_loop().time())
        self._listeners.add(listener)
        try:
            yield
        finally:
            self._listeners.discard(listener)


def _write(event: Call | TransitionEvent) -> bytes:
    if isinstance(event, Call):
        return write_event("call", _encode(dict(zip(_NAMES, _values(event), strict=True))))
    return write_event("transition", _encode(event.as_json()))


class StreamAnswer(Response):
    """An endless answer, for a caller who may hang up or not read. `join` sends a listener its pieces."""

    media_type = "text/event-stream"

    def __init__(
        self, audience: Audience, join: Callable[[Listener], AbstractContextManager[None]], *, gives_way: bool
    ) -> None:
        super().__init__(headers=_HEADERS)
        del self.headers["content-length"]  # it has none
        self._audience = audience
        self._join = join
        self._gives_way = gives_way

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it. Raises TooManyListenersError before anything is sent."""
        connection = connection_of(scope)
        hang_up = (lambda: None) if connection is None else connection.hang_up
        with self._audience.take_seat(hang_up, gives_way=self._gives_way) as listener, self._join(listener):
            if connection is not None:
                connection.bound_unsent(limits.STREAM_IN_KERNEL)
            await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
            with suppress(CallerGoneError):
                await run_for_caller(_send_all(listener, send), receive, connection)


async def _send_all(listener: Listener, send: Send) -> None:
    while (piece := await listener.next_piece()) is not None:
        await send({"type": "http.response.body", "body": piece, "more_body": True})
    await send({"type": "http.response.body", "body": b"", "more_body": False})
