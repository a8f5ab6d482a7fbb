"""Which Host and which Origin belong to a service."""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.guard.hosts import AllowedHosts, check_name

PLAIN = AllowedHosts()
NAMES = st.from_regex(r"[a-z0-9_-]{1,12}(\.[a-z0-9_-]{1,12}){0,3}", fullmatch=True)
PORTS = st.one_of(st.just(""), st.integers(0, 65535).map(lambda port: f":{port}"))


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "localhost:8000",
        "LOCALHOST:80",
        "LocalHost.",
        "localhost.:1",
        "127.0.0.1",
        "127.0.0.1:65535",
        "127.255.0.9:1",
        "[::1]",
        "[::1]:8000",
        "[0:0:0:0:0:0:0:1]:8000",
        "[::ffff:127.0.0.1]:8000",
    ],
)
def test_the_names_of_loopback_are_known(host: str) -> None:
    """In any case, at any port, with the dot that ends a full name."""
    assert PLAIN.allows_host(host)


@pytest.mark.parametrize(
    "host",
    [
        None,
        "",
        " ",
        "evil.example",
        "evil.example:8000",
        "localhost.evil.example",
        "evil.localhost",
        "127.0.0.1.evil.example",
        "127.0.0.1.nip.io",
        "localhost,localhost",
        "localhost, evil.example",
        "localhost evil.example",
        "localhost:",
        "localhost:x",
        "localhost:-1",
        "localhost:65536",
        "localhost:80:80",
        "localhost:\uff18\uff10",
        "localhost..",
        ".localhost",
        "..",
        "localhost/",
        "localhost#",
        "localhost?x",
        "localhost\\",
        "user@localhost",
        "http://localhost",
        "localhost\n",
        "localhost\x00",
        " localhost",
        "local\u017fhost",
        "loca\u212ahost",
        "::1",
        "[::1",
        "::1]",
        "[::2]",
        "[::]",
        "[localhost]",
        "[::1]x",
        "[::1%25lo]",
        "0.0.0.0:8000",
        "128.0.0.1",
        "10.0.0.1",
        "127.1",
        "0x7f.0.0.1",
        "2130706433",
        "127.0.0.01",
        "a" * 300,
        "*",
        "*.example.org",
    ],
)
def test_anything_else_is_not(host: str | None) -> None:
    """None at all, two, other names, and what is no name: it looks like one of ours to some reader or other."""
    assert not PLAIN.allows_host(host)


@given(st.text(max_size=40))
def test_no_text_is_known_that_does_not_begin_with_one_of_our_names(text: str) -> None:
    """Whatever comes in, the answer is yes or no, and yes to nothing but a name of loopback with or without a port."""
    ours = re.fullmatch(r"(?ai)(localhost\.?|127(\.\d{1,3}){3}|\[[0-9a-f:.]+\])(:\d{1,5})?", text)

    assert not PLAIN.allows_host(text) or ours is not None


@given(NAMES, PORTS)
def test_a_name_of_the_settings_is_known_with_any_port_and_no_name_beside_it(name: str, port: str) -> None:
    """Nor one before, after or above it."""
    hosts = AllowedHosts([check_name(name)])

    assert hosts.allows_host(name.upper() + port)
    assert hosts.allows_host(f"{name}.{port}")
    assert not hosts.allows_host(f"x{name}{port}")
    assert not hosts.allows_host(f"sub.{name}{port}")
    assert not hosts.allows_host(f"{name}.evil.example{port}")


@given(NAMES, NAMES, PORTS)
def test_a_star_stands_for_the_names_below(name: str, below: str, port: str) -> None:
    """Not for the name itself, as in Starlette's TrustedHostMiddleware, and not for what only ends alike."""
    hosts = AllowedHosts([check_name(f"*.{name}.org")])

    assert hosts.allows_host(f"{below}.{name}.org{port}")
    assert not hosts.allows_host(f"{name}.org{port}")
    assert not hosts.allows_host(f"{below}{name}.org.evil.example{port}")


@given(st.ip_addresses(), PORTS)
def test_an_address_is_known_if_it_is_ours(address: IPv4Address | IPv6Address, port: str) -> None:
    """The one a service is bound to, in any way of writing it; and those of loopback."""
    text = str(address) if address.version == 4 else f"[{address.exploded}]"
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None

    assert AllowedHosts([], str(address)).allows_host(text + port) or address.is_unspecified
    assert PLAIN.allows_host(text + port) == (mapped or address).is_loopback


