"""Ask a URL whether it answers, for a container's health check: python -m service.probe http://HOST:PORT/PATH.

It runs every few seconds beside what is measured, so it imports little: urllib would take five times the processor.
"""

import socket
import sys

WITHIN_S = 5.0


def ask(url: str) -> str:
    """Return what is wrong with the answer of a URL; nothing if it is a success."""
    place, _, path = url.removeprefix("http://").partition("/")
    host, _, port = place.rpartition(":")
    try:
        with socket.create_connection((host, int(port)), WITHIN_S) as connection:
            connection.sendall(f"GET /{path} HTTP/1.1\r\nHost: {place}\r\nConnection: close\r\n\r\n".encode())
            with connection.makefile("rb") as answer:
                status = answer.readline(256).decode("latin-1").strip()
    except (OSError, ValueError) as error:
        return f"{url}: {error}"
    return "" if status.startswith(("HTTP/1.1 2", "HTTP/1.0 2")) else f"{url}: answered {status!r}"


if __name__ == "__main__":
    sys.exit(ask(sys.argv[1]) or None)
