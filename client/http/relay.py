"""The backend's control routes through the client, for a page that may only talk to its own origin.

Only the routes listed here, and never /data: a call to the backend has to go through the breaker.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import APIRouter, Request, Response

from service.openapi import answers
from service.problems import problem

if TYPE_CHECKING:
    from collections.abc import Sequence

    from client.pipeline.upstream import Upstream
    from service.openapi import Responses

_ROUTES: tuple[tuple[str, Sequence[str], str], ...] = (
    ("/faults", ("GET", "PUT", "PATCH", "DELETE"), "The backend's fault plan: read, replace, change, reset it"),
    ("/stats", ("GET",), "The backend's own counts"),
    ("/openapi.json", ("GET",), "What the backend's routes accept, with all ranges"),
)
_NOT_LET_IN = (401, 403)
_WRITING = frozenset({"PUT", "PATCH"})


def _problems(method: str) -> Responses:
    """Return what may come instead of the backend's answer, or as that."""
    found = answers(
        "application/json",
        bad_gateway="the backend cannot be reached, or is another service",
        gateway_timeout="the backend did not answer in time",
    )
    return found | (answers(unprocessable_entity="wrong input, as the backend says") if method in _WRITING else {})


def build(backend: Upstream) -> APIRouter:
    """Return the routes under /backend."""
    router = APIRouter(prefix="/backend")

    def add_route(path: str, method: str, summary: str) -> None:
        async def relay(request: Request) -> Response:
            answer = await backend.ask(method, path, await request.body())
            if answer.status in _NOT_LET_IN:
                # Passed on, it would look as if the client itself had refused its caller.
                said = f"the backend answered {method} {path} with {answer.status}"
                return problem(502, f"{said}: the client does not have its token; CLIENT_BACKEND_TOKEN sets it")
            kind = answer.content_type.decode()
            if kind.partition(";")[0] not in ("application/json", "application/problem+json"):
                said = f"the backend answered {method} {path} with {answer.status} and {kind:.80}, not with JSON"
                return problem(502, f"{said}; is it this lab's backend?")
            return Response(answer.body, answer.status, media_type=kind)

        router.add_api_route(
            path, relay, methods=[method], summary=summary, response_class=Response, responses=_problems(method)
        )

    for path, methods, summary in _ROUTES:
        for method in methods:
            add_route(path, method, summary)
    return router
