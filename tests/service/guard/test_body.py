"""Bodies: how long they may be, how long they may take, and what becomes of the rest."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from starlette.requests import Request

from inputs.wrong_input import WrongInputError
from service.guard.body import BoundedBody, read_object
from service.guard.limits import (
    BODY_SILENT_S,
    DROP_FOR_S,
    DROP_UP_TO,
    LONGEST_BODY,
    LONGEST_FAULTS_BODY,
)
from virtual_clock.loop import VirtualLoop

if TYPE_CHECKING:
    from collections.abc import Iterable

    from starlette.types import Message, Receive, Scope, Send

MIB = 1_048_576


class Caller:
    """Sends a request as a server would pass it on, and keeps what comes back, with the times.

    `coming`: parts of the body, the last of which is its end; after them nothing comes, or `then`.
    """

    def __init__(
        self, coming: Iterable[bytes], method: str = "PATCH", path: str = "/config", then: str = "", **headers: str
    ) -> None:
        self._coming = iter(coming)
        self._then = then
        self.taken = 0
        self.said: list[tuple[float, Message]] = []
        self.seen: list[bytes] = []
        names = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
        self._scope: Scope = {"type": "http", "method": method, "path": path, "headers": names, "query_string": b""}

    def send(self) -> Caller:
        """Send it all to an app behind the guard, on a clock that jumps."""
        with asyncio.Runner(loop_factory=VirtualLoop) as runner:
            runner.run(BoundedBody(self._app, "/faults")(self._scope, self._receive, self._send))
        return self

    async def _app(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] != "POST":  # a route that takes no body does not read it
            self.seen.append(await Request(scope, receive).body())
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    async def _receive(self) -> Message:
        part = next(self._coming, None)
        if part is not None:
            self.taken += len(part)
            return {"type": "http.request", "body": part, "more_body": part != b""}
        if self._then:
            return {"type": self._then}
        return await asyncio.get_running_loop().create_future()

    async def _send(self, message: Message) -> None:
        self.said.append((asyncio.get_running_loop().time(), message))

    @property
    def status(self) -> int:
        return int(self.said[0][1]["status"])

    @property
    def detail(self) -> str:
        return b"".join(message.get("body", b"") for _, message in self.said).decode()


def chunked(*parts: bytes) -> dict[str, Any]:
    return {"coming": [*parts, b""], "transfer_encoding": "chunked"}


def declared(length: int) -> dict[str, Any]:
    return {"coming": [b"x" * length, b""], "content_length": str(length)}


@pytest.mark.parametrize("form", [declared, lambda length: chunked(b"x" * (length - 9), b"x" * 9)])
@pytest.mark.parametrize(
    ("method", "path", "longest"),
    [
        ("PATCH", "/config", LONGEST_BODY),
        ("PUT", "/faults", LONGEST_FAULTS_BODY),
        ("PATCH", "/faults", LONGEST_FAULTS_BODY),
        ("DELETE", "/faults", LONGEST_BODY),
        ("PUT", "/faults/", LONGEST_BODY),
        ("GET", "/nowhere", LONGEST_BODY),
    ],
)
def test_a_body_may_be_so_long(form: Any, method: str, path: str, longest: int) -> None:
    """Exactly the limit passes, unchanged; a byte more is answered 413, which names the limit, and goes nowhere."""
    fits = Caller(method=method, path=path, **form(longest)).send()
    too_long = Caller(method=method, path=path, **form(longest + 1)).send()

    assert (fits.status, fits.seen) == (200, [b"x" * longest])
    assert (too_long.status, too_long.seen, too_long.taken) == (413, [], longest + 1)
    assert f"body: too long; allowed for {method} {path}: at most {longest:,} bytes" in too_long.detail


def test_a_route_without_a_body_has_none_left_over() -> None:
    """What it does not read is read for it, so the connection can be used again; too much of it is refused."""
    assert Caller(method="POST", **chunked(b"x" * 9)).send().taken == 9
    assert Caller(method="POST", **declared(9)).send().taken == 9
    assert Caller(method="POST", **declared(LONGEST_BODY + 1)).send().status == 413


def test_a_request_without_a_body_is_passed_on_at_once() -> None:
    """With nothing that would be read, or waited for."""
    for headers in ({}, {"content_length": "0"}):
        caller = Caller([], method="POST", **headers).send()

        assert (caller.status, caller.said[0][0]) == (200, 0)


def test_the_answer_comes_before_the_rest_which_is_read() -> None:
    """So a caller who reads early has it, and one who first sends all can send it; then the connection is closed."""
    caller = Caller([b"x" * MIB] * 20 + [b""], content_length=str(20 * MIB)).send()

    start, body, end = (message for _, message in caller.said)
    headers = dict(start["headers"])
    assert (headers[b"connection"], headers[b"content-type"]) == (b"close", b"application/problem+json")
    assert (int(headers[b"content-length"]), body["more_body"]) == (len(body["body"]), True)
    assert (end["body"], end["more_body"], caller.taken) == (b"", False, 20 * MIB)


@pytest.mark.parametrize("length", [str(10**12), "9" * 30, "-1", "many"])
def test_an_endless_body_is_read_up_to_a_bound(length: str) -> None:
    """Whatever its sender says of its length: 32 MB, and no more."""
    endless = iter(lambda: b"x" * MIB, b"")
    caller = Caller(endless, content_length=length).send()

    assert caller.status == 413
    assert DROP_UP_TO < caller.taken <= DROP_UP_TO + MIB


def test_a_rest_that_does_not_come_is_not_waited_for_longer_than_that() -> None:
    """The answer is there at once; the connection is closed after the time for the rest."""
    caller = Caller([b"x"], content_length="1000000").send()

    assert [at for at, _ in caller.said] == [0, 0, DROP_FOR_S]


def test_a_caller_who_leaves_while_the_rest_is_read_ends_it() -> None:
    """There is nobody to wait for."""
    caller = Caller([b"x"], then="http.disconnect", content_length="1000000").send()

    assert [at for at, _ in caller.said] == [0, 0, 0]


def test_a_body_that_stops_coming_is_answered_408() -> None:
    """After the time for a byte, which the answer names; each byte gives it anew."""
    caller = Caller([b"{", b"}"], content_length="1000").send()

    assert (caller.status, caller.said[0][0]) == (408, BODY_SILENT_S)
    assert "body: no byte came for 10 s" in caller.detail
    assert dict(caller.said[0][1]["headers"])[b"connection"] == b"close"


def test_a_caller_who_vanishes_while_sending_is_no_error() -> None:
    """Half a body, then a disconnect: nobody is answered, and no route is asked."""
    caller = Caller([b"{"], then="http.disconnect", content_length="1000").send()

    assert (caller.said, caller.seen) == ([], [])


def test_a_drain_that_is_cancelled_ends_its_answer() -> None:
    """The service is being stopped: what was answered is whole, and the server closes the connection."""
    said: list[Message] = []

    async def stop_while_draining() -> None:
        async def receive() -> Message:
            return await asyncio.get_running_loop().create_future()

        async def send(message: Message) -> None:
            said.append(message)

        async def app(*_: Any) -> None:
            raise AssertionError

        scope = {"type": "http", "method": "PUT", "path": "/", "headers": [(b"content-length", b"99999999")]}
        task = asyncio.ensure_future(BoundedBody(app, "/faults")(scope, receive, send))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(stop_while_draining())

    assert said[-1] == {"type": "http.response.body", "body": b"", "more_body": False}


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "body: not JSON: Expecting value: line 1 column 1 (char 0)"),
        (b"[]", "body: must be a JSON object"),
        (b"null", "body: must be a JSON object"),
        (b'{"a": "\xff"}', "body: not JSON: not a text in UTF-8"),
        (b'{"a":' * 51 + b"1" + b"}" * 51, "body: nested too deeply; allowed: at most 50 levels of brackets"),
        (b"[" * 30_000, "body: nested too deeply; allowed: at most 50 levels of brackets"),
        (b'{"a": ' + b"9" * 5000 + b"}", "body: not JSON: a whole number has more than 4,300 digits"),
    ],
)
def test_an_object_is_read_or_a_sentence_is_said(body: bytes, said: str) -> None:
    """Whatever comes: one problem about the body."""

    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    with pytest.raises(WrongInputError) as caught:
        asyncio.run(read_object(Request({"type": "http", "headers": []}, receive)))

    assert caught.value.problems == [{"field": "body", "value": None, "detail": said}]
