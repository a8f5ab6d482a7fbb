"""A socket that listens before the server starts."""

from __future__ import annotations

import os
import socket
from contextlib import ExitStack, suppress
from ipaddress import ip_address

from pydantic import Field

from inputs.shown_url import ShownUrl  # noqa: TC001 - pydantic reads the annotation
from inputs.wrong_input import WrongInputError
from service.guard.settings import AccessSettings

BACKLOG = 2048


class ListenSettings(AccessSettings):
    """Where a service listens, how its users reach it, and who may ask."""

    host: str = Field("127.0.0.1", description="address to listen on")
    port: int = Field(0, ge=0, le=65535, description="TCP port; 0: any free one")
    shown_url: ShownUrl | None = Field(
        None,
        exclude=True,
        description="URL of the service as its users know it, for its messages; none: the one it listens on",
    )


def url_of(host: str, port: int) -> str:
    """Return the URL at which this machine reaches a server; one that listens on all addresses is on loopback, too."""
    if host == "*":  # as Locust calls all addresses
        host = "127.0.0.1"
    with suppress(ValueError):
        address = ip_address(host)
        if address.is_unspecified:
            host = "127.0.0.1" if address.version == 4 else "::1"
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def listen(host: str, port: int) -> socket.socket:
    """Return a listening socket. Raises WrongInputError if the address cannot be used.

    It listens before the address is printed, so its reader can connect at once and wait for the app.
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
        said = (
            f"port {port} on {host} cannot be used: {error.strerror}; choose another, or stop the program that uses it"
        )
        raise WrongInputError([{"field": "port", "value": port, "detail": said}]) from error
    except ValueError as error:  # a name that cannot be encoded as a host name
        said = f"host: got {host!r:.80}; not the name or address of a host"
        raise WrongInputError([{"field": "host", "value": host, "detail": said}]) from error
    return listener
