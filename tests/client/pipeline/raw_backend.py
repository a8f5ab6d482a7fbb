"""A backend of a few lines that sends the bytes it is given, whatever they are worth."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

from client.pipeline.call import Answer, Call
from client.pipeline.upstream import Upstream
from client.settings import UpstreamSettings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine
    from typing import Any

    Chunks = Callable[[], AsyncIterator[bytes]]


def once(*chunks: bytes) -> Chunks:
    """Send these, and then close the connection."""

    async def stream() -> AsyncIterator[bytes]:
        for chunk in chunks:
            yield chunk

    return stream


class RawBackend:
    """Answers each connection's first request with `chunks`, and keeps what was asked.

    `hung_up` is set once a caller has closed its connection before the end of the answer.
    """

    def __init__(self, chunks: Chunks) -> None:
        self._chunks = chunks
        self.requests: list[bytes] = []
        self.sent = 0
        self.hung_up = asyncio.Event()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection."""
        try:
            self.requests.append(await reader.readuntil(b"\r\n\r\n"))
            async for chunk in self._chunks():
                writer.write(chunk)
                self.sent += len(chunk)
                await writer.drain()
        except (OSError, asyncio.IncompleteReadError):
            self.hung_up.set()
        finally:
            with suppress(OSError):
                writer.close()


async def with_backend(
    chunks: Chunks, transport: str, use: Callable[[Upstream, RawBackend], Coroutine[Any, Any, Any]], **settings: Any
) -> Any:
    """Return what `use` makes of an upstream of this backend."""
    backend = RawBackend(chunks)
    server = await asyncio.start_server(backend.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    try:
        chosen = UpstreamSettings.model_validate({"transport": transport, **settings})
        async with Upstream(f"http://127.0.0.1:{port}", chosen) as upstream:
            return await use(upstream, backend)
    finally:
        server.close()


def ask(chunks: Chunks, transport: str, **settings: Any) -> Answer:
    """Return the answer to one call, without the pipeline above. Raises CallError."""
    return asyncio.run(with_backend(chunks, transport, lambda upstream, _: upstream(Call("1")), **settings))
