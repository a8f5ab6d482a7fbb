"""The plain things that the services are measured against: python -m bench.apps NAME."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from service import server

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

_BODY = b'{"data": "fresh from the backend"}'


def _answering(status: int) -> Any:
    start = {
        "type": "http.response.start",
        "status": status,
        "headers": [(b"content-type", b"application/json"), (b"content-length", str(len(_BODY)).encode())],
    }

    async def app(scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG001 - it reads nothing
        if scope["type"] == "http":
            await send(start)
            await send({"type": "http.response.body", "body": _BODY})

    return app


APPS = {"bare-200": _answering(200), "bare-503": _answering(503)}

if __name__ == "__main__":
    name = sys.argv.pop(1)
    sys.exit(server.main(name, "A bare ASGI app.", lambda: (APPS[name], "127.0.0.1", 0), lifespan="off"))
