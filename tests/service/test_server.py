"""What a service does with an address that it cannot have, and with a caller who vanishes."""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING, Any

import pytest
from fastapi import FastAPI, Request

from inputs.wrong_input import WrongInputError
from service import problems
from service.listener import listen

if TYPE_CHECKING:
    from starlette.types import Message


@pytest.mark.parametrize("host", ["a..b", "x" * 70, "\udcff"])
def test_a_host_that_no_name_can_be_is_named(host: str) -> None:
    """Whatever the resolver's complaint is, it becomes the usual sentence."""
    with pytest.raises(WrongInputError) as caught:
        listen(host, 0)

    assert str(caught.value) == f"host: got {host!r}; not the name or address of a host"


def test_a_port_that_is_taken_is_named() -> None:
    """With the reason and the way out."""
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(WrongInputError) as caught:
        listen("127.0.0.1", taken.getsockname()[1])

    assert caught.value.problems[0]["field"] == "port"


def test_a_caller_who_vanishes_while_sending_is_no_error() -> None:
    """Half a body, then a disconnect: the app ends in order, and nothing is raised for the server to print."""
    app = FastAPI()
    problems.install_handlers(app, {})

    @app.put("/thing")
    async def thing(request: Request) -> dict[str, Any]:
        return await problems.read_object(request)

    messages: list[Message] = [
        {"type": "http.request", "body": b"{", "more_body": True},
        {"type": "http.disconnect"},
    ]
    sent: list[Message] = []

    async def receive() -> Message:
        return messages.pop(0)

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "PUT", "path": "/thing", "headers": [], "query_string": b""}
    asyncio.run(app(scope, receive, send))

    assert [message["type"] for message in sent] == ["http.response.start", "http.response.body"]
