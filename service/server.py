"""Run an ASGI app on uvicorn with uvloop and httptools, without its logs, until a signal or the end of the parent."""

from __future__ import annotations

import argparse
import asyncio
import gc
import os
import sys
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import uvicorn

from inputs.wrong_input import WrongInputError
from service.guard.crowd import Crowd, raise_descriptor_limit
from service.guard.patience import LOOK_EVERY_S
from service.guard.settings import check_exposure
from service.listener import BACKLOG, listen, url_of
from service.observe.log import log_event, logger_of
from service.problems import problem
from service.protocol import OneAtATimeProtocol

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

    from starlette.types import ASGIApp, Receive, Scope, Send

    from service.listener import ListenSettings

# New objects before the garbage collector looks for cycles. The default, 700, is reached after a few requests.
COLLECT_EVERY = 5_000
# uvicorn's server calls `on_tick` so often.
_TICK_S = 0.1


class _Server(uvicorn.Server):
    """uvicorn's server with less garbage collection; it announces its start and its end.

    COLLECT_EVERY instead of the default saves 14 us of the 156 us of processor time that a protected call takes. The
    server itself announces its end, since a signal ends the process before `run` returns.
    """

    announce: Callable[[str], None]

    def __init__(self, config: uvicorn.Config, most_connections: int) -> None:
        super().__init__(config)
        self.server_state = Crowd(most_connections)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        # Excluding objects made at the start from collection saves a pause of 20 ms at each full collection.
        gc.collect()
        gc.freeze()
        gc.set_threshold(COLLECT_EVERY, 20, 20)
        self.announce("started")

    async def on_tick(self, counter: int) -> bool:
        if counter % round(LOOK_EVERY_S / _TICK_S) == 0:
            now = time.monotonic()
            for connection in list(self.server_state.connections):
                if isinstance(connection, OneAtATimeProtocol):
                    connection.check_patience(now)
        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        await super().shutdown(sockets)
        self.announce("stopped")


def main(prog: str, about: str, build: Callable[[], tuple[ASGIApp, ListenSettings]], **server: Any) -> int:
    """Parse the command line, build the app, serve it. Return the exit code: 0, or 2 for a user's mistake."""
    parser = argparse.ArgumentParser(prog=prog, description=about)
    parser.add_argument(
        "--until-stdin-closes",
        action="store_true",
        help="also stop when standard input closes, so that the service does not outlive its parent",
    )
    options = parser.parse_args()
    try:
        app, settings = build()
        listener = listen(settings.host, settings.port)
        check_exposure(listener.getsockname()[0], settings, f"{prog.upper()}_")
    except WrongInputError as error:
        for problem in error.told:
            sys.stderr.write(f"{prog}: {problem['detail']}\n")
        return 2
    url = settings.shown_url or url_of(settings.host, listener.getsockname()[1])
    sys.stdout.write(f"{prog}: {url}\n")
    sys.stdout.flush()
    logger = logger_of(prog)

    def announce(event: str) -> None:
        log_event(logger, event, url=url)

    run(app, listener, announce, until_stdin_closes=options.until_stdin_closes, **server)
    return 0


def run(
    app: ASGIApp,
    listener: socket.socket,
    announce: Callable[[str], None] = lambda _: None,
    *,
    until_stdin_closes: bool = False,
    **server: Any,
) -> None:
    """Serve until asked to stop; calls `announce` with "started" and "stopped".

    If the app has a state, `app.state.stopping` then says whether the server is stopping: endless answers have to end
    then.
    """

    async def serve_request(scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await app(scope, receive, send)
        except asyncio.CancelledError:  # the server's time limit for a request at shutdown is over
            if not instance.should_exit:
                raise
            with suppress(RuntimeError):  # the answer has begun
                await problem(503, "the service is stopping", {"Connection": "close"})(scope, receive, send)

    config = uvicorn.Config(
        serve_request,
        loop="uvloop",
        log_config=None,  # the service's own, see service.log
        log_level="warning",
        access_log=False,
        server_header=False,
        date_header=False,
        ws="none",
        backlog=BACKLOG,
        timeout_graceful_shutdown=3,
        **{"http": OneAtATimeProtocol, **server},
    )
    instance = _Server(config, raise_descriptor_limit())
    instance.announce = announce
    state = getattr(app, "state", None)
    if state is not None:
        state.stopping = lambda: instance.should_exit
    if until_stdin_closes:
        threading.Thread(target=_stop_at_end_of_stdin, args=(instance,), daemon=True).start()
    with suppress(KeyboardInterrupt):  # uvicorn has shut down properly, and raises Ctrl-C once more
        instance.run(sockets=[listener])


def _stop_at_end_of_stdin(instance: uvicorn.Server) -> None:
    while os.read(0, 4096):
        pass
    instance.should_exit = True
