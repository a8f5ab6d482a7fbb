"""A reset that meets a caller who hangs up at the same moment."""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING, Any

import pytest

from backend.reset import reset_connection

if TYPE_CHECKING:
    from starlette.types import Message


class Transport:
    """Records what is done to it; its socket fails when it is touched."""

    def __init__(self, trouble: Exception, *, closing: bool) -> None:
        self.trouble = trouble
        self.closing = closing
        self.said: list[str] = []

    def is_closing(self) -> bool:
        return self.closing

    def get_extra_info(self, name: str) -> Transport:
        assert name == "socket"
        return self

    def setsockopt(self, level: int, option: int, value: bytes) -> None:
        assert (level, option, len(value)) == (socket.SOL_SOCKET, socket.SO_LINGER, 8)
        self.said.append("setsockopt")
        raise self.trouble

    def abort(self) -> None:
        self.said.append("abort")


@pytest.mark.parametrize(
    ("closing", "said"), [(True, ["abort"]), (False, ["setsockopt", "abort"])], ids=["closing", "closed since"]
)
@pytest.mark.parametrize("trouble", [OSError(9, "Bad file descriptor"), ValueError("closed")], ids=["OS", "value"])
def test_a_hang_up_at_the_same_moment_is_quiet(trouble: Exception, closing: bool, said: list[str]) -> None:
    """A transport that closes is left alone, for its descriptor may be another's; one that has closed is no error."""
    transport = Transport(trouble, closing=closing)

    async def receive() -> Message:
        return {"type": "http.disconnect"}

    scope: dict[str, Any] = {"backend.transport": transport}
    asyncio.run(reset_connection(scope, receive))

    assert transport.said == said
