"""The server's protocol, fed with bytes and no network: what it adds to uvicorn's."""

from __future__ import annotations

import asyncio
import gc
import json
import weakref
from typing import TYPE_CHECKING, Any

import pytest
import uvicorn

from service.caller import CallerGoneError, run_for_caller
from service.guard import limits
from service.guard.crowd import Crowd
from service.protocol import OneAtATimeProtocol, connection_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

HEADERS = [(b"content-type", b"text/plain"), (b"content-length", b"2"), (b"x-outcome", b"ok")]
HEAD = b"content-type: text/plain\r\ncontent-length: 2\r\nx-outcome: ok\r\n"
KEEP_ALIVE = b"GET /data HTTP/1.1\r\nhost: x\r\n\r\n"
CLOSE = b"GET /data HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"
OLD = b"GET /data HTTP/1.0\r\nhost: x\r\n\r\n"


class Transport(asyncio.Transport):
    """Keeps what is written."""

    def __init__(self) -> None:
        super().__init__()
        self.writes: list[bytes] = []
        self.closed = self.shut = self.aborted = False
        self.unsent = 0

    def write(self, data: Any) -> None:
        assert not self.shut, "a write after the end"
        self.writes.append(bytes(data))

    def close(self) -> None:
        self.closed = True

    def abort(self) -> None:
        self.closed = self.aborted = True

    def is_closing(self) -> bool:
        return self.closed

    def write_eof(self) -> None:
        self.shut = True

    def get_write_buffer_size(self) -> int:
        return self.unsent

    def get_extra_info(self, name: str, default: Any = None) -> Any:  # noqa: ARG002
        return default

    def pause_reading(self) -> None:
        pass

    def resume_reading(self) -> None:
        pass


def play(
    app: Callable[..., Awaitable[None]],
    *script: bytes | float | Callable[[OneAtATimeProtocol], None],
    most: int = 100,
) -> tuple[list[bytes], bool]:
    """Feed bytes, or do something to the protocol, step by step; what it wrote, and whether it closed.

    A number lets so many seconds pass, with two looks at the connection in each of them.
    """

    async def run() -> tuple[list[bytes], bool]:
        config = uvicorn.Config(app, lifespan="off", server_header=False, date_header=False, log_config=None)
        config.load()
        state = Crowd(most)
        protocol = OneAtATimeProtocol(config=config, server_state=state, app_state={})
        transport = Transport()
        protocol.connection_made(transport)
        now = protocol.patience.since
        for step in script:
            if isinstance(step, bytes):
                protocol.data_received(step)
            elif isinstance(step, int | float):
                for _ in range(round(2 * step)):
                    now += 0.5
                    if not transport.closed:
                        protocol.check_patience(now)
            else:
                step(protocol)
            for _ in range(5):
                await asyncio.sleep(0)
        for _ in range(50):
            await asyncio.sleep(0)
        seen = list(transport.writes), transport.closed or transport.shut
        protocol.connection_lost(None)
        await asyncio.gather(*state.tasks, return_exceptions=True)
        return seen

    return asyncio.run(run())


async def in_one(scope: Any, receive: Any, send: Any) -> None:  # noqa: ARG001
    connection = connection_of(scope)
    assert connection is not None
    assert connection.send_answer(503, HEAD, b"no")


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
        told.append(connection.send_answer(503, HEAD, b"no"))
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
        told.extend(connection.send_answer(503, HEAD, b"no") for _ in range(2))

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
        connection.send_answer(503, HEAD, b"no")
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
        told.append(connection.send_answer(200, HEAD, b"no"))
        await in_two(scope, receive, send)

    writes, _ = play(app, KEEP_ALIVE.replace(b"GET", b"HEAD"))

    assert told == [False]
    assert b"".join(writes).endswith(b"\r\n\r\n")


def test_another_server_has_no_such_connection() -> None:
    """Then the endpoint uses ASGI's messages."""
    assert connection_of({"type": "http"}) is None


def status_and_detail(writes: list[bytes]) -> tuple[int, str]:
    """Return what the last write says, a problem."""
    head, _, body = writes[-1].partition(b"\r\n\r\n")
    said = json.loads(body)
    lines = head.lower().split(b"\r\n")
    assert {b"content-type: application/problem+json", b"connection: close"} < set(lines)
    assert b"x-content-type-options: nosniff" in lines
    assert head.startswith(b"HTTP/1.1 %d " % said["status"])
    return said["status"], said["detail"]


async def reads_body(scope: Any, receive: Any, send: Any) -> None:
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        if not message["more_body"]:
            await in_two(scope, receive, send)
            return


