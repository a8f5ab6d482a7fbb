"""Which Host and Origin are ours. Pure: the services and Locust's web UI ask it.

A page of another site can give its own name the address of this machine (DNS rebinding). Its requests then look as if
they came from a page of the service itself, except for the name in `Host`. So only known names are answered.
"""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

    Address = IPv4Address | IPv6Address

ANY = "*"
_DEFAULT_PORTS = {"http": 80, "https": 443}
# Compose makes names with underscores.
_NAME = re.compile(r"[a-z0-9_-]+(?:\.[a-z0-9_-]+)*")
_LONGEST_NAME = 253  # RFC 1035
_HOST = re.compile(
    r"(?P<name>\[[0-9a-f:.]{2,45}\]|[a-z0-9._-]{1,254})(?::(?P<port>[0-9]{1,5}))?", re.IGNORECASE | re.ASCII
)
_ORIGIN = re.compile(r"(?P<scheme>https?)://(?P<host>.+)", re.IGNORECASE | re.ASCII)
FORMS = "allowed: names and addresses without a port, *.NAME for all names below one, or * for any"


class _Place(NamedTuple):
    """What a Host header says: a name in lower case without a dot at its end, or an address; and the port."""

    name: str
    port: int | None


class AllowedHosts:
    """The names that a service answers to: those of loopback, the one it is bound to, and those of its settings.

    `names` are as `check_name` returns them. `bound_to` adds nothing where it stands for every address of the machine.
    """

    def __init__(self, names: Iterable[str] = (), bound_to: str = "localhost") -> None:
        given = set(names)
        self._any = ANY in given
        self._names = {each for each in given if not each.startswith(ANY)} | {"localhost", *_concrete(bound_to)}
        self._endings = tuple(each[1:] for each in given if each.startswith("*."))

    def allows_host(self, host: str | None) -> bool:
        """Return whether a request with this Host header is answered: none, two, or one that is no name is not."""
        place = None if host is None else _read_host(host)
        return place is not None and self._knows(place.name)

    def allows_origin(self, origin: str | None, host: str | None) -> bool:
        """Return whether a page of `origin` may ask for something at `host`: one of this service, or a program."""
        if origin is None:
            return True
        found = _ORIGIN.fullmatch(origin)
        if found is None or host is None:
            return False
        default = _DEFAULT_PORTS[found["scheme"].lower()]
        ours, theirs = _read_host(host), _read_host(found["host"])
        if ours is None or theirs is None or not self._knows(ours.name):
            return False
        return (ours.name, ours.port or default) == (theirs.name, theirs.port or default)

    def _knows(self, name: str) -> bool:
        if self._any or name in self._names or name.endswith(self._endings):
            return True
        address = _address(name)
        return address is not None and is_loopback(address)


def check_name(text: str) -> str:
    """Return an entry of the setting as it is compared. Raises ValueError."""
    if text == ANY:
        return text
    star, name = ("*.", text[2:]) if text.startswith("*.") else ("", text)
    name = name.lower().removesuffix(".")
    address = _address(name)
    if address is not None and not star:
        return str(address)
    if not _is_name(name):
        raise ValueError(FORMS)
    return star + name


def is_loopback(address: Address) -> bool:
    """Return whether only this machine can reach an address; one of IPv4 may be written as one of IPv6."""
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return (mapped or address).is_loopback


def _concrete(bound_to: str) -> set[str]:
    """Return the name that a service is bound to, as it is compared; none where that is every address."""
    try:
        name = check_name(bound_to)
    except ValueError:
        return set()
    address = _address(name)
    return set() if name.startswith(ANY) or (address is not None and address.is_unspecified) else {name}


def _read_host(text: str) -> _Place | None:
    """Read a Host header, or the same part of an Origin; none where it is neither a name nor an address."""
    found = _HOST.fullmatch(text)
    if found is None:
        return None
    name = found["name"].lower().removesuffix(".")
    port = None if found["port"] is None else int(found["port"])
    if port is not None and port > 65535:
        return None
    if name.startswith("["):
        address = _address(name)
        return None if address is None else _Place(str(address), port)
    return _Place(name, port) if _is_name(name) else None


def _is_name(text: str) -> bool:
    return len(text) <= _LONGEST_NAME and _NAME.fullmatch(text) is not None


def _address(name: str) -> Address | None:
    try:
        return ip_address(name[1:-1] if name.startswith("[") and name.endswith("]") else name)
    except ValueError:
        return None