@pytest.mark.parametrize("bound_to", ["0.0.0.0", "::", "0", "", "a b", "*", "*.example.org"])
def test_every_address_of_the_machine_is_no_name(bound_to: str) -> None:
    """A service that listens everywhere knows the names of loopback, and those of its settings."""
    hosts = AllowedHosts([], bound_to)

    assert hosts.allows_host("localhost")
    assert [hosts.allows_host(each) for each in ("0.0.0.0:8000", "[::]", "a.example.org")] == [False] * 3


def test_a_star_alone_lets_every_name_in_but_nothing_odd() -> None:
    """A request still has exactly one Host."""
    hosts = AllowedHosts([check_name("*")])

    assert [hosts.allows_host(each) for each in ("evil.example", "10.0.0.1:1", "[fe80::1]")] == [True] * 3
    assert [hosts.allows_host(each) for each in (None, "", "a,b", "a b", "a/b")] == [False] * 5


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("Client", "client"),
        ("breaker-lab_client-1", "breaker-lab_client-1"),
        ("lab.example.org.", "lab.example.org"),
        ("*.Example.org", "*.example.org"),
        ("*", "*"),
        ("10.0.0.1", "10.0.0.1"),
        ("[::1]", "::1"),
        ("0:0:0:0:0:0:0:1", "::1"),
    ],
)
def test_an_entry_of_the_setting_is_kept_as_it_is_compared(text: str, kept: str) -> None:
    """Small letters, no last dot, the short form of an address."""
    assert check_name(text) == kept


@pytest.mark.parametrize(
    "text",
    ["", " ", "a b", "lab:8000", "http://lab", "lab/", "*lab", "**", "*.", "a.*.b", "a..b", "ä", "[::1]:80", "*.*"],
)
def test_what_is_no_name_is_no_entry(text: str) -> None:
    """A port in it would never match, so it is not passed over in silence."""
    with pytest.raises(ValueError, match="allowed: names and addresses without a port"):
        check_name(text)


@pytest.mark.parametrize(
    ("origin", "host", "allowed"),
    [
        (None, "localhost:8000", True),
        (None, "evil.example", True),  # the Host is refused elsewhere; a program has no Origin
        ("http://localhost:8000", "localhost:8000", True),
        ("HTTP://LOCALHOST:8000", "localhost:8000", True),
        ("https://localhost", "localhost", True),
        ("http://localhost", "localhost:80", True),
        ("https://localhost:443", "localhost", True),
        ("http://[::1]:8000", "[::1]:8000", True),
        ("http://localhost:8001", "localhost:8000", False),
        ("http://localhost", "localhost:8000", False),
        ("http://127.0.0.1:8000", "localhost:8000", False),
        ("http://evil.example:8000", "localhost:8000", False),
        ("http://evil.example", "evil.example", False),  # a rebound name is its own origin
        ("http://localhost:8000.evil.example", "localhost:8000", False),
        ("null", "localhost:8000", False),
        ("", "localhost:8000", False),
        ("localhost:8000", "localhost:8000", False),
        ("file://", "localhost:8000", False),
        ("chrome-extension://localhost:8000", "localhost:8000", False),
        ("http://", "localhost:8000", False),
        ("http://[", "localhost:8000", False),
        ("http://localhost:8000/", "localhost:8000", False),
        ("http://x@localhost:8000", "localhost:8000", False),
        ("http://localhost:8000,http://localhost:8000", "localhost:8000", False),
        ("http://localhost:8000", None, False),
        ("http://localhost:8000", "", False),
    ],
)
def test_a_page_may_ask_its_own_service(origin: str | None, host: str | None, *, allowed: bool) -> None:
    """The same host and port, whatever the scheme: a proxy in front may have added TLS."""
    assert PLAIN.allows_origin(origin, host) is allowed


@given(st.text(max_size=40), st.text(max_size=40))
def test_an_origin_is_allowed_only_where_it_names_the_host(origin: str, host: str) -> None:
    """And only a known host."""
    assert not AllowedHosts(["*"]).allows_origin(origin, host) or host.partition(":")[0].lower() in origin.lower()
    assert not PLAIN.allows_origin(f"http://{host}", host) or PLAIN.allows_host(host)