PATCH = b"PATCH /breaker HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\n"
CHUNKED = b"PATCH /breaker HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n"
LATE = (408, "head: not there within 10 s")
SILENT = (408, "body: no byte came for 10 s")


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ((10.0,), LATE),
        ((b"GET /data HTT", 10.5), LATE),
        ((*(b"GET /data HTTP/1.1\r\n", 6.0), *(b"a: b\r\n", 4.5)), LATE),
        ((*(b"\r\n", 4.0) * 3,), LATE),
        ((KEEP_ALIVE, 60.0, b"G", 10.5), LATE),
        ((PATCH, 10.5), SILENT),
        ((PATCH, 6.0, b"{", 10.5), SILENT),
        ((CHUNKED, *(b"1\r\nx\r\n", 5.0) * 13), (408, "body: not there within 60 s")),
        ((CHUNKED, b"1;", *(b"x" * 10, 5.0) * 13), (408, "body: not there within 60 s")),
    ],
    ids=["nothing", "half a line", "drip", "blank lines", "the next", "no body", "half", "dripping body", "extension"],
)
def test_a_caller_who_takes_too_long_is_told_and_the_connection_ends(
    script: tuple[bytes | float, ...], said: tuple[int, str]
) -> None:
    """408 as a problem, at the limit and not before it."""
    writes, closed = play(reads_body, *script)

    assert (status_and_detail(writes), closed) == (said, True)


@pytest.mark.parametrize(
    "script",
    [
        (9.5,),
        (b"GET /data HTTP/1.1\r\n", 9.5),
        (PATCH, 9.5, b"{", 9.5),
        (CHUNKED, *(b"1\r\nx\r\n", 5.0) * 11),
        (KEEP_ALIVE, 119.5),
        (*(KEEP_ALIVE, 100.0) * 3,),
    ],
    ids=["nothing", "head", "body", "dripping body", "idle", "idle again and again"],
)
def test_within_the_limits_nothing_ends(script: tuple[bytes | float, ...]) -> None:
    """A connection that had a request may idle for two minutes."""
    _, closed = play(reads_body, *script)

    assert not closed


@pytest.mark.parametrize("script", [(KEEP_ALIVE, 120.5), (KEEP_ALIVE, *(b"\r\n", 30.0) * 5)])
def test_an_idle_connection_is_closed_without_a_word(script: tuple[bytes | float, ...]) -> None:
    """Blank lines are no request, and do not keep it open."""
    writes, closed = play(in_one, *script)

    assert (len(writes), closed) == (1, True)


def test_the_rest_of_a_body_that_nobody_reads_has_its_limit_too() -> None:
    """The answer has gone; the connection is not kept for a body that never ends."""
    head = b"GET /data HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n"
    kept = play(in_one, head, *(b"x", 1.0) * 9)
    ended = play(in_one, head, *(b"x", 1.0) * 11)

    assert [(len(writes), closed) for writes, closed in (kept, ended)] == [(1, False), (1, True)]


def line(length: int) -> bytes:
    return b"GET /data HTTP/1.1\r\nhost: x\r\na: " + b"x" * (length - 1) + b"\r\n\r\n"


@pytest.mark.parametrize(
    ("pieces", "detail"),
    [
        ((line(8_193),), "head: a line of 8,193 bytes; allowed: 8,192"),
        ((b"GET /" + b"x" * 8_192 + b" HTTP/1.1\r\n\r\n",), "head: a line of 8,193 bytes; allowed: 8,192"),
        ((b"GET /data HTTP/1.1\r\n" + b"a: b\r\n" * 101 + b"\r\n",), "head: 101 lines; allowed: at most 100"),
        ((b"GET /data HTTP/1.1\r\n", *[b"a: b\r\n"] * 103), "head: 101 lines; allowed: at most 100"),
        (
            (b"GET /data HTTP/1.1\r\n", *[b"a: " + b"x" * 5_000 + b"\r\n"] * 14),
            "head: too long; allowed: at most 65,536 bytes",
        ),
        (
            (b"GET /data HTTP/1.1\r\na: ", *[b"x" * 8_000] * 9),
            "head: too long; allowed: at most 65,536 bytes",
        ),
        ((b"GET /" + b"x" * 300_000,), "head: too long; allowed: at most 65,536 bytes"),
        ((b"\r\n" * 40_000,), "head: too long; allowed: at most 65,536 bytes"),
        ((CHUNKED + b"0\r\n" + b"a: b\r\n" * 100,), "head: 101 lines; allowed: at most 100"),
        ((CHUNKED, b"0\r\na: ", *[b"x" * 8_000] * 9), "head: too long; allowed: at most 65,536 bytes"),
        ((CHUNKED, b"1;", *[b"x" * 8_000] * 18), "head: too long; allowed: at most 65,536 bytes"),
    ],
    ids=[
        "line",
        "request line",
        "lines",
        "lines one by one",
        "head",
        "endless line",
        "endless request line",
        "blank lines",
        "trailer",
        "endless trailer",
        "extension",
    ],
)
def test_a_head_that_is_too_large_is_a_431(pieces: tuple[bytes, ...], detail: str) -> None:
    """Whether it comes whole or in pieces; nothing of it is served."""
    served: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        served.append(scope["path"])
        await reads_body(scope, receive, send)

    writes, closed = play(app, *pieces)

    assert (status_and_detail(writes), closed) == ((431, detail), True)
    assert served in ([], ["/breaker"])


