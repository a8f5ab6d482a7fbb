"""Reset a TCP connection from inside an ASGI app."""

from __future__ import annotations

import socket
import struct
from contextlib import suppress
from typing import TYPE_CHECKING, Any, cast

from service.protocol import OneAtATimeProtocol

if TYPE_CHECKING:
    import asyncio

    from starlette.types import Receive, Scope

_TRANSPORT = "backend.transport"
# l_onoff = 1, l_linger = 0: closing sends RST instead of FIN (socket(7)).
_ABORT = struct.pack("ii", 1, 0)


class ResettableProtocol(OneAtATimeProtocol):
    """The services' protocol; it also gives the app the connection's transport."""

    def on_message_begin(self) -> None:
        """Add the transport to the scope of the request that begins."""
        super().on_message_begin()
        # uvicorn types the scope as the HTTP part of the ASGI specification, which leaves room for more keys.
        cast("dict[str, Any]", self.scope)[_TRANSPORT] = self.transport


async def reset_connection(scope: Scope, receive: Receive) -> None:
    """Send RST to the caller of this request; without a transport (in a test client) do nothing."""
    transport: asyncio.Transport | None = scope.get(_TRANSPORT)
    if transport is None:
        return
    raw: socket.socket | None = transport.get_extra_info("socket")
    # If the caller hangs up at the same moment, the transport is closing, and its descriptor may already be reused.
    if raw is not None and not transport.is_closing():
        with suppress(OSError, ValueError):  # it may have been closed since
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _ABORT)
    transport.abort()
    while (await receive())["type"] != "http.disconnect":  # until the server has noticed it, too
        pass
