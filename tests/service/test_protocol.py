"""The server's protocol, fed with bytes and no network: what it adds to uvicorn's."""

from __future__ import annotations

import asyncio
import gc
import weakref
from typing import TYPE_CHECKING, Any

import pytest
import uvicorn
from uvicorn.server import ServerState

from service.caller import CallerGoneError, run_for_caller
from service.protocol import OneAtATimeProtocol, connection_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

HEADERS = [(b"content-type", b"text/plain"), (b"content-length", b"2"), (b"x-outcome", b"ok")]
KEEP_ALIVE = b"GET /data HTTP/1.1\r\nhost: x\r\n\r\n"
CLOSE = b"GET /data HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"
OLD = b"GET /data HTTP/1.0\r\nhost: x\r\n\r\n"


class Transport(asyncio.Transport):
    """Keeps what is written."""

    def __init__(self) -> None:
        super().__init__()
        self.writes: list[bytes] = []
        self.closed = False

    def write(self, data: Any) -> None:
        self.writes.append(bytes(data))

    def close(self) -> None:
        self.closed = True

    def is_closing(self) -> bool:
        return self.closed

    def get_extra_info(self, name: str, default: Any = None) -> Any:  # noqa: ARG002
        return default

    def pause_reading(self) -> None:
        pass

    def resume_reading(self) -> None:
        pass


def play(
    app: Callable[..., Awaitable[None]], *script: bytes | Callable[[OneAtATimeProtocol], None]
) -> tuple[list[bytes], bool]:
    """Feed bytes, or do something to the protocol, step by step; what it wrote, and whether it closed."""

    async def run() -> tuple[list[bytes], bool]:
        config = uvicorn.Config(app, lifespan="off", server_header=False, date_header=False, log_config=None)
        config.load()
        state = ServerState()
        protocol = OneAtATimeProtocol(config=config, server_state=state, app_state={})
        transport = Transport()
        protocol.connection_made(transport)  # type: ignore[arg-type]
        for step in script:
            if isinstance(step, bytes):
                protocol.data_received(step)
            else:
                step(protocol)
            for _ in range(5):
                await asyncio.sleep(0)
        await asyncio.gather(*state.tasks, return_exceptions=True)
        seen = transport.writes, transport.closed
        protocol.connection_lost(None)
        return seen

    return asyncio.run(run())


async def in_one(scope: Any, receive: Any, send: Any) -> None:  # noqa: ARG001
    connection = connection_of(scope)
    assert connection is not None
    assert connection.send_answer(503, HEADERS, b"no")


async def in_two(scope: Any, receive: Any, send: Any) -> None:  # noqa: ARG001
    await send({"type": "http.response.start", "status": 503, "headers": HEADERS})
    await send({"type": "http.response.body", "body": b"no"})


@pytest.mark.parametrize("request_", [KEEP_ALIVE, CLOSE, OLD], ids=["keep-alive", "close", "HTTP/1.0"])
def test_one_write_sends_what_two_messages_would(request_: bytes) -> None:
    """Byte for byte, and the connection is kept or closed alike."""
    one, one_closed = play(in_one, request_)
    two, two_closed = play(in_two, request_)

    assert (len(one), len(two)) == (1, 2)
    assert one[0] == b"".join(two)
    assert one_closed == two_closed == (request_ is not KEEP_ALIVE)


def test_a_connection_goes_on_after_an_answer_in_one_write() -> None:
    """The next request on it is served like the first."""
    writes, closed = play(in_one, KEEP_ALIVE, KEEP_ALIVE)

    assert len(writes) == 2
    assert writes[0] == writes[1]
    assert not closed


def test_a_caller_who_does_not_read_is_not_written_to() -> None:
    """While the transport's buffer is full the answer has to wait, as ASGI's messages do."""
    told: list[bool] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        connection = connection_of(scope)
        assert connection is not None
        told.append(connection.send_answer(503, HEADERS, b"no"))
        await in_two(scope, receive, send)

    writes, _ = play(
        app, lambda protocol: protocol.pause_writing(), KEEP_ALIVE, lambda protocol: protocol.resume_writing()
    )

    assert told == [False]
    assert len(writes) == 2