@pytest.mark.parametrize(
    "request_",
    [
        line(8_192),
        b"GET /data HTTP/1.1\r\n" + b"a: b\r\n" * 100 + b"\r\n",
        CHUNKED + b"1\r\nx\r\n" * 40_000 + b"0\r\n\r\n",
        PATCH.replace(b": 2", b": 400000") + b"x" * 400_000,
    ],
    ids=["line", "lines", "chunks", "body"],
)
def test_what_is_just_not_too_large_is_served(request_: bytes) -> None:
    """At the limit, and a body of any length, which others bound."""
    writes, closed = play(reads_body, request_)

    assert (writes[0].startswith(b"HTTP/1.1 503"), closed) == (True, False)


def test_what_is_no_http_is_a_400() -> None:
    """As a problem."""
    for garbage in (
        b"\x16\x03\x01\x02\x00",
        CHUNKED + b"zz\r\n",
        KEEP_ALIVE[:-2] + b"a b: c\r\n\r\n",
    ):
        writes, closed = play(reads_body, garbage)

        assert (status_and_detail(writes), closed) == ((400, "the request is no valid HTTP/1.1"), True)


def test_what_follows_a_request_that_is_wrong_does_not_answer_it() -> None:
    """The one under way is served, and then the connection ends: nobody can take one answer for the other."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await asyncio.sleep(0)
        await in_two(scope, receive, send)

    for wrong in (b"\x00garbage\r\n\r\n", b"GET /" + b"x" * 100_000, b"a: b\r\n" * 200):
        writes, closed = play(app, KEEP_ALIVE + wrong)

        assert (b"".join(writes).count(b"HTTP/1.1"), writes[0][:12], closed) == (1, b"HTTP/1.1 503", True)


def test_a_refused_caller_can_read_the_answer_while_he_still_sends() -> None:
    """What comes is dropped, and only the other direction is closed; who never ends is cut off."""
    seen: list[tuple[bool, bool]] = []

    def look(protocol: OneAtATimeProtocol) -> None:
        transport: Any = protocol.transport
        seen.append((transport.shut, transport.aborted))

    play(in_one, line(9_000), b"x" * 1_000_000, look, 9.5, look, 1.0, look)
    play(in_one, line(9_000), b"x" * (limits.DROP_UP_TO + limits.LONGEST_HEAD), look)

    assert seen == [(True, False), (True, False), (True, True), (True, True)]


def test_another_protocol_is_not_spoken() -> None:
    """The request is served as it is, and is the last one: what follows would be the other protocol."""
    upgrade = KEEP_ALIVE[:-2] + b"connection: upgrade\r\nupgrade: h2c\r\n\r\n"

    writes, closed = play(in_one, upgrade + KEEP_ALIVE, KEEP_ALIVE)

    assert (len(writes), closed) == (1, True)


def unsent(number: int) -> Callable[[OneAtATimeProtocol], None]:
    def set_unsent(protocol: OneAtATimeProtocol) -> None:
        transport: Any = protocol.transport
        transport.unsent = number

    return set_unsent


@pytest.mark.parametrize(
    ("script", "ends"),
    [
        ((unsent(9), 10.5), True),
        ((unsent(9), 9.5), False),
        ((*(step for left in range(9, 3, -1) for step in (unsent(left), 9.0)), unsent(0), 30.0), False),
        ((*(step for left in range(90, 0, -1) for step in (unsent(left), 1.0)),), True),
    ],
    ids=["takes nothing", "not yet", "takes it", "too slowly"],
)
def test_an_answer_that_is_not_taken_does_not_stay(
    script: tuple[float | Callable[[OneAtATimeProtocol], None], ...], ends: bool
) -> None:
    """Nothing for ten seconds, or not all in a minute: the connection is reset, and its memory is free."""
    _, closed = play(in_one, KEEP_ALIVE, *script)

    assert closed == ends


def test_too_many_connections_and_none_idle_is_a_503() -> None:
    """As a problem; the others go on."""
    writes, closed = play(in_one, most=0)

    assert (status_and_detail(writes), closed) == ((503, "all 0 connections are in use; try again later"), True)
