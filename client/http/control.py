"""The client's control routes: breaker, settings, events, statistics, health, metrics."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response

from client.breakers.flat import FlatBreaker, keep_settings, split_flat
from client.breakers.interface import CLOSED, OPEN, Intervention
from client.http.stream import StreamAnswer
from client.observe.log import LOGGER
from client.pipeline.order import CallSettings, FlatCallSettings
from inputs.check import check, merge_change
from inputs.wrong_input import WrongInputError
from service.guard.body import read_object
from service.observe.log import log_event
from service.openapi import answers, json_body

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from client.core import Client
    from client.dashboard.feed import Feed
    from client.http.stream import EventStream
    from client.observe.counters import Counters
    from client.settings import ClientSettings
    from service.guard.listeners import Audience, Listener

OpenSeconds = Annotated[float, Query(gt=0, le=86_400, allow_inf_nan=False)]
_BY_HAND = {
    "open": (OPEN, Intervention.OPENED),
    "close": (CLOSED, Intervention.CLOSED),
    "reset": (CLOSED, Intervention.RESET),
}


def build(  # noqa: C901 - a table of routes, each of a line or two
    settings: ClientSettings,
    client: Client,
    counters: Counters,
    stream: EventStream,
    feed: Feed,
    audience: Audience,
) -> APIRouter:
    """Return the routes over `client`."""
    router = APIRouter()

    def snapshot(transitions_after: int = 0) -> dict[str, Any]:
        return {
            **client.snapshot(),
            "now": datetime.now(UTC).isoformat(),
            "counts": counters.snapshot(),
            "transitions": counters.transitions_json(transitions_after),
        }

    def config() -> dict[str, Any]:
        own = settings.model_dump(mode="json", exclude=set(CallSettings.model_fields))
        return {**own, **client.settings.model_dump(mode="json")}

    def change_settings(request: Request, change: dict[str, Any], *, fresh: bool) -> dict[str, Any]:
        kept = client.reconfigure(_changed_settings(client, change), fresh=fresh)
        log_event(LOGGER, "settings_changed", request.headers.get("x-request-id"), change=change)
        return {"kept": kept}

    @router.get("/breaker", summary="The breaker: state, counts, settings, latest transitions")
    async def read_breaker(transitions_after: int = 0) -> dict[str, Any]:
        return snapshot(transitions_after)

    @router.patch(
        "/breaker",
        summary="Change breaker settings; `kept` says what was carried over. fresh=true: start afresh",
        openapi_extra=json_body(FlatBreaker),
    )
    async def change_breaker(request: Request, *, fresh: bool = False) -> dict[str, Any]:
        kept = change_settings(request, {"breaker": await read_object(request)}, fresh=fresh)
        return {**snapshot(), **kept}

    @router.post(
        "/breaker/{action}",
        summary="Open, close or reset the breaker by hand; open lasts until somebody closes it, or for_s seconds",
        responses=answers(conflict="the policy is to have no breaker"),
    )
    async def by_hand(action: Literal["reset", "open", "close"], for_s: OpenSeconds | None = None) -> dict[str, Any]:
        if for_s is not None and action != "open":
            detail = f"for_s: got {for_s:g}; allowed with /breaker/open only"
            raise WrongInputError([{"field": "for_s", "value": for_s, "detail": detail}])
        client.force(*_BY_HAND[action], for_s)
        return snapshot()

    @router.get("/config", summary="The effective settings")
    async def read_config() -> dict[str, Any]:
        return config()

    @router.patch(
        "/config",
        summary="Change how calls are protected, all or nothing; `kept`: what of the breaker was carried over. "
        "fresh=true: with a new breaker",
        openapi_extra=json_body(FlatCallSettings),
    )
    async def change_config(request: Request, *, fresh: bool = False) -> dict[str, Any]:
        kept = change_settings(request, await read_object(request), fresh=fresh)
        return {**config(), **kept}

    def pass_each_on_to(listener: Listener) -> AbstractContextManager[None]:
        return stream.pass_on_to(listener, snapshot)

    @router.get(
        "/events",
        summary="Calls and transitions as they happen; calls=sampled: some of the calls, a few times a second",
        response_class=StreamAnswer,
        status_code=200,
        responses=answers(service_unavailable="all event streams are in use"),
    )
    async def events(calls: Literal["each", "sampled"] = "each") -> Response:
        sampled = calls == "sampled"
        return StreamAnswer(audience, feed.pass_on_to if sampled else pass_each_on_to, gives_way=not sampled)

    @router.get("/stats", summary="Counts since the start")
    async def stats() -> dict[str, Any]:
        lag = client.loop_lag
        return {
            **counters.snapshot(),
            "in_flight": client.in_flight,
            "revision": client.revision,
            "cpu_s": time.process_time(),
            "tasks": len(asyncio.all_tasks()),
            "open_streams": audience.open_streams,
            "dropped_streams": audience.dropped,
            "late_deadlines": client.late_deadlines,
            **(
                {} if lag is None else {"stalled_s": lag.stalled_s, "stalls": [stall._asdict() for stall in lag.stalls]}
            ),
        }

    return router


def _changed_settings(client: Client, change: dict[str, Any]) -> CallSettings:
    """Apply `change` to the current settings and check the result. Raises WrongInputError.

    First flat, all settings of all policies with their ranges; then with the policy's own model. A whole snapshot may
    have settings that the policy does not read, since somebody puts it back.
    """
    before = client.settings.model_dump(mode="json")
    flat = check(merge_change(before, change), FlatCallSettings).model_dump(mode="json")
    breaker, kept = _split_by_policy(before["breaker"], flat["breaker"], change.get("breaker", {}))
    shadow_kept: dict[str, Any] = {}
    if breaker["shadow"] is not None:
        old_shadow = before["breaker"]["shadow"] or {}
        given = change.get("breaker", {}).get("shadow") or {}
        breaker["shadow"], shadow_kept = _split_by_policy(old_shadow, breaker["shadow"], given)
    new = check({**flat, "breaker": breaker}, CallSettings)
    keep_settings(new.breaker, kept)
    if new.breaker.shadow is not None:
        keep_settings(new.breaker.shadow, shadow_kept)
    return new


def _split_by_policy(
    before: dict[str, Any], flat: dict[str, Any], given: dict[str, Any]
) -> tuple[dict[str, Any], dict[str, Any]]:
    whole = given.keys() >= flat.keys()
    return split_flat(flat, () if whole else [name for name in given if before.get(name) != flat[name]])
