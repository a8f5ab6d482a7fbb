"""The page at `/`, behind a log-in form where a token is set; and the routes of that form."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import parse_qs

from fastapi import APIRouter, Request, Response
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse

from inputs.wrong_input import WrongInputError
from service.guard.body import read_object
from service.guard.pages import PAGE_HEADERS, login_page, routes_page
from service.guard.tokens import FORMS, Rank
from service.problems import problem

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from fastapi import FastAPI

    from service.guard.access import Access


def front_routes(access: Access, title: str, page: Callable[[Request], Awaitable[Response]]) -> APIRouter:
    """Return `/`, which is `page` for whoever has logged in or needs not, and the routes to log in and out."""
    router = APIRouter(include_in_schema=False)

    def ask(status: int) -> Response:
        text = login_page(title, access.variable, wrong=status != 200)
        return HTMLResponse(text, status, {**PAGE_HEADERS, **({} if status == 200 else _CHALLENGE)})

    @router.api_route("/", methods=["GET", "HEAD"])
    async def read_page(request: Request) -> Response:
        return await page(request) if access.rank_of(request.scope["headers"]) is not Rank.STRANGER else ask(200)

    @router.post("/login")
    async def log_in(request: Request) -> Response:
        is_json = request.headers.get("content-type", "").lower().startswith("application/json")
        rank = access.tokens.rank_of_typed(await (_token_in_json if is_json else _token_in_form)(request))
        if rank is Rank.STRANGER:
            return problem(401, f"token: not the value of {access.variable}", _CHALLENGE) if is_json else ask(401)
        answer = JSONResponse({"may": _MAY[rank]}) if is_json else RedirectResponse("./", 303)
        if access.tokens.guards_change:
            answer.headers["Set-Cookie"] = access.tokens.cookie_for(rank)
        answer.headers["Cache-Control"] = "no-store"
        return answer

    @router.post("/logout")
    async def log_out() -> Response:
        return RedirectResponse("./", 303, {"Set-Cookie": access.tokens.forgotten_cookie()})

    return router


def page_of_routes(app: FastAPI, access: Access) -> Callable[[Request], Awaitable[Response]]:
    """Return a page for `/` that links the routes of a service that has no page of its own."""

    async def page(_: Request) -> Response:
        schema = app.openapi()
        routes = [
            (method.upper(), path, operation.get("summary", ""))
            for path, operations in schema["paths"].items()
            for method, operation in operations.items()
        ]
        text = routes_page(app.title, app.description, routes, log_out=access.tokens.guards_change)
        return HTMLResponse(text, headers=dict(PAGE_HEADERS))

    return page


_CHALLENGE = {"WWW-Authenticate": "Bearer"}
_MAY = {Rank.READER: "read", Rank.OWNER: "change"}


async def _token_in_json(request: Request) -> str:
    """Return `token` of a JSON object. Raises WrongInputError, which does not repeat it."""
    token = (await read_object(request)).get("token")
    if not isinstance(token, str):
        raise WrongInputError([{"field": "token", "value": None, "detail": f"token: missing; {FORMS}"}])
    return token


async def _token_in_form(request: Request) -> str:
    """Return `token` of a form as browsers send it, '' if it is not there."""
    body = (await request.body()).decode("latin-1")
    try:
        return parse_qs(body, max_num_fields=10).get("token", [""])[-1]
    except ValueError:  # too many fields
        return ""
