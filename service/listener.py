"""A socket that listens, before there is a server."""

from __future__ import annotations

import os
import socket
from contextlib import ExitStack

from inputs.wrong_input import WrongInputError

BACKLOG = 2048


def listen(host: str, port: int) -> socket.socket:
    """Return a listening socket. Raises WrongInputError when the address cannot be had.

    It listens before the address is printed: who reads the address may connect at once, and waits until the app is up.
    """
    try:
        family, kind, proto, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with ExitStack() as on_failure:
            listener = on_failure.enter_context(socket.socket(family, kind, proto))
            if os.name == "posix":
                listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
            listener.listen(BACKLOG)
            on_failure.pop_all()
    except OSError as error:
        said = f"port {port} on {host} cannot be used: {error.strerror}; choose another, or end what holds it"
        raise WrongInputError([{"field": "port", "value": port, "detail": said}]) from error
    except ValueError as error:  # a name that no encoding of host names takes
        said = f"host: got {host!r:.80}; not the name or address of a host"
        raise WrongInputError([{"field": "host", "value": host, "detail": said}]) from error
    return listener