def test_a_second_answer_is_refused() -> None:
    """Nothing may follow an answer on the wire but the next one."""
    told: list[bool] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:  # noqa: ARG001
        connection = connection_of(scope)
        assert connection is not None
        told.extend(connection.send_answer(503, HEADERS, b"no") for _ in range(2))

    writes, _ = play(app, KEEP_ALIVE)

    assert told == [True, False]
    assert len(writes) == 1


def hung(seen: list[str]) -> Callable[..., Awaitable[None]]:
    async def app(scope: Any, receive: Any, send: Any) -> None:  # noqa: ARG001
        never = asyncio.get_running_loop().create_future()
        try:
            await run_for_caller(never, receive, connection_of(scope))
        except CallerGoneError:
            seen.append("gone")

    return app


def test_who_hangs_up_ends_the_work() -> None:
    """The protocol tells; no task waits for it."""
    seen: list[str] = []

    play(hung(seen), KEEP_ALIVE, lambda protocol: protocol.connection_lost(None))

    assert seen == ["gone"]


def test_who_has_hung_up_before_the_work_began_ends_it_too() -> None:
    """The request and the end of the connection can come in one breath."""
    seen: list[str] = []

    def at_once(protocol: OneAtATimeProtocol) -> None:
        protocol.data_received(KEEP_ALIVE)
        protocol.connection_lost(None)

    play(hung(seen), at_once)

    assert seen == ["gone"]


def test_a_caller_who_goes_after_the_answer_disturbs_nobody() -> None:
    """What was to be called is forgotten with the end of the work."""
    ended: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:  # noqa: ARG001
        connection = connection_of(scope)
        assert connection is not None

        async def work() -> str:
            return "done"

        ended.append(await run_for_caller(work(), receive, connection))
        connection.send_answer(503, HEADERS, b"no")
        await asyncio.sleep(0)
        ended.append("went on")

    play(app, KEEP_ALIVE, lambda protocol: protocol.connection_lost(None))

    assert ended == ["done", "went on"]


def test_a_closed_connection_is_gone_from_memory_at_once() -> None:
    """Without a garbage collector, which is long in coming: 32 connections were 250 KiB."""
    kept: list[weakref.ref[OneAtATimeProtocol]] = []
    gc.collect()
    gc.disable()
    try:
        play(in_one, lambda protocol: kept.append(weakref.ref(protocol)), KEEP_ALIVE, KEEP_ALIVE)
        play(
            hung([]),
            lambda protocol: kept.append(weakref.ref(protocol)),
            KEEP_ALIVE,
            lambda protocol: protocol.connection_lost(None),
        )

        assert [reference() for reference in kept] == [None, None]
    finally:
        gc.enable()


def test_a_large_body_that_nobody_reads_does_not_hide_who_hangs_up() -> None:
    """Uvicorn stops reading at 64 KiB; the body is dropped instead, before the work begins and after."""
    seen: list[str] = []
    head = b"GET /data HTTP/1.1\r\nhost: x\r\ncontent-length: 400000\r\n\r\n"
    paused: list[bool] = []

    play(
        hung(seen),
        head + b"x" * 200_000,
        b"x" * 200_000,
        lambda protocol: paused.append(protocol.flow.read_paused),
        lambda protocol: protocol.connection_lost(None),
    )

    assert (seen, paused) == (["gone"], [False])


def test_the_body_of_a_pipelined_request_is_not_given_to_the_one_before() -> None:
    """The first is served as it was sent; the second is left to be sent again."""
    bodies: list[bytes] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        body, more = b"", True
        while more:
            message = await receive()
            body, more = body + message["body"], message["more_body"]
        bodies.append(body)
        await in_two(scope, receive, send)

    request = b"PATCH /breaker HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\n"
    _, closed = play(app, request + b"{}" + request + b"[]")

    assert (bodies, closed) == ([b"{}"], True)


def test_head_has_no_body() -> None:
    """It would be read as the beginning of the next answer."""
    told: list[bool] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        connection = connection_of(scope)
        assert connection is not None
        told.append(connection.send_answer(200, HEADERS, b"no"))
        await in_two(scope, receive, send)

    writes, _ = play(app, KEEP_ALIVE.replace(b"GET", b"HEAD"))

    assert told == [False]
    assert b"".join(writes).endswith(b"\r\n\r\n")


def test_another_server_has_no_such_connection() -> None:
    """Then the endpoint uses ASGI's messages."""
    assert connection_of({"type": "http"}) is None
