"""The client's control routes: breaker, settings, events, statistics, health, metrics."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator  # noqa: TC003 - FastAPI reads the annotation
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

from fastapi import APIRouter, Depends, Request
from fastapi.sse import EventSourceResponse, ServerSentEvent

from client.breakers.interface import State
from client.breakers.settings import BreakerSettings, PolicySettings, refuse_unread
from client.http.stream import Seats
from client.observe.log import LOGGER
from client.pipeline.order import CallSettings
from inputs.check import check, merge_change
from inputs.wrong_input import WrongInputError
from service.observe.log import log_event
from service.openapi import json_body
from service.problems import read_object
from service.protocol import connection_of

if TYPE_CHECKING:
    from client.core import Client
    from client.dashboard.feed import Feed
    from client.http.stream import EventStream
    from client.observe.counters import Counters
    from client.settings import ClientSettings

_BY_HAND = {"open": State.OPEN, "close": State.CLOSED, "reset": State.CLOSED}


def build(  # noqa: C901 - a table of routes, each of a line or two
    settings: ClientSettings, client: Client, counters: Counters, stream: EventStream, feed: Feed
) -> APIRouter:
    """Return the routes over `client`."""
    router = APIRouter()
    seats = Seats()

    def snapshot(transitions_after: int = 0) -> dict[str, Any]:
        return {
            **client.snapshot(),
            "now": datetime.now(UTC).isoformat(),
            "counts": counters.snapshot(),
            "transitions": counters.transitions_json(transitions_after),
        }

    def config() -> dict[str, Any]:
        return {**settings.model_dump(mode="json"), **client.settings.model_dump(mode="json")}

    def change_settings(request: Request, change: dict[str, Any]) -> None:
        client.reconfigure(_changed(client, change))
        log_event(LOGGER, "settings_changed", request.headers.get("x-request-id"), change=change)

    @router.get("/breaker", summary="The breaker: state, counts, settings, latest transitions")
    async def read_breaker(transitions_after: int = 0) -> dict[str, Any]:
        return snapshot(transitions_after)

    @router.patch(
        "/breaker",
        summary="Change breaker settings; starts afresh, closed",
        openapi_extra=json_body(BreakerSettings),
    )
    async def change_breaker(request: Request) -> dict[str, Any]:
        change_settings(request, {"breaker": await read_object(request)})
        return snapshot()

    @router.post("/breaker/{action}", summary="Open, close or reset the breaker by hand")
    async def by_hand(action: Literal["reset", "open", "close"]) -> dict[str, Any]:
        client.force(_BY_HAND[action], f"{action} by hand")
        return snapshot()

    @router.get("/config", summary="The effective settings")
    async def read_config() -> dict[str, Any]:
        return config()

    @router.patch(
        "/config", summary="Change how calls are protected, all or nothing", openapi_extra=json_body(CallSettings)
    )
    async def change_config(request: Request) -> dict[str, Any]:
        change_settings(request, await read_object(request))
        return config()

    async def seat() -> AsyncIterator[None]:
        with seats.take():
            yield

    @router.get(
        "/events",
        summary="Calls and transitions as they happen; calls=sampled: a few times a second, with some of the calls",
        response_class=EventSourceResponse,
        dependencies=[Depends(seat)],
    )
    async def events(request: Request, calls: Literal["each", "sampled"] = "each") -> AsyncIterator[ServerSentEvent]:
        if calls == "sampled":
            connection = connection_of(request.scope)
            async for batch in feed.listen(connection.hang_up if connection else lambda: None):
                yield ServerSentEvent(event="batch", raw_data=batch)
            return
        yield ServerSentEvent(event="snapshot", data=snapshot())
        async for name, data in stream.listen():
            yield ServerSentEvent(event=name, data=data)

    @router.get("/stats", summary="Counts since the start")
    async def stats() -> dict[str, Any]:
        return {
            **counters.snapshot(),
            "in_flight": client.in_flight,
            "revision": client.revision,
            "cpu_s": time.process_time(),
            "tasks": len(asyncio.all_tasks()),
        }

    return router


def _changed(client: Client, change: dict[str, Any]) -> CallSettings:
    """Lay `change` over the settings in force and check the whole. Raises WrongInputError."""
    new = check(merge_change(client.settings.model_dump(mode="json"), change), CallSettings)
    breaker = change.get("breaker", {})
    if not breaker.keys() >= BreakerSettings.model_fields.keys():  # else: somebody puts a snapshot back
        _refuse_unread(client, new, breaker)
    return new


def _refuse_unread(client: Client, new: CallSettings, change: dict[str, Any]) -> None:
    """Raise WrongInputError where a setting is changed that the new policy does not read."""
    before = client.settings.breaker
    inner = change.get("shadow") or {}
    try:
        refuse_unread(
            new.breaker,
            _changed_keys(before, new.breaker, change),
            _changed_keys(before.shadow, new.breaker.shadow, inner),
        )
    except ValueError as error:
        field, _, _ = str(error).partition(":")
        place = inner if field.startswith("breaker.shadow.") else change
        value = place[field.rpartition(".")[2]]
        raise WrongInputError([{"field": field, "value": value, "detail": str(error)}]) from error


def _changed_keys(before: PolicySettings | None, after: PolicySettings | None, change: dict[str, Any]) -> list[str]:
    return [name for name in change if getattr(before, name, None) != getattr(after, name, None)]
